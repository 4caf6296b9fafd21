//! Deployments: one ReplicaSet per template, and a gradual way from the old ones to the new.

mod history;
mod rollout;
mod sets;
mod status;

use api::change::Change;
use api::meta::{Key, Resource, Timestamp};
use api::record::Record;
use api::view::{Event, View};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use crate::claim::{Claim, selector};
use crate::decision::{Damaged, Decision, Tell};
use crate::objects::{controller_key, controller_reference, decode, patch, suffixed};
use sets::{Sets, annotations};

/// Annotation with the number of a template in the rollout history.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// Annotation with the replicas that the Deployment wanted when it last scaled the set.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// Annotation with the most replicas that the Deployment then allowed over all sets.
const MOST: &str = "deployment.kubernetes.io/max-replicas";
/// Label that tells the pods of one template from those of another.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// A Deployment and what was read of it.
pub(crate) struct Seen<'a> {
    record: &'a Record,
    object: Deployment,
    replicas: i32,
}

fn claim() -> Claim {
    let [owners, resource] = ["deployments", "replicasets"].map(|plural| Resource::new("apps", plural));
    Claim { kind: "Deployment", owners, resource, worth: |_| true }
}

pub(crate) fn due(view: &View, event: &Event) -> Vec<Key> {
    let claim = claim();
    let records = [&event.before, &event.after].into_iter().flatten();
    let mut keys: Vec<Key> = records
        .flat_map(|record| {
            if record.key.is("apps", "deployments") {
                vec![record.key.clone()]
            } else if record.key.is("apps", "replicasets") {
                claim.due(view, record, event.before.is_none())
            } else if event.after.is_none() && record.key.is("", "pods") {
                // `Recreate` waits for the last old pod to be gone.
                let set = controller_key(record, "ReplicaSet", &claim.resource).and_then(|set| view.get(&set));
                set.and_then(|set| controller_key(set, "Deployment", &claim.owners)).into_iter().collect()
            } else {
                Vec::new()
            }
        })
        .collect();
    keys.dedup();
    keys
}

pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Result<Decision, Damaged> {
    let Some(record) = view.get(key).filter(|record| record.header.deletion.is_none()) else {
        return Ok(Decision::nothing());
    };
    let object: Deployment = decode(record)?;
    let replicas = object.spec.replicas.unwrap_or(1);
    let seen = Seen { record, object, replicas };
    let mut decision = Decision::nothing();
    let Some(selector) = selector(&decode(record)?) else { return Ok(decision) };
    let claim = claim();
    let sets = claim.of(view, record, &selector, &mut decision);
    if !decision.steps.is_empty() {
        // What comes and goes decides which sets there are: the rest follows when that is seen.
        return Ok(decision);
    }
    let sets = Sets::of(view, &seen, &sets)?;
    let paused = seen.object.spec.paused.unwrap_or(false);
    let mut created = None;
    if sets.new.is_none() && !paused {
        let name = create_set(&seen, &sets, &mut decision);
        created = Some(name);
    } else {
        annotate(&seen, &sets, &mut decision);
        for (set, size) in rollout::sizes(&seen, &sets, paused) {
            scale(&seen, set, size, &mut decision);
        }
        history::trim(&seen, &sets, &mut decision);
    }
    status::update(&seen, &sets, created.as_deref(), paused, now, &mut decision);
    Ok(decision)
}

/// Makes the ReplicaSet of the current template; returns its name.
fn create_set(seen: &Seen<'_>, sets: &Sets, decision: &mut Decision) -> String {
    let template = sets.template.clone();
    let collisions = seen.object.status.as_ref().and_then(|status| status.collision_count).unwrap_or(0);
    let hash = crate::objects::hash(&[&template.to_string(), &collisions.to_string()], 10);
    let name = suffixed(seen.record.key.name(), &hash);
    let first = rollout::first_size(seen, sets);
    let spec = &seen.object.spec;
    let mut labelled = template;
    label(&mut labelled, "/metadata", &hash);
    let mut selector = serde_json::to_value(&spec.selector).unwrap_or_default();
    selector["matchLabels"][TEMPLATE_HASH] = json!(hash);
    let mut notes = inherited(seen);
    notes.insert(REVISION.into(), json!(sets.next_revision().to_string()));
    notes.extend(sizes_noted(seen));
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": seen.record.key.namespace(),
            "labels": labelled["metadata"]["labels"],
            "annotations": notes,
            "ownerReferences": [controller_reference(seen.record, "apps/v1", "Deployment")],
        },
        "spec": {
            "replicas": first,
            "minReadySeconds": spec.min_ready_seconds.unwrap_or(0),
            "selector": selector,
            "template": labelled,
        },
    });
    let change = Change::Create { resource: Resource::new("apps", "replicasets"), object };
    let refused = Some(("ReplicaSetCreateError", "Failed to create new replica set"));
    decision.change_and_tell(change, Tell { refused, ..scaling(seen, &name, 0, first) });
    note_revision(seen, sets.next_revision(), decision);
    name
}

fn label(object: &mut Value, metadata: &str, hash: &str) {
    if let Some(metadata) = object.pointer_mut(metadata) {
        metadata["labels"][TEMPLATE_HASH] = json!(hash);
    }
}

/// Annotations of the Deployment that its ReplicaSets carry too.
fn inherited(seen: &Seen<'_>) -> serde_json::Map<String, Value> {
    const OWN: [&str; 4] = [REVISION, DESIRED, MOST, "kubectl.kubernetes.io/last-applied-configuration"];
    let notes = annotations(&seen.object.metadata).into_iter();
    notes.filter(|(name, _)| !OWN.contains(&name.as_str())).map(|(name, value)| (name, json!(value))).collect()
}

fn sizes_noted(seen: &Seen<'_>) -> [(String, Value); 2] {
    let most = seen.replicas + rollout::surge(seen);
    [(DESIRED.into(), json!(seen.replicas.to_string())), (MOST.into(), json!(most.to_string()))]
}

/// The current set carries the Deployment's annotations, such as a change cause. One whose template is current again (`rollout
/// undo`) gets the newest number, and so does the Deployment.
fn annotate(seen: &Seen<'_>, sets: &Sets, decision: &mut Decision) {
    let Some(new) = &sets.new else { return };
    let wanted = sets.old.iter().map(|set| set.revision).max().unwrap_or(0) + 1;
    let mut notes = inherited(seen);
    if new.revision < wanted {
        notes.insert(REVISION.into(), json!(wanted.to_string()));
    }
    notes.retain(|name, value| new.annotation(name) != value.as_str());
    if !notes.is_empty() {
        decision.change(patch(&new.record, None, json!({"metadata": {"annotations": notes}})));
    }
    note_revision(seen, wanted.max(new.revision), decision);
}

fn note_revision(seen: &Seen<'_>, revision: i64, decision: &mut Decision) {
    let wanted = revision.to_string();
    if annotations(&seen.object.metadata).get(REVISION) != Some(&wanted) {
        decision.change(patch(seen.record, None, json!({"metadata": {"annotations": {REVISION: wanted}}})));
    }
}

fn scale(seen: &Seen<'_>, set: &sets::Set, size: i32, decision: &mut Decision) {
    if size == set.replicas {
        return;
    }
    let notes: serde_json::Map<_, _> = sizes_noted(seen).into_iter().collect();
    let change = patch(&set.record, None, json!({"metadata": {"annotations": notes}, "spec": {"replicas": size}}));
    decision.change_and_tell(change, scaling(seen, set.record.key.name(), set.replicas, size));
}

fn scaling(seen: &Seen<'_>, name: &str, from: i32, to: i32) -> Tell {
    let direction = if to >= from { "up" } else { "down" };
    Tell {
        about: seen.record.key.clone(),
        uid: seen.record.header.uid.clone(),
        done: (from != to)
            .then(|| ("ScalingReplicaSet", format!("Scaled {direction} replica set {name} from {from} to {to}"))),
        refused: None,
    }
}

#[cfg(test)]
mod tests;
