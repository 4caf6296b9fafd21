//! ValidatingAdmissionPolicy: expressions that judge what is written.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{CATEGORIES, GROUP, flags, not_enforced, policy, scopes};
use crate::cel::{self, Outcome, Scope};
use crate::field::{Errors, Field};
use crate::kind::{self, Column, Flags, Kind, StatusKeeps, Strategy, Subresource};
use crate::kinds::base;
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{condition, json, json_path, name};

const COLUMNS: &[Column] = &policy::columns("Validations");
const PLURAL: &str = "validatingadmissionpolicies";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: CATEGORIES,
        scope: kind::Scope::Cluster,
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags { status_keeps: StatusKeeps::Metadata, ..flags() },
        schema: "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
        ..base(GROUP, "ValidatingAdmissionPolicy", PLURAL, &ValidatingAdmissionPolicy)
    }
}

#[derive(Debug)]
struct ValidatingAdmissionPolicy;

impl Strategy for ValidatingAdmissionPolicy {
    fn default(&self, object: &mut Value) {
        policy::default(object);
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let (spec, own) = (root.at("spec"), root.at("metadata").at("name"));
        let (validations, annotations) = (spec.at("validations"), spec.at("auditAnnotations"));
        let mut errors = policy::validate(&spec);
        if validations.is_empty() && annotations.is_empty() {
            let why = "validations or auditAnnotations must contain at least one item";
            errors.extend([validations.required(why), annotations.required(why)]);
            return errors;
        }
        errors.extend(validations.items().flat_map(|one| validation(&one, &spec)));
        let scope = scopes::part(&spec, usize::MAX).to(Outcome::TextOrNull);
        errors.extend(self::annotations(&annotations, own.text(), &scope));
        errors
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        let status = Field::root(object).at("status");
        let warnings = status.at("typeChecking").at("expressionWarnings");
        warnings.items().flat_map(|one| warning(&one)).chain(condition::all(&status.at("conditions"))).collect()
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_enforced(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        policy::cells(object, "/spec/validations", now)
    }
}

/// Everything wrong with what the check of types found.
fn warning(warning: &Field<'_>) -> Errors {
    let (text, place) = (warning.at("warning"), warning.at("fieldRef"));
    let mut errors: Errors = text.is_empty().then(|| text.required("")).into_iter().collect();
    match place.text().trim() {
        "" => errors.push(place.required("")),
        path => errors.extend(
            json_path::check(path).err().map(|why| place.invalid_part(path, format!("invalid JSONPath: {why}"))),
        ),
    }
    errors
}

fn validation(validation: &Field<'_>, spec: &Field<'_>) -> Errors {
    const REASONS: &[&str] = &["Forbidden", "Invalid", "RequestEntityTooLarge"];
    let [expression, message, computed] =
        ["expression", "message", "messageExpression"].map(|name| validation.at(name));
    let blank = |field: &Field<'_>| !field.is_empty() && field.text().trim().is_empty();
    let mut errors = Errors::new();
    if expression.text().trim().is_empty() {
        errors.push(expression.required("expression is not specified"));
    }
    errors.extend(cel::check(&expression, &scopes::part(spec, usize::MAX).to(Outcome::Truth)));
    errors.extend(blank(&computed).then(|| computed.invalid("must be non-empty if specified")));
    errors.extend(cel::check(&computed, &scopes::message(spec)));
    if blank(&message) {
        errors.push(message.invalid("message must be non-empty if specified"));
    } else if message.text().trim().contains(['\n', '\r']) {
        errors.push(message.invalid("message must not contain line breaks"));
    }
    errors.extend(validation.at("reason").one_of(REASONS));
    errors
}

/// Most annotations, and most bytes of an expression, which may make a longer text.
const ANNOTATIONS_MAX: usize = 20;
const EXPRESSION_MAX: usize = 5 * 1024;

/// Everything wrong with what a policy of that name adds to the audit log.
fn annotations(annotations: &Field<'_>, policy: &str, scope: &Scope<'_>) -> Errors {
    let mut errors = Errors::new();
    if annotations.items().count() > ANNOTATIONS_MAX {
        errors.push(annotations.invalid(format!("must not have more than {ANNOTATIONS_MAX} auditAnnotations")));
    }
    let mut keys = BTreeSet::new();
    for one in annotations.items() {
        let (key, expression) = (one.at("key"), one.at("valueExpression"));
        if policy.is_empty() {
            errors.push(key.invalid_part(key.text(), "requires metadata.name be non-empty"));
        } else {
            let full = format!("{policy}/{}", key.text());
            errors.extend(name::qualified(&full).into_iter().map(|why| key.invalid_part(full.as_str(), why)));
        }
        match expression.text().trim().len() {
            0 => errors.push(expression.required("valueExpression is not specified")),
            1..=EXPRESSION_MAX => errors.extend(cel::check(&expression, scope)),
            _ => errors.push(expression.required(&format!("must not exceed {EXPRESSION_MAX} bytes in length"))),
        }
        errors.extend((!keys.insert(key.text())).then(|| key.duplicate_of(&key.text().into())));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, with};
    use expect_test::{Expect, expect};

    fn policy(fields: &Value) -> Value {
        let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
        let spec = json!({"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}]});
        with(json!({"metadata": {"name": "p"}, "spec": spec}), "spec", fields)
    }

    fn told(fields: &Value, expected: &Expect) {
        check(&ValidatingAdmissionPolicy, &policy(fields), expected);
    }

    #[test]
    fn what_is_not_given_is_filled() {
        let object = defaulted(&ValidatingAdmissionPolicy, policy(&json!({})));
        let matches = &object["spec"]["matchConstraints"];
        assert_eq!(object["spec"]["failurePolicy"], "Fail");
        assert_eq!(matches["matchPolicy"], "Equivalent");
        assert_eq!((&matches["namespaceSelector"], &matches["objectSelector"]), (&json!({}), &json!({})));
        assert_eq!(matches["resourceRules"][0]["scope"], "*");
        told(&json!({}), &expect![""]);
    }

    #[test]
    fn it_is_about_something_and_says_something() {
        told(
            &json!({"failurePolicy": "Maybe", "matchConstraints": null, "validations": []}),
            &expect![[r#"
                spec.failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"
                spec.matchConstraints: Required value
                spec.validations: Required value: validations or auditAnnotations must contain at least one item
                spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item"#]],
        );
        let rules = json!([{"resourceNames": ["a", "a", "b/c"], "operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"],
            "resources": ["*"]}]);
        told(
            &json!({"matchConstraints": {"excludeResourceRules": rules, "matchPolicy": "Near"}}),
            &expect![[r#"
                spec.matchConstraints.matchPolicy: Unsupported value: "Near": supported values: "Equivalent", "Exact"
                spec.matchConstraints.excludeResourceRules[0].resourceNames[1]: Duplicate value: "a"
                spec.matchConstraints.excludeResourceRules[0].resourceNames[2]: Invalid value: "b/c": may not contain '/'
                spec.matchConstraints.resourceRules: Required value"#]],
        );
    }

    #[test]
    fn parameters_are_of_a_kind_and_variables_have_names() {
        let told = |kind: Value, expected: &Expect| told(&json!({"paramKind": kind}), expected);
        told(json!({"apiVersion": "v1", "kind": "ConfigMap"}), &expect![""]);
        told(
            json!({}),
            &expect![[r#"
            spec.paramKind.apiVersion: Required value
            spec.paramKind.kind: Required value"#]],
        );
        told(
            json!({"apiVersion": "a/b/c", "kind": "Config Map"}),
            &expect![[r#"
            spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c
            spec.paramKind.kind: Invalid value: "Config Map": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"#]],
        );
        told(
            json!({"apiVersion": "A/", "kind": "K"}),
            &expect![[r#"
            spec.paramKind.apiVersion: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.paramKind.apiVersion: Invalid value: "A/": version must be specified"#]],
        );
        let variables = json!([{"name": "a", "expression": "1"}, {"name": "1a", "expression": " "}, {"name": "in", "expression": "1"}, {}]);
        super::tests::told(
            &json!({"variables": variables}),
            &expect![[r#"
            spec.variables[1].name: Invalid value: "1a": name is not a valid CEL identifier
            spec.variables[1].expression: Required value: expression is not specified
            spec.variables[2].name: Invalid value: "in": name is not a valid CEL identifier
            spec.variables[3].name: Required value: name is not specified
            spec.variables[3].expression: Required value: expression is not specified"#]],
        );
    }

    #[test]
    fn validations_and_annotations_are_written_out() {
        let validations = json!([{"expression": " ", "message": " ", "messageExpression": "\n", "reason": "Because"},
            {"expression": "object.x == 1", "message": "a\nb"}]);
        let long = "x".repeat(EXPRESSION_MAX + 1);
        let annotations =
            json!([{"key": "a", "valueExpression": "'x'"}, {"key": "a"}, {"key": "b c", "valueExpression": long}]);
        told(
            &json!({"validations": validations, "auditAnnotations": annotations}),
            &expect![[r#"
                spec.validations[0].expression: Required value: expression is not specified
                spec.validations[0].messageExpression: Invalid value: "\n": must be non-empty if specified
                spec.validations[0].message: Invalid value: " ": message must be non-empty if specified
                spec.validations[0].reason: Unsupported value: "Because": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"
                spec.validations[1].message: Invalid value: "a\nb": message must not contain line breaks
                spec.auditAnnotations[1].valueExpression: Required value: valueExpression is not specified
                spec.auditAnnotations[1].key: Duplicate value: "a"
                spec.auditAnnotations[2].key: Invalid value: "p/b c": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
                spec.auditAnnotations[2].valueExpression: Required value: must not exceed 5120 bytes in length"#]],
        );
    }

    #[test]
    fn warnings_of_expressions_say_what_is_wrong_where() {
        let status = json!({"typeChecking": {"expressionWarnings": [{"fieldRef": " "}, {"warning": "w", "fieldRef": "spec.a[b]"},
                {"warning": "w", "fieldRef": "spec.validations[0].expression"}]}, "conditions": [{"type": "A"}]});
        let told = crate::kinds::tests::told;
        expect![[r#"
            status.typeChecking.expressionWarnings[0].warning: Required value
            status.typeChecking.expressionWarnings[0].fieldRef: Required value
            status.typeChecking.expressionWarnings[1].fieldRef: Invalid value: "spec.a[b]": invalid JSONPath: invalid array index b
            status.conditions[0].status: Required value
            status.conditions[0].lastTransitionTime: Required value
            status.conditions[0].reason: Required value"#]]
        .assert_eq(&told(&ValidatingAdmissionPolicy.validate_status(&json!({"status": status}), &json!({}))));
    }

    #[test]
    fn rows_count_validations() {
        let row = |fields: &Value| Value::from(ValidatingAdmissionPolicy.cells(&policy(fields), Timestamp::UNIX_EPOCH));
        assert_eq!(row(&json!({})), json!(["p", 1, "<unset>", "<unknown>"]));
        assert_eq!(row(&json!({"paramKind": {"apiVersion": "a/v1", "kind": "K"}}))[2], "a/v1/K");
    }
}
