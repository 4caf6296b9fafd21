//! The scheduler's turn: which pods wait, and what their placements ask for.

use std::collections::BTreeMap;

use api::change::Change;
use api::meta::{Key, Timestamp};
use api::view::{Event, View};
use scheduler::Placement;
use serde_json::{Value, json};

/// What an event means for placing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stir {
    /// Nothing.
    None,
    /// This pod may wait now.
    Pod(Key),
    /// Room may have appeared: every waiting pod is worth a try.
    Room,
}

pub(crate) fn stir(event: &Event) -> Stir {
    let Some(key) = event.key() else { return Stir::None };
    if key.is("", "nodes") {
        let facts = |record: &Option<std::sync::Arc<api::record::Record>>| {
            record.as_ref().map(|record| (record.header.facts.clone(), record.header.labels.clone()))
        };
        // A heartbeat changes neither facts nor labels.
        return if facts(&event.before) == facts(&event.after) && !tainted(event) { Stir::None } else { Stir::Room };
    }
    if !key.is("", "pods") {
        return Stir::None;
    }
    let bound = |record: &std::sync::Arc<api::record::Record>| record.header.facts.pod()?.node.clone();
    let ended = |record: &std::sync::Arc<api::record::Record>| {
        record.header.facts.pod().is_some_and(|facts| facts.phase.is_terminal())
    };
    match (&event.before, &event.after) {
        (Some(before), None) if bound(before).is_some() => Stir::Room,
        (Some(before), Some(after)) if bound(after).is_some() => {
            if ended(after) && !ended(before) {
                Stir::Room
            } else {
                Stir::None
            }
        }
        (_, Some(after)) if bound(after).is_none() => Stir::Pod(after.key.clone()),
        _ => Stir::None,
    }
}

/// Whether a node has taints before or after: their content is not among the facts.
fn tainted(event: &Event) -> bool {
    [&event.before, &event.after]
        .into_iter()
        .flatten()
        .any(|record| record.header.facts.node().is_some_and(|facts| facts.tainted))
}

/// What placements ask for: bindings side by side, then what to tell about the rest.
pub(crate) fn changes(view: &View, placements: Vec<Placement>, now: Timestamp) -> Vec<Change> {
    let mut bindings = Vec::new();
    let mut rest = Vec::new();
    for placement in placements {
        match placement {
            Placement::Chosen { pod, node } => {
                let Some(record) = view.get(&pod) else { continue };
                bindings.push(Change::Bind { pod, uid: record.header.uid.clone(), node });
            }
            Placement::Nowhere { pod, message } => rest.extend(unschedulable(view, &pod, &message, now)),
        }
    }
    bindings.append(&mut rest);
    bindings
}

/// Event for a binding that was carried out.
pub(crate) fn scheduled(change: &Change) -> Option<Change> {
    let Change::Bind { pod, uid, node } = change else { return None };
    Some(Change::Event {
        about: pod.clone(),
        uid: uid.clone(),
        warning: false,
        reason: "Scheduled",
        message: format!("Successfully assigned {}/{} to {node}", pod.namespace(), pod.name()),
    })
}

/// Condition `PodScheduled: False` and an event, unless the pod says so already.
fn unschedulable(view: &View, pod: &Key, message: &str, now: Timestamp) -> Vec<Change> {
    let Some(record) = view.get(pod) else { return Vec::new() };
    let Ok(object) = record.decode::<Value>() else { return Vec::new() };
    let mut conditions = object.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    let same =
        conditions.iter().any(|condition| condition["type"] == "PodScheduled" && condition["message"] == message);
    if same {
        return Vec::new();
    }
    let mut condition: BTreeMap<&str, Value> = BTreeMap::new();
    condition.insert("type", json!("PodScheduled"));
    condition.insert("status", json!("False"));
    condition.insert("reason", json!("Unschedulable"));
    condition.insert("message", json!(message));
    condition.insert("lastTransitionTime", json!(Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()));
    conditions.retain(|condition| condition["type"] != "PodScheduled");
    conditions.push(json!(condition));
    vec![
        Change::Patch {
            key: pod.clone(),
            subresource: Some("status"),
            if_revision: Some(record.revision),
            patch: json!({"status": {"conditions": conditions}}),
        },
        Change::Event {
            about: pod.clone(),
            uid: record.header.uid.clone(),
            warning: true,
            reason: "FailedScheduling",
            message: message.to_owned(),
        },
    ]
}
