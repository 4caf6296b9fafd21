//! What users notice of webhook configurations.

use super::mutating_webhook_configuration::STRATEGY as CHANGING;
use super::validating_webhook_configuration::STRATEGY as JUDGING;
use crate::kind::Strategy;
use crate::kinds::tests::{defaulted, told};
use crate::meta::Timestamp;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

/// A sound webhook with some fields replaced; null takes one away.
fn webhook(other: &Value) -> Value {
    let mut hook = json!({"name": "a.b.c", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "s", "namespace": "n"}},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]});
    for (name, value) in other.as_object().unwrap() {
        hook[name] = value.clone();
    }
    hook.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    hook
}

/// What is wrong with a webhook, which both kinds say alike.
fn check(other: &Value, expected: &Expect) {
    let configuration = json!({"webhooks": [webhook(other)]});
    let judging = told(&JUDGING.validate_create(&defaulted(&JUDGING, configuration.clone())));
    let changing = told(&CHANGING.validate_create(&defaulted(&CHANGING, configuration)));
    assert_eq!(judging, changing);
    expected.assert_eq(&judging);
}

#[test]
fn what_is_not_given_is_filled() {
    let filled = |strategy: &dyn Strategy| {
        let other = json!({"rules": [{}], "timeoutSeconds": null, "clientConfig": {"service": {}}});
        defaulted(strategy, json!({"webhooks": [webhook(&other)]}))["webhooks"][0].clone()
    };
    let mut expected = json!({"name": "a.b.c", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"port": 443}}, "rules": [{"scope": "*"}], "failurePolicy": "Fail",
        "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "timeoutSeconds": 10});
    assert_eq!(filled(&JUDGING), expected);
    expected["reinvocationPolicy"] = "Never".into();
    assert_eq!(filled(&CHANGING), expected);
}

#[test]
fn sound_ones_pass() {
    check(&json!({}), &expect![""]);
    let rules = json!([{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]},
        {"operations": ["CREATE", "DELETE"], "apiGroups": ["", "apps"], "apiVersions": ["v1"], "resources": ["*", "pods/*"]}]);
    let url = json!({"url": "https://example.com:8443/path"});
    let path = json!({"service": {"name": "s", "namespace": "n", "path": "/a/b.c/"}});
    let conditions = json!([{"name": "a.b/c", "expression": "true"}]);
    check(
        &json!({"rules": rules, "clientConfig": url, "matchConditions": conditions, "timeoutSeconds": 30}),
        &expect![""],
    );
    check(&json!({"clientConfig": path, "admissionReviewVersions": ["v2", "v1beta1"]}), &expect![""]);
}

#[test]
fn names_are_full_and_unique() {
    check(&json!({"name": null}), &expect!["webhooks[0].name: Required value"]);
    check(
        &json!({"name": "a.b"}),
        &expect![[
            r#"webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots"#
        ]],
    );
    check(
        &json!({"name": "a.b.C"}),
        &expect![[
            r#"webhooks[0].name: Invalid value: "a.b.C": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#
        ]],
    );
    let twice = json!({"webhooks": [webhook(&json!({})), webhook(&json!({}))]});
    expect![[r#"webhooks[1].name: Duplicate value: "a.b.c""#]]
        .assert_eq(&told(&JUDGING.validate_create(&defaulted(&JUDGING, twice))));
}

#[test]
fn policies_and_times_are_of_a_kind() {
    check(
        &json!({"sideEffects": null, "failurePolicy": "Maybe", "matchPolicy": "Near", "timeoutSeconds": 31,
            "admissionReviewVersions": null, "namespaceSelector": {"matchLabels": {"a b": ""}}}),
        &expect![[r#"
            webhooks[0].failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"
            webhooks[0].matchPolicy: Unsupported value: "Near": supported values: "Equivalent", "Exact"
            webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun
            webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds
            webhooks[0].namespaceSelector.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1"#]],
    );
    check(
        &json!({"sideEffects": "Some", "timeoutSeconds": 0, "admissionReviewVersions": ["v2", "v2", "V"]}),
        &expect![[r#"
            webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"
            webhooks[0].timeoutSeconds: Invalid value: 0: the timeout value must be between 1 and 30 seconds
            webhooks[0].admissionReviewVersions[1]: Invalid value: "v2": duplicate version
            webhooks[0].admissionReviewVersions[2]: Invalid value: "V": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
            webhooks[0].admissionReviewVersions: Invalid value: ["v2","v2","V"]: must include at least one of v1, v1beta1"#]],
    );
    let again = json!({"webhooks": [webhook(&json!({"reinvocationPolicy": "Often"}))]});
    expect![[r#"webhooks[0].reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never""#]]
        .assert_eq(&told(
            &CHANGING.validate_create(&again).into_iter().filter(|one| one.path.contains("reinv")).collect::<Vec<_>>(),
        ));
}

#[test]
fn rules_cover_nothing_twice() {
    let rules = json!([{}, {"operations": ["*", "CREATE", "FLY"], "apiGroups": ["*", "a"], "apiVersions": ["*", ""],
        "resources": ["*/*", "pods", "*", "a/*", "a/b", "*/c", "d/c", ""], "scope": "Universe"}]);
    check(
        &json!({"rules": rules}),
        &expect![[r#"
            webhooks[0].rules[0].operations: Required value
            webhooks[0].rules[0].apiGroups: Required value
            webhooks[0].rules[0].apiVersions: Required value
            webhooks[0].rules[0].resources: Required value
            webhooks[0].rules[1].operations: Invalid value: ["*","CREATE","FLY"]: if '*' is present, must not specify other operations
            webhooks[0].rules[1].operations[2]: Unsupported value: "FLY": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"
            webhooks[0].rules[1].apiGroups: Invalid value: ["*","a"]: if '*' is present, must not specify other API groups
            webhooks[0].rules[1].apiVersions: Invalid value: ["*",""]: if '*' is present, must not specify other API versions
            webhooks[0].rules[1].apiVersions[1]: Required value
            webhooks[0].rules[1].resources[3]: Invalid value: "a/*": if '*/*' is present, must not specify a/*
            webhooks[0].rules[1].resources[4]: Invalid value: "a/b": if 'a/*' is present, must not specify a/b
            webhooks[0].rules[1].resources[5]: Invalid value: "*/c": if '*/*' is present, must not specify */c
            webhooks[0].rules[1].resources[6]: Invalid value: "d/c": if '*/c' is present, must not specify d/c
            webhooks[0].rules[1].resources[7]: Required value
            webhooks[0].rules[1].resources: Invalid value: ["*/*","pods","*","a/*","a/b","*/c","d/c",""]: if '*/*' is present, must not specify other resources
            webhooks[0].rules[1].scope: Unsupported value: "Universe": supported values: "*", "Cluster", "Namespaced""#]],
    );
    let both = json!([{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*", "pods"]}]);
    check(
        &json!({"rules": both}),
        &expect![[
            r#"webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources"#
        ]],
    );
}

#[test]
fn a_webhook_is_reached_in_one_way() {
    let check = |config: Value, expected: &Expect| check(&json!({"clientConfig": config}), expected);
    check(json!({}), &expect!["webhooks[0].clientConfig: Required value: exactly one of url or service is required"]);
    check(
        json!({"url": "http://u:p@/x?a=b#c"}),
        &expect![[r#"
            webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]
            webhooks[0].clientConfig.url: Invalid value: "": host must be provided; desired format: https://host[/path]
            webhooks[0].clientConfig.url: Invalid value: "u:p": user information is not permitted in the URL
            webhooks[0].clientConfig.url: Invalid value: "c": fragments are not permitted in the URL
            webhooks[0].clientConfig.url: Invalid value: "a=b": query parameters are not permitted in the URL"#]],
    );
    check(
        json!({"service": {"port": 0, "path": "a//B/"}}),
        &expect![[r#"
            webhooks[0].clientConfig.service.name: Required value: service name is required
            webhooks[0].clientConfig.service.namespace: Required value: service namespace is required
            webhooks[0].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive
            webhooks[0].clientConfig.service.path: Invalid value: "a//B/": must start with a '/'
            webhooks[0].clientConfig.service.path: Invalid value: "a//B/": segment[0] may not be empty
            webhooks[0].clientConfig.service.path: Invalid value: "a//B/": segment[1] may not be empty
            webhooks[0].clientConfig.service.path: Invalid value: "a//B/": segment[2]: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#]],
    );
    let twice = json!({"service": {"name": "s", "namespace": "n", "path": "//"}});
    check(
        twice,
        &expect![[r#"webhooks[0].clientConfig.service.path: Invalid value: "//": segment[0] may not be empty"#]],
    );
}

#[test]
fn conditions_are_named_and_few() {
    let conditions =
        json!([{"name": "a", "expression": " "}, {"name": "a", "expression": "x"}, {"name": "", "expression": "x"}]);
    check(
        &json!({"matchConditions": conditions}),
        &expect![[r#"
            webhooks[0].matchConditions[0].expression: Required value
            webhooks[0].matchConditions[1].name: Duplicate value: "a"
            webhooks[0].matchConditions[2].name: Required value"#]],
    );
    let many: Vec<Value> = (0..65).map(|nth| json!({"name": format!("c{nth}"), "expression": "x"})).collect();
    check(
        &json!({"matchConditions": many}),
        &expect!["webhooks[0].matchConditions: Too many: 65: must have at most 64 items"],
    );
}

#[test]
fn rows_count_webhooks_and_nobody_relies_on_them_unwarned() {
    let object = json!({"metadata": {"name": "w"}, "webhooks": [{}, {}]});
    let row = Value::from(CHANGING.cells(&object, Timestamp::UNIX_EPOCH));
    assert_eq!(row, json!(["w", 2, "<unknown>"]));
    let told = "validatingwebhookconfigurations.admissionregistration.k8s.io are stored, but this server does not enforce \
                them yet";
    assert_eq!(JUDGING.warnings(&object), [told]);
}
