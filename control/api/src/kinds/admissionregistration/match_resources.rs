//! What a policy or a binding of one is about.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rules;
use crate::field::{Errors, Field};
use crate::{json, name, pod_spec};

const SELECTORS: [&str; 2] = ["namespaceSelector", "objectSelector"];
const RULES: [&str; 2] = ["resourceRules", "excludeResourceRules"];

/// Fills what is not given.
pub(super) fn default(matches: &mut Value) {
    json::fill(matches, "matchPolicy", "Equivalent");
    for selector in SELECTORS {
        json::fill(matches, selector, json!({}));
    }
    for list in RULES {
        for rule in json::items_mut(matches, list) {
            json::fill(rule, "scope", "*");
        }
    }
}

/// Everything wrong with `MatchResources`. Its errors may be told under another name.
pub(super) fn validate(matches: &Field<'_>) -> Errors {
    let mut errors: Errors = matches.at("matchPolicy").must_be_one_of(&["Equivalent", "Exact"]).into_iter().collect();
    for selector in SELECTORS.map(|name| matches.at(name)) {
        errors.extend((!selector.is_set()).then(|| selector.required("")));
        errors.extend(pod_spec::label_selector(&selector));
    }
    for rule in RULES.iter().flat_map(|list| matches.at(list).items()) {
        let mut names = BTreeSet::new();
        for one in rule.at("resourceNames").items() {
            errors.extend(name::path_segment(one.text()).into_iter().map(|why| one.invalid(why)));
            errors.extend((!names.insert(one.text())).then(|| one.duplicate()));
        }
        errors.extend(rules::rule(&rule));
    }
    errors
}
