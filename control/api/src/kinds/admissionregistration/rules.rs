//! Which operations on which resources a webhook or policy is asked about.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};

const OPERATIONS: &[&str] = &["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: &[&str] = &["*", "Cluster", "Namespaced"];

/// Everything wrong with a `RuleWithOperations`.
pub(super) fn rule(rule: &Field<'_>) -> Errors {
    let (operations, groups, versions) = (rule.at("operations"), rule.at("apiGroups"), rule.at("apiVersions"));
    let mut errors: Errors = operations.must().into_iter().collect();
    errors.extend(all_or_some(&operations, "operations"));
    errors.extend(operations.items().filter_map(|one| one.one_of(OPERATIONS)));
    errors.extend(groups.must());
    errors.extend(all_or_some(&groups, "API groups"));
    errors.extend(versions.must());
    errors.extend(all_or_some(&versions, "API versions"));
    errors.extend(versions.items().filter_map(|version| version.must()));
    errors.extend(resources(&rule.at("resources")));
    errors.extend(rule.at("scope").one_of(SCOPES));
    errors
}

/// An error when `*` stands beside others.
fn all_or_some(list: &Field<'_>, what: &str) -> Option<crate::validate::FieldError> {
    let wrong = list.items().count() > 1 && list.items().any(|one| one.text() == "*");
    wrong.then(|| list.invalid(format!("if '*' is present, must not specify other {what}")))
}

/// Everything wrong with resources such as `pods`, `pods/*` and `*/scale`.
fn resources(list: &Field<'_>) -> Errors {
    let mut errors: Errors = list.must().into_iter().collect();
    let (mut all_parts_of, mut of_all) = (BTreeSet::new(), BTreeSet::new());
    let mut whole = false;
    for one in list.items() {
        let text = one.text();
        if text.is_empty() {
            errors.push(one.required(""));
            continue;
        }
        let Some((resource, part)) = text.split_once('/') else {
            whole = text != "*";
            continue;
        };
        let mut covered =
            |by: String| errors.push(one.invalid(format!("if '{by}' is present, must not specify {text}")));
        if all_parts_of.contains(resource) {
            covered(format!("{resource}/*"));
        }
        if of_all.contains(part) {
            covered(format!("*/{part}"));
        }
        if part == "*" {
            all_parts_of.insert(resource);
        }
        if resource == "*" {
            of_all.insert(part);
        }
    }
    let has = |text: &str| list.items().any(|one| one.text() == text);
    if list.items().count() > 1 && has("*/*") {
        errors.push(list.invalid("if '*/*' is present, must not specify other resources"));
    }
    if whole && has("*") {
        errors.push(list.invalid("if '*' is present, must not specify other resources without subresources"));
    }
    errors
}
