//! Ownership: what an absent owner leaves goes; foreground deletion waits for dependents; orphaning frees them.

use std::sync::Arc;

use api::change::{Change, Propagation};
use api::kind::Scope;
use api::meta::{Key, Timestamp};
use api::record::{OwnerRef, Record};
use api::view::{Event, View};
use serde_json::{Value, json};

use crate::decision::{Damaged, Decision};
use crate::objects::{decode, patch, references};

/// Finalizer of an object that waits for its dependents.
const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of an object that frees its dependents.
const ORPHAN: &str = "orphan";

pub(crate) fn due(view: &View, event: &Event) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    match (&event.before, &event.after) {
        (Some(gone), None) => {
            keys.extend(view.owned_by(&gone.header.uid).map(|record| record.key.clone()));
            keys.extend(gone.header.owners.iter().filter_map(|owner| owner_key(&gone.key, owner)));
        }
        (before, Some(now)) => {
            let owners_changed = before.as_ref().is_none_or(|before| before.header.owners != now.header.owners);
            if (owners_changed && !now.header.owners.is_empty()) || now.header.deletion.is_some() {
                keys.push(now.key.clone());
            }
            if let Some(before) = before.as_ref().filter(|_| owners_changed) {
                keys.extend(before.header.owners.iter().filter_map(|owner| owner_key(&before.key, owner)));
            }
        }
        (None, None) => {}
    }
    keys
}

pub(crate) fn all(view: &View) -> Vec<Key> {
    let concerned = |record: &&Arc<Record>| !record.header.owners.is_empty() || record.header.deletion.is_some();
    view.iter().filter(concerned).map(|record| record.key.clone()).collect()
}

pub(crate) fn decide(view: &View, key: &Key, _now: Timestamp) -> Result<Decision, Damaged> {
    let mut decision = Decision::nothing();
    let Some(record) = view.get(key) else { return Ok(decision) };
    if record.header.deletion.is_some() && record.header.finalizers {
        let object: Value = decode(record)?;
        let finalizers: Vec<String> = object
            .pointer("/metadata/finalizers")
            .and_then(|list| serde_json::from_value(list.clone()).ok())
            .unwrap_or_default();
        if finalizers.iter().any(|finalizer| finalizer == ORPHAN) {
            orphan(view, record, &finalizers, &mut decision);
        } else if finalizers.iter().any(|finalizer| finalizer == FOREGROUND) {
            foreground(view, record, &finalizers, &mut decision);
        }
    }
    if record.header.deletion.is_none() && !record.header.owners.is_empty() {
        bereaved(view, record, &mut decision);
    }
    Ok(decision)
}

/// The key that an owner reference means. An owner is in the same namespace, or cluster-scoped.
fn owner_key(dependent: &Key, owner: &OwnerRef) -> Option<Key> {
    let (group, version) = owner.api_version.split_once('/').unwrap_or(("", &owner.api_version));
    let kind = api::kinds::by_kind(group, version, &owner.kind)?;
    let namespace = if kind.scope == Scope::Namespaced { dependent.namespace() } else { "" };
    Key::new(&kind.stored_resource(), namespace, &owner.name).ok()
}

/// Whether the owner is known to be gone. A kind that is not served is never known to be gone.
fn absent(view: &View, dependent: &Key, owner: &OwnerRef) -> bool {
    owner_key(dependent, owner).is_some_and(|key| view.get(&key).is_none_or(|record| record.header.uid != owner.uid))
}

/// An object whose owners are all gone goes too; one with some left forgets the others.
fn bereaved(view: &View, record: &Arc<Record>, decision: &mut Decision) {
    let (gone, left): (Vec<&OwnerRef>, Vec<&OwnerRef>) =
        record.header.owners.iter().partition(|owner| absent(view, &record.key, owner));
    if gone.is_empty() {
        return;
    }
    if left.is_empty() {
        decision.change(delete(record, Propagation::Background));
    } else {
        let owners = references(left.into_iter());
        decision.change(patch(record, None, json!({"metadata": {"ownerReferences": owners}})));
    }
}

fn delete(record: &Arc<Record>, propagation: Propagation) -> Change {
    Change::Delete {
        key: record.key.clone(),
        uid: record.header.uid.clone(),
        if_revision: Some(record.revision),
        propagation,
        grace: None,
    }
}

/// Dependents that hold the owner back are deleted, foreground in turn; when none is left the finalizer goes.
fn foreground(view: &View, owner: &Arc<Record>, finalizers: &[String], decision: &mut Decision) {
    let mut held = false;
    for dependent in view.owned_by(&owner.header.uid) {
        let blocks = dependent
            .header
            .owners
            .iter()
            .any(|reference| reference.uid == owner.header.uid && reference.block_owner_deletion);
        held |= blocks;
        if dependent.header.deletion.is_none() {
            let has_dependents = view.owned_by(&dependent.header.uid).next().is_some();
            let propagation = if has_dependents { Propagation::Foreground } else { Propagation::Background };
            decision.change(delete(dependent, propagation));
        }
    }
    if !held {
        decision.change(without(owner, finalizers, FOREGROUND));
    }
}

fn orphan(view: &View, owner: &Arc<Record>, finalizers: &[String], decision: &mut Decision) {
    for dependent in view.owned_by(&owner.header.uid) {
        let others = references(dependent.header.owners.iter().filter(|other| other.uid != owner.header.uid));
        decision.change(patch(dependent, None, json!({"metadata": {"ownerReferences": others}})));
    }
    if decision.steps.is_empty() {
        decision.change(without(owner, finalizers, ORPHAN));
    }
}

fn without(record: &Arc<Record>, finalizers: &[String], done: &str) -> Change {
    let left: Vec<&String> = finalizers.iter().filter(|finalizer| *finalizer != done).collect();
    patch(record, None, json!({"metadata": {"finalizers": left}}))
}

#[cfg(test)]
mod tests;
