//! Expressions of admission policies.

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
