//! ValidatingAdmissionPolicyBinding: where a policy that judges is in force, and what follows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{CATEGORIES, GROUP, binding, flags, not_enforced};
use crate::field::{Errors, Field};
use crate::kind::{Kind, Scope, Strategy};
use crate::kinds::base;
use crate::meta::Timestamp;
use crate::validate::FieldError;

const PLURAL: &str = "validatingadmissionpolicybindings";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: CATEGORIES,
        scope: Scope::Cluster,
        columns: binding::COLUMNS,
        flags: flags(),
        schema: "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
        ..base(GROUP, "ValidatingAdmissionPolicyBinding", PLURAL, &ValidatingAdmissionPolicyBinding)
    }
}

#[derive(Debug)]
struct ValidatingAdmissionPolicyBinding;

impl Strategy for ValidatingAdmissionPolicyBinding {
    fn default(&self, object: &mut Value) {
        binding::default(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors = binding::validate(&spec);
        errors.extend(actions(&spec.at("validationActions")));
        errors
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_enforced(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        binding::cells(object, now)
    }
}

fn actions(actions: &Field<'_>) -> Errors {
    let mut given = BTreeSet::new();
    let mut errors = Errors::new();
    for action in actions.items() {
        errors.extend(action.one_of(&["Audit", "Deny", "Warn"]));
        errors.extend((!given.insert(action.text())).then(|| action.duplicate()));
    }
    if given.contains("Deny") && given.contains("Warn") {
        let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API \
                   response and headers serves no purpose)";
        errors.push(actions.invalid(why));
    }
    errors.extend(given.is_empty().then(|| actions.required("at least one validation action is required")));
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted};
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn bound(fields: &Value) -> Value {
        let spec = json!({"policyName": "p", "validationActions": ["Deny"]});
        crate::kinds::tests::with(json!({"metadata": {"name": "b"}, "spec": spec}), "spec", fields)
    }

    fn told(fields: &Value, expected: &Expect) {
        check(&ValidatingAdmissionPolicyBinding, &bound(fields), expected);
    }

    #[test]
    fn it_names_a_policy_and_what_follows() {
        told(&json!({"validationActions": ["Deny", "Audit"]}), &expect![""]);
        told(
            &json!({"policyName": "", "validationActions": []}),
            &expect![[r#"
            spec.policyName: Required value
            spec.validationActions: Required value: at least one validation action is required"#]],
        );
        told(
            &json!({"validationActions": ["Deny", "Warn", "Warn", "Shout"]}),
            &expect![[r#"
            spec.validationActions[2]: Duplicate value: "Warn"
            spec.validationActions[3]: Unsupported value: "Shout": supported values: "Audit", "Deny", "Warn"
            spec.validationActions: Invalid value: ["Deny","Warn","Warn","Shout"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)"#]],
        );
        told(
            &json!({"matchResources": {"matchPolicy": "Near"}}),
            &expect![[
                r#"spec.matchResouces.matchPolicy: Unsupported value: "Near": supported values: "Equivalent", "Exact""#
            ]],
        );
    }

    #[test]
    fn parameters_are_named_or_selected() {
        let told = |parameters: Value, expected: &Expect| told(&json!({"paramRef": parameters}), expected);
        told(json!({"name": "n"}), &expect![""]);
        told(json!({}), &expect!["spec.paramRef: Required value: one of name or selector must be specified"]);
        told(
            json!({"name": "a/b", "selector": {}, "parameterNotFoundAction": "Cry"}),
            &expect![[r#"
            spec.paramRef.name: Invalid value: "a/b": may not contain '/'
            spec.paramRef.name: Forbidden: name and selector are mutually exclusive
            spec.paramRef.selector: Forbidden: name and selector are mutually exclusive
            spec.paramRef.parameterNotFoundAction: Unsupported value: "Cry": supported values: "Deny", "Allow""#]],
        );
        let filled = defaulted(&ValidatingAdmissionPolicyBinding, bound(&json!({"paramRef": {"name": "n"}})));
        assert_eq!(filled["spec"]["paramRef"]["parameterNotFoundAction"], "Deny");
    }

    #[test]
    fn rows_name_the_parameters() {
        let shown =
            |fields: Value| ValidatingAdmissionPolicyBinding.cells(&bound(&fields), Timestamp::UNIX_EPOCH)[2].clone();
        let row = ValidatingAdmissionPolicyBinding.cells(&bound(&json!({})), Timestamp::UNIX_EPOCH);
        assert_eq!(Value::from(row), json!(["b", "p", "<unset>", "<unknown>"]));
        assert_eq!(shown(json!({"paramRef": {"name": "n"}})), "*/n");
        assert_eq!(shown(json!({"paramRef": {"name": "n", "namespace": "x"}})), "x/n");
        assert_eq!(shown(json!({"paramRef": {"selector": {"matchLabels": {"a": "b"}}}})), "a=b");
    }
}
