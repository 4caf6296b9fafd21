//! What may change of a Pod that is held by a scheduling gate: which nodes it may go to, as long as they become fewer.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::json::items;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Everything wrong with the change of the nodes that a held Pod may go to.
pub(super) fn narrowed(spec: &Field<'_>, before: &Value) -> Errors {
    let mut errors = Errors::new();
    let selector = spec.at("nodeSelector");
    let mut kept = before["nodeSelector"].as_object().into_iter().flatten();
    if !kept.all(|(key, value)| selector.value.get(key) == Some(value)) {
        let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        errors.push(selector.invalid(why));
    }
    let terms = spec.at("affinity").at("nodeAffinity").at(REQUIRED).at("nodeSelectorTerms");
    let old = items(before, &format!("/affinity/nodeAffinity/{REQUIRED}/nodeSelectorTerms"));
    let new = items(terms.value, "");
    if !old.is_empty() && old.len() != new.len() {
        errors.push(terms.invalid("no additions/deletions to non-empty NodeSelectorTerms list are allowed"));
        return errors;
    }
    for (term, old) in terms.items().zip(old) {
        if !adds(term.value, old) {
            errors.push(term.invalid("only additions are allowed (no mutations or deletions)"));
        }
    }
    errors
}

/// Whether the term only has more conditions. One without conditions matches nothing, so nothing may be added to it.
fn adds(term: &Value, old: &Value) -> bool {
    let lists = ["matchExpressions", "matchFields"].map(|list| (&term[list], &old[list]));
    let none = |list: &Value| items(list, "").is_empty();
    if lists.iter().all(|(_, old)| none(old)) {
        return lists.iter().all(|(new, _)| none(new));
    }
    lists.iter().all(|(new, old)| items(new, "").starts_with(items(old, "")))
}

/// Puts the old values into a `spec` where [`narrowed`] has looked.
pub(super) fn forget(spec: &mut Value, before: &Value) {
    spec["nodeSelector"] = before["nodeSelector"].clone();
    let old = &before["affinity"]["nodeAffinity"];
    if spec["affinity"].is_null() && !old.is_null() {
        spec["affinity"] = json!({});
    }
    if let Some(affinity) = spec["affinity"].as_object_mut() {
        affinity.remove("nodeAffinity");
        if !old.is_null() {
            affinity.insert("nodeAffinity".to_owned(), old.clone());
        }
        if affinity.is_empty() && before["affinity"].is_null() {
            spec["affinity"] = Value::Null;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::immutable_but_a_few;
    use super::*;
    use expect_test::{Expect, expect};

    fn check(old: &Value, new: &Value, expected: &Expect) {
        let held = |part: &Value| {
            let mut spec = json!({"containers": [], "schedulingGates": [{"name": "g"}]});
            spec.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
            json!({"spec": spec})
        };
        let told: Vec<String> = immutable_but_a_few(&held(new), &held(old)).iter().map(ToString::to_string).collect();
        expected.assert_eq(&told.join("\n"));
    }

    fn affinity(terms: &Value) -> Value {
        json!({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}})
    }

    #[test]
    fn a_held_pod_may_be_bound_to_fewer_nodes() {
        let term = json!({"key": "a", "operator": "Exists"});
        check(&json!({}), &json!({"nodeSelector": {"a": "b"}}), &expect![""]);
        check(&json!({}), &affinity(&json!([{"matchExpressions": [term]}])), &expect![""]);
        let more = json!([{"matchExpressions": [term, term]}]);
        check(&affinity(&json!([{"matchExpressions": [term]}])), &affinity(&more), &expect![""]);
    }

    #[test]
    fn but_not_to_others() {
        let term = json!({"key": "a", "operator": "Exists"});
        check(
            &json!({"nodeSelector": {"a": "b"}}),
            &json!({"nodeSelector": {"a": "c"}}),
            &expect![[
                r#"spec.nodeSelector: Invalid value: {"a":"c"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)"#
            ]],
        );
        let one = affinity(&json!([{"matchExpressions": [term]}]));
        check(
            &one,
            &json!({}),
            &expect![
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed"
            ],
        );
        check(
            &one,
            &affinity(&json!([{"matchFields": [term]}])),
            &expect![[
                r#"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: Invalid value: {"matchFields":[{"key":"a","operator":"Exists"}]}: only additions are allowed (no mutations or deletions)"#
            ]],
        );
        check(
            &affinity(&json!([{}])),
            &one,
            &expect![[
                r#"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: Invalid value: {"matchExpressions":[{"key":"a","operator":"Exists"}]}: only additions are allowed (no mutations or deletions)"#
            ]],
        );
    }
}
