//! What the status of every workload of the group has in common.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::json;

/// Everything wrong with a status whose counts of pods have these names: none may be negative, and none of those of `parts`
/// greater than all pods. What is available is ready, which is told in the words of `too_many_available`.
pub(super) fn counts(object: &Value, old: &Value, names: &[&str], parts: &[&str], too_many_available: &str) -> Errors {
    let status = Field::root(object).at("status");
    let mut errors = status.none_negative(names);
    let all = status.at("replicas").integer().unwrap_or_default();
    for part in parts.iter().map(|name| status.at(name)) {
        if part.integer().is_some_and(|number| number > all) {
            errors.push(part.invalid("cannot be greater than status.replicas"));
        }
    }
    let number = |name: &str| status.at(name).integer().unwrap_or_default();
    if parts.contains(&"availableReplicas") && number("availableReplicas") > number("readyReplicas") {
        errors.push(status.at("availableReplicas").invalid(too_many_available));
    }
    let collisions = status.at("collisionCount");
    if collisions.integer().unwrap_or_default() < json::integer(old, "/status/collisionCount") {
        errors.push(collisions.invalid_part(collisions.integer().unwrap_or_default(), "cannot be decremented"));
    }
    errors
}
