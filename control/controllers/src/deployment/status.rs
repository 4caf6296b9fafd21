//! The status of a Deployment and its conditions `Available` and `Progressing`.

use api::meta::Timestamp;
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use serde_json::json;

use super::Seen;
use super::rollout::unavailable;
use super::sets::Sets;
use crate::decision::Decision;
use crate::objects::{patch, seconds};

/// `spec.progressDeadlineSeconds` when it is not given.
const DEADLINE_SECONDS: i32 = 600;

/// Numbers of pods over all sets.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Counts {
    total: i32,
    updated: i32,
    ready: i32,
    available: i32,
}

pub(super) fn update(
    seen: &Seen<'_>,
    sets: &Sets,
    created: Option<&str>,
    paused: bool,
    now: Timestamp,
    decision: &mut Decision,
) {
    let counts = Counts {
        total: sets.all().map(|set| set.facts.current).sum(),
        updated: sets.new.as_ref().map_or(0, |new| new.facts.current),
        ready: sets.all().map(|set| set.facts.ready).sum(),
        available: sets.all().map(|set| set.facts.available).sum(),
    };
    let old = seen.object.status.clone().unwrap_or_default();
    let mut conditions = old.conditions.clone().unwrap_or_default();
    let name = created.or(sets.new.as_ref().map(|new| new.record.key.name()));
    let progress = progress(seen, counts, &old, name, created.is_some(), paused, now);
    if let Some((status, reason, message, moved)) = progress {
        set(&mut conditions, "Progressing", status, reason, &message, now, moved);
    }
    let (status, reason, message) = if counts.available >= seen.replicas - unavailable(seen) {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    set(&mut conditions, "Available", status, reason, message, now, false);
    let some = |number: i32| (number > 0).then_some(number);
    let new = DeploymentStatus {
        observed_generation: seen.object.metadata.generation,
        replicas: some(counts.total),
        updated_replicas: some(counts.updated),
        ready_replicas: some(counts.ready),
        available_replicas: some(counts.available),
        unavailable_replicas: some((seen.replicas.max(counts.total) - counts.available).max(0)),
        conditions: Some(conditions),
        collision_count: old.collision_count,
        terminating_replicas: old.terminating_replicas,
    };
    look_again(seen, &new, counts, decision);
    if new != old {
        let number = |number: Option<i32>| json!(number);
        let status = json!({
            "observedGeneration": new.observed_generation,
            "replicas": number(new.replicas),
            "updatedReplicas": number(new.updated_replicas),
            "readyReplicas": number(new.ready_replicas),
            "availableReplicas": number(new.available_replicas),
            "unavailableReplicas": number(new.unavailable_replicas),
            "conditions": new.conditions,
        });
        decision.change(patch(seen.record, Some("status"), json!({"status": status})));
    }
}

fn complete(seen: &Seen<'_>, counts: Counts) -> bool {
    counts.updated == seen.replicas && counts.total == seen.replicas && counts.available >= seen.replicas
}

/// Condition `Progressing`: status, reason, message, and whether something moved, which renews `lastUpdateTime`.
fn progress(
    seen: &Seen<'_>,
    counts: Counts,
    old: &DeploymentStatus,
    set: Option<&str>,
    created: bool,
    paused: bool,
    now: Timestamp,
) -> Option<(&'static str, &'static str, String, bool)> {
    let known = old.conditions.iter().flatten().find(|condition| condition.type_.as_deref() == Some("Progressing"));
    let reason = known.and_then(|condition| condition.reason.as_deref());
    if paused {
        return Some(("Unknown", "DeploymentPaused", "Deployment is paused".into(), false));
    }
    let set = set.unwrap_or_default();
    if created {
        return Some(("True", "NewReplicaSetCreated", format!("Created new replica set \"{set}\""), true));
    }
    if complete(seen, counts) {
        return Some((
            "True",
            "NewReplicaSetAvailable",
            format!("ReplicaSet \"{set}\" has successfully progressed."),
            false,
        ));
    }
    // A finished rollout that loses a pod is not a rollout: its reason stands until the template changes.
    let same_template = seen.object.metadata.generation == old.observed_generation;
    if reason == Some("NewReplicaSetAvailable") && same_template && counts.updated == counts.total {
        return None;
    }
    let was = |number: Option<i32>| number.unwrap_or(0);
    let old_pods = counts.total - counts.updated < was(old.replicas) - was(old.updated_replicas);
    let moved = counts.updated > was(old.updated_replicas)
        || old_pods
        || counts.ready > was(old.ready_replicas)
        || counts.available > was(old.available_replicas);
    // Only progress ends it: the condition's own time is that of the failure.
    let overdue = reason == Some("ProgressDeadlineExceeded")
        || known.is_some_and(|condition| {
            let since = condition.last_update_time.as_ref().map_or(i64::MAX, |time| time.0.as_second());
            now.as_second() >= since.saturating_add(i64::from(deadline(seen)))
        });
    if moved || !overdue {
        return Some(("True", "ReplicaSetUpdated", format!("ReplicaSet \"{set}\" is progressing."), moved));
    }
    Some(("False", "ProgressDeadlineExceeded", format!("ReplicaSet \"{set}\" has timed out progressing."), false))
}

fn deadline(seen: &Seen<'_>) -> i32 {
    seen.object.spec.progress_deadline_seconds.unwrap_or(DEADLINE_SECONDS)
}

/// An unfinished rollout is looked at when its deadline passes.
fn look_again(seen: &Seen<'_>, status: &DeploymentStatus, counts: Counts, decision: &mut Decision) {
    let progressing =
        status.conditions.iter().flatten().find(|condition| condition.type_.as_deref() == Some("Progressing"));
    let Some(condition) = progressing.filter(|condition| condition.status.as_deref() == Some("True")) else { return };
    if complete(seen, counts) {
        return;
    }
    let since = condition.last_update_time.as_ref().map_or(0, |time| time.0.as_second());
    if let Ok(at) = Timestamp::from_second(since.saturating_add(i64::from(deadline(seen)))) {
        decision.look_at(at);
    }
}

fn set(
    conditions: &mut Vec<DeploymentCondition>,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
    moved: bool,
) {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    let time = || seconds(now).parse().ok().map(Time);
    if let Some(known) = conditions.iter_mut().find(|condition| condition.type_.as_deref() == Some(kind)) {
        let same = known.status.as_deref() == Some(status);
        if same && known.reason.as_deref() == Some(reason) && !moved {
            return;
        }
        if !same {
            known.last_transition_time = time();
        }
        known.status = Some(status.into());
        known.reason = Some(reason.into());
        known.message = Some(message.into());
        known.last_update_time = time();
        return;
    }
    conditions.push(DeploymentCondition {
        type_: Some(kind.into()),
        status: Some(status.into()),
        reason: Some(reason.into()),
        message: Some(message.into()),
        last_update_time: time(),
        last_transition_time: time(),
    });
}
