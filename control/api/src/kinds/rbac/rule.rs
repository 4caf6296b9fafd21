//! One rule of a role: verbs on resources, or on URLs that are none.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::kind::Scope;

/// Everything wrong with the rules of a role whose reach is that.
pub(super) fn rules(object: &Value, reach: Scope) -> Errors {
    Field::root(object).at("rules").items().flat_map(|one| rule(&one, reach)).collect()
}

fn rule(rule: &Field<'_>, reach: Scope) -> Errors {
    let (verbs, urls) = (rule.at("verbs"), rule.at("nonResourceURLs"));
    let mut errors = Errors::new();
    errors.extend(verbs.is_empty().then(|| verbs.required("verbs must contain at least one value")));
    if !urls.is_empty() {
        if reach == Scope::Namespaced {
            errors.push(urls.invalid("namespaced rules cannot apply to non-resource URLs"));
        }
        if ["apiGroups", "resources", "resourceNames"].iter().any(|list| !rule.at(list).is_empty()) {
            errors.push(urls.invalid("rules cannot apply to both regular resources and non-resource URLs"));
        }
        return errors;
    }
    let needed = [
        ("apiGroups", "resource rules must supply at least one api group"),
        ("resources", "resource rules must supply at least one resource"),
    ];
    let lists = needed.iter().map(|(list, why)| (rule.at(list), why)).filter(|(list, _)| list.is_empty());
    errors.extend(lists.map(|(list, why)| list.required(why)));
    errors
}
