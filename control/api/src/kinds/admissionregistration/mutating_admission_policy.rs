//! MutatingAdmissionPolicy: expressions that change what is written.

use serde_json::Value;

use super::{CATEGORIES, GROUP, flags, not_enforced, policy, scopes};
use crate::cel::{self, Outcome, Scope};
use crate::field::{Errors, Field};
use crate::kind::{self, Column, Kind, Strategy};
use crate::kinds::base;
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &policy::columns("Mutations");
const PLURAL: &str = "mutatingadmissionpolicies";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: CATEGORIES,
        scope: kind::Scope::Cluster,
        columns: COLUMNS,
        flags: flags(),
        schema: "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy",
        ..base(GROUP, "MutatingAdmissionPolicy", PLURAL, &MutatingAdmissionPolicy)
    }
}

#[derive(Debug)]
struct MutatingAdmissionPolicy;

impl Strategy for MutatingAdmissionPolicy {
    fn default(&self, object: &mut Value) {
        policy::default(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mutations = spec.at("mutations");
        let scope = scopes::part(&spec, usize::MAX).with_patches();
        let mut errors = policy::validate(&spec);
        if mutations.is_empty() {
            errors.push(mutations.required("mutations must contain at least one item"));
        }
        errors.extend(mutations.items().flat_map(|one| mutation(&one, &scope)));
        errors.extend(spec.at("reinvocationPolicy").must_be_one_of(&["IfNeeded", "Never"]));
        errors
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_enforced(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        policy::cells(object, "/spec/mutations", now)
    }
}

/// Kinds of patches, each with the field that it needs and that the other may not have, and what that comes to.
const PATCHES: [(&str, &str, Outcome); 2] =
    [("ApplyConfiguration", "applyConfiguration", Outcome::Configuration), ("JSONPatch", "jsonPatch", Outcome::Patch)];

fn mutation(mutation: &Field<'_>, scope: &Scope<'_>) -> Errors {
    let kind = mutation.at("patchType");
    if let Some(error) = kind.must_be_one_of(&PATCHES.map(|(kind, ..)| kind)) {
        return vec![error];
    }
    let mut errors = Errors::new();
    for (one, part, outcome) in PATCHES {
        let patch = mutation.at(part);
        let expression = patch.at("expression");
        match (one == kind.text(), patch.is_set()) {
            (true, false) => errors.push(patch.required(&format!("must be specified when patchType is {one}"))),
            (true, true) if expression.text().trim().is_empty() => {
                errors.push(expression.required("expression is not specified"));
            }
            (true, true) => errors.extend(cel::check(&expression, &scope.to(outcome))),
            (false, true) => {
                let why = format!("must not be specified when patchType is {}", kind.text());
                errors.push(patch.invalid_part(format!("{{{part}}}"), why));
            }
            _ => {}
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::check;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn policy(mutations: &Value) -> Value {
        let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
        json!({"metadata": {"name": "p"}, "spec": {"matchConstraints": {"resourceRules": [rule]}, "mutations": mutations,
            "reinvocationPolicy": "Never"}})
    }

    #[test]
    fn it_changes_something_in_one_way() {
        let told = |mutations: Value, expected: &Expect| check(&MutatingAdmissionPolicy, &policy(&mutations), expected);
        told(
            json!([{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'remove', path: '/a'}]"}}]),
            &expect![""],
        );
        told(json!([]), &expect!["spec.mutations: Required value: mutations must contain at least one item"]);
        let mutations = json!([{}, {"patchType": "Diff"}, {"patchType": "JSONPatch", "applyConfiguration": {}},
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": " "}}]);
        told(
            mutations,
            &expect![[r#"
            spec.mutations[0].patchType: Required value
            spec.mutations[1].patchType: Unsupported value: "Diff": supported values: "ApplyConfiguration", "JSONPatch"
            spec.mutations[2].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch
            spec.mutations[2].jsonPatch: Required value: must be specified when patchType is JSONPatch
            spec.mutations[3].applyConfiguration.expression: Required value: expression is not specified"#]],
        );
        check(
            &MutatingAdmissionPolicy,
            &json!({"spec": {"mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'remove', path: '/a'}]"}}]}}),
            &expect![[r#"
            spec.matchConstraints: Required value
            spec.reinvocationPolicy: Required value"#]],
        );
    }

    #[test]
    fn rows_count_mutations() {
        let row = MutatingAdmissionPolicy.cells(&policy(&json!([{}, {}])), Timestamp::UNIX_EPOCH);
        assert_eq!(Value::from(row), json!(["p", 2, "<unset>", "<unknown>"]));
    }
}
