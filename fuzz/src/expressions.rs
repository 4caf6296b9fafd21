//! Expressions of admission policies and of selectors of devices, and paths into objects.

use api::kinds;
use serde_json::json;

/// Most bytes that are said of one expression: of a hundred faults each, one line of at most 16 kB twice, and the text itself.
const TOLD_MAX: usize = 100 * 2 * 17_000;

/// Whatever the text is, it is judged, at bounded length; that it stands as a rule makes it stand as a variable.
pub(crate) fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let kind = kinds::find("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies").unwrap();
    let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
    let told = |rule_text: &str, variable: &str| {
        let mut policy = json!({"metadata": {"name": "p"}, "spec": {
            "matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": rule_text}],
            "variables": [{"name": "v", "expression": variable}]}});
        kind.strategy.default(&mut policy);
        kind.strategy.validate(&policy)
    };
    let as_rule = told(text, "1");
    let length: usize = as_rule.iter().map(|error| error.message().len()).sum();
    assert!(length <= TOLD_MAX + 8 * text.len(), "{length} bytes are told of {} bytes", text.len());
    if as_rule.is_empty() && !text.contains("variables") {
        let as_variable = told("variables.v", text);
        assert!(as_variable.is_empty(), "{as_variable:?}");
    }
}

/// Whatever the text is, its cost is found, and it is told once when it cannot stand.
pub(crate) fn selector(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let kind = kinds::find("resource.k8s.io", "v1", "deviceclasses").unwrap();
    let class = json!({"metadata": {"name": "c"}, "spec": {"selectors": [{"cel": {"expression": text}}]}});
    let told = kind.strategy.validate(&class);
    assert!(told.len() <= 1, "{told:?}");
}

/// A path that can be read can be read in a condition of another, unless it would end that one.
pub(crate) fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let kind = kinds::find("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies").unwrap();
    let stands = |path: &str| {
        let warning = json!({"warning": "w", "fieldRef": path});
        let policy = json!({"status": {"typeChecking": {"expressionWarnings": [warning]}}});
        kind.strategy.validate_status(&policy, &policy).is_empty()
    };
    if stands(text) && !text.contains(['\\', '{', '}', '(', ')', '"', '\'', '!', '<', '>', '=', '~']) {
        assert!(stands(&format!("items[?(@.{})]", text.trim().trim_start_matches(['.', '@', '$']))), "{text:?}");
    }
}
