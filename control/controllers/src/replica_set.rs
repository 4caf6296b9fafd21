//! ReplicaSets: as many pods as wanted, the right ones removed when there are too many.

use std::sync::Arc;

use api::change::Change;
use api::facts::{Phase, PodFacts};
use api::meta::{Key, Resource, Timestamp};
use api::record::Record;
use api::selector::LabelSelector;
use api::view::{Event, View};
use serde_json::{Value, json};

use crate::claim::{Claim, selector};
use crate::decision::{Damaged, Decision, Tell};
use crate::objects::{controller_reference, decode, delete, hash, patch, pods, suffixed};

/// Pods made or removed by one decision; the rest follows when these are seen (as kube-controller-manager's burst).
const BURST: usize = 500;

fn claim() -> Claim {
    Claim {
        kind: "ReplicaSet",
        owners: Resource::new("apps", "replicasets"),
        resource: pods(),
        worth: |pod| pod.header.facts.pod().is_some_and(|facts| !facts.phase.is_terminal()),
    }
}

pub(crate) fn due(view: &View, event: &Event) -> Vec<Key> {
    let mut keys = Vec::new();
    for record in [&event.before, &event.after].into_iter().flatten() {
        if record.key.is("apps", "replicasets") {
            keys.push(record.key.clone());
        } else if record.key.is("", "pods") {
            keys.extend(claim().due(view, record, event.before.is_none()));
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Result<Decision, Damaged> {
    let Some(record) = view.get(key) else { return Ok(Decision::nothing()) };
    let set: Value = decode(record)?;
    let mut decision = Decision::nothing();
    let Some(selector) = selector(&set) else { return Ok(decision) };
    let claim = claim();
    let mine = claim.of(view, record, &selector, &mut decision);
    let active: Vec<Pod<'_>> = mine.iter().filter_map(|record| Pod::active(record)).collect();
    let wanted = set.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    if record.header.deletion.is_none() && decision.steps.is_empty() {
        if active.len() < wanted {
            create(view, record, &set, (wanted - active.len()).min(BURST), &mut decision);
        } else if active.len() > wanted {
            let surplus = (active.len() - wanted).min(BURST);
            remove(view, record, active.clone(), surplus, &mut decision);
        }
    }
    update_status(record, &set, &active, now, &mut decision);
    Ok(decision)
}

/// A pod that counts: neither ended nor being deleted.
#[derive(Clone, Debug)]
struct Pod<'a> {
    record: &'a Arc<Record>,
    facts: &'a PodFacts,
}

impl<'a> Pod<'a> {
    fn active(record: &'a Arc<Record>) -> Option<Self> {
        let facts = record.header.facts.pod()?;
        (record.header.deletion.is_none() && !facts.phase.is_terminal()).then_some(Self { record, facts })
    }

    /// When the pod counts as available, seconds since 1970; `None` while it is not ready.
    fn available_at(&self, min_ready_seconds: i64) -> Option<i64> {
        self.facts.ready.then(|| self.facts.ready_since.saturating_add(min_ready_seconds))
    }
}

fn create(view: &View, set: &Record, object: &Value, count: usize, decision: &mut Decision) {
    let template = object.pointer("/spec/template").cloned().unwrap_or_default();
    for nth in 0..count {
        // The name follows from what was seen: the same decision taken twice collides instead of making two pods.
        let seen = view.revision().to_string();
        let name = suffixed(set.key.name(), &hash(&[set.header.uid.as_str(), &seen, &nth.to_string()], 5));
        let mut metadata = json!({
            "name": name,
            "generateName": format!("{}-", set.key.name()),
            "namespace": set.key.namespace(),
            "ownerReferences": [controller_reference(set, "apps/v1", "ReplicaSet")],
        });
        for field in ["labels", "annotations", "finalizers"] {
            if let Some(value) = template.pointer("/metadata").and_then(|metadata| metadata.get(field)) {
                metadata[field] = value.clone();
            }
        }
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]});
        let done = ("SuccessfulCreate", format!("Created pod: {name}"));
        let tell = Tell {
            about: set.key.clone(),
            uid: set.header.uid.clone(),
            done: Some(done),
            refused: Some(("FailedCreate", "Error creating")),
        };
        decision.change_and_tell(Change::Create { resource: pods(), object: pod }, tell);
    }
}

/// Removes surplus pods, those first that are missed least: unbound, pending, not ready, crowded, young.
fn remove(view: &View, set: &Record, mut active: Vec<Pod<'_>>, count: usize, decision: &mut Decision) {
    let crowd = |node: &str| {
        let same = |record: &&Arc<Record>| record.controller().is_some_and(|owner| owner.uid == set.header.uid);
        view.on_node(node).filter(same).count()
    };
    active.sort_by_cached_key(|pod| {
        let facts = pod.facts;
        let phase = match facts.phase {
            Phase::Pending => 0,
            Phase::Unknown => 1,
            Phase::Running | Phase::Succeeded | Phase::Failed => 2,
        };
        let crowd = facts.node.as_deref().map_or(0, crowd);
        let youth = std::cmp::Reverse(if facts.ready { facts.ready_since } else { facts.created });
        (facts.node.is_some(), phase, facts.ready, std::cmp::Reverse(crowd), youth, pod.record.key.clone())
    });
    for pod in active.into_iter().take(count) {
        let name = pod.record.key.name();
        let change = delete(pod.record);
        let done = ("SuccessfulDelete", format!("Deleted pod: {name}"));
        let tell = Tell {
            about: set.key.clone(),
            uid: set.header.uid.clone(),
            done: Some(done),
            refused: Some(("FailedDelete", "Error deleting")),
        };
        decision.change_and_tell(change, tell);
    }
}

fn update_status(set: &Record, object: &Value, active: &[Pod<'_>], now: Timestamp, decision: &mut Decision) {
    let min_ready = object.pointer("/spec/minReadySeconds").and_then(Value::as_i64).unwrap_or(0);
    let labels = object.pointer("/spec/template/metadata/labels").cloned().unwrap_or_default();
    let template = LabelSelector::from_labels(&labels);
    let labelled = active.iter().filter(|pod| template.matches_record(pod.record)).count();
    let ready = active.iter().filter(|pod| pod.facts.ready).count();
    let times: Vec<i64> = active.iter().filter_map(|pod| pod.available_at(min_ready)).collect();
    let available = times.iter().filter(|at| **at <= now.as_second()).count();
    if let Some(next) = times.iter().filter(|at| **at > now.as_second()).min()
        && let Ok(at) = Timestamp::from_second(*next)
    {
        decision.look_at(at);
    }
    let old = object.get("status").cloned().unwrap_or_default();
    let mut status = json!({
        "replicas": active.len(),
        "observedGeneration": object.pointer("/metadata/generation"),
    });
    for (name, count) in
        [("fullyLabeledReplicas", labelled), ("readyReplicas", ready), ("availableReplicas", available)]
    {
        // Go leaves zeros out of these; a patch takes them away by null.
        status[name] = if count > 0 { json!(count) } else { Value::Null };
    }
    let differs =
        status.as_object().into_iter().flatten().any(|(name, value)| old.get(name).unwrap_or(&Value::Null) != value);
    if differs {
        decision.change(patch(set, Some("status"), json!({"status": status})));
    }
}

#[cfg(test)]
mod tests;
