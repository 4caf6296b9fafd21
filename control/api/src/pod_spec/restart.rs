//! When one container is started again, apart from what holds for the whole pod (KEP-5307), and when it is for new resources.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};

/// Most rules of a container, and exit codes of a rule.
const RULES_MAX: usize = 20;
const CODES_MAX: usize = 255;

/// Everything wrong with a container's own policy and its rules.
pub(super) fn rules(container: &Field<'_>) -> Errors {
    let (policy, rules) = (container.at("restartPolicy"), container.at("restartPolicyRules"));
    let mut errors: Errors = policy.one_of(&["Always", "Never", "OnFailure"]).into_iter().collect();
    if !policy.is_set() && !rules.is_empty() {
        errors.push(policy.required("must specify restartPolicy when restart rules are used"));
    }
    errors.extend(rules.too_many(RULES_MAX));
    for rule in rules.items() {
        errors.extend(rule.at("action").must_be_one_of(&["Restart", "RestartAllContainers"]));
        let codes = rule.at("exitCodes");
        if !codes.is_set() {
            errors.push(codes.required("must be specified"));
            continue;
        }
        errors.extend(codes.at("operator").must_be_one_of(&["In", "NotIn"]));
        let values = codes.at("values");
        errors.extend(values.is_empty().then(|| values.invalid("must specify at least one value")));
        errors.extend(values.too_many(CODES_MAX));
    }
    errors
}

/// Everything wrong with what a change of resources does to a container.
pub(super) fn on_resize(policies: &Field<'_>, pod_restarts: &str) -> Errors {
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for policy in policies.items() {
        // Kubernetes tells them without their place in the list.
        let [resource, restart] = ["resourceName", "restartPolicy"].map(|field| policy.at(field).told_at(policies));
        if !seen.insert(resource.text()) {
            errors.push(policy.duplicate_of(resource.value));
        }
        errors.extend(resource.must_be_one_of(&["cpu", "memory"]));
        errors.extend(restart.must_be_one_of(&["NotRequired", "RestartContainer"]));
        if pod_restarts == "Never" && restart.text() != "NotRequired" {
            let why = "must be 'NotRequired' when `restartPolicy` is 'Never'";
            errors.push(restart.invalid_part(restart.text(), why));
        }
    }
    errors
}
