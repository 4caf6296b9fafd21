//! Disruption budgets: how many pods of a selection may be taken away on purpose, and who has been (policy/v1).

use std::time::Duration;

use serde_json::{Value, json};

use crate::meta::Timestamp;
use crate::selector::LabelSelector;
use crate::{json, time};

/// How long an evicted pod that is still there counts as going; then it is taken for one that stays, as in Kubernetes.
pub const DELETION_TIMEOUT: Duration = Duration::from_secs(2 * 60);
/// Type of the one condition of a budget.
pub const ALLOWED: &str = "DisruptionAllowed";
/// Reason of that condition when the budget could not be computed.
pub const SYNC_FAILED: &str = "SyncFailed";

/// Which pods a budget protects, by the budget's `spec.selector`: `None` when none at all, because the selector is absent or
/// malformed. An empty one protects every pod of the namespace.
#[must_use]
pub fn protects(budget: &Value) -> Option<LabelSelector> {
    let selector = budget.pointer("/spec/selector").filter(|selector| !selector.is_null())?;
    LabelSelector::from_value(selector).ok()
}

/// The condition of that type.
#[must_use]
pub fn condition<'a>(conditions: &'a [Value], of_type: &str) -> Option<&'a Value> {
    conditions.iter().find(|one| one["type"] == of_type)
}

/// `status.conditions` of a budget with the condition that follows from the number of disruptions allowed.
#[must_use]
pub fn with_verdict(status: &Value, allowed: i64, generation: i64, now: Timestamp) -> Vec<Value> {
    let (holds, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    with_condition(status, holds, reason, "", generation, now)
}

/// `status.conditions` of a budget that could not be computed.
#[must_use]
pub fn with_failure(status: &Value, why: &str, generation: i64, now: Timestamp) -> Vec<Value> {
    with_condition(status, "False", SYNC_FAILED, why, generation, now)
}

fn with_condition(
    status: &Value,
    holds: &str,
    reason: &str,
    message: &str,
    generation: i64,
    now: Timestamp,
) -> Vec<Value> {
    let mut conditions = json::items(status, "/conditions").to_vec();
    let before = condition(&conditions, ALLOWED).filter(|before| before["status"] == holds);
    let since = before.map_or_else(|| time::text(now).into(), |before| before["lastTransitionTime"].clone());
    let next = json!({
        "type": ALLOWED, "status": holds, "reason": reason, "message": message,
        "observedGeneration": generation, "lastTransitionTime": since,
    });
    match conditions.iter_mut().find(|one| one["type"] == ALLOWED) {
        Some(known) => *known = next,
        None => conditions.push(next),
    }
    conditions
}
