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
            if now.header.deletion.is_some() && now.header.finalizers {
                // It may wait for its dependents from now on.
                keys.extend(view.owned_by(&now.header.uid).map(|record| record.key.clone()));
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
    if record.header.deletion.is_some() {
        let finalizers = finalizers(record)?;
        if finalizers.iter().any(|finalizer| finalizer == ORPHAN) {
            orphan(view, record, &finalizers, &mut decision);
        } else if finalizers.iter().any(|finalizer| finalizer == FOREGROUND) {
            foreground(view, record, &finalizers, &mut decision);
        }
    } else if !record.header.owners.is_empty() {
        owned(view, record, &mut decision)?;
    }
    Ok(decision)
}

/// The key that an owner reference means. An owner is in the same namespace, or cluster-scoped; what a cluster-scoped object
/// says of a namespaced owner means nothing.
fn owner_key(dependent: &Key, owner: &OwnerRef) -> Option<Key> {
    let (group, version) = owner.api_version.split_once('/').unwrap_or(("", &owner.api_version));
    let kind = api::kinds::by_kind(group, version, &owner.kind)?;
    let namespace = match kind.scope {
        Scope::Namespaced if dependent.namespace().is_empty() => return None,
        Scope::Namespaced => dependent.namespace(),
        Scope::Cluster => "",
    };
    Key::new(&kind.resource(), namespace, &owner.name).ok()
}

/// What an owner means for its dependent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It keeps the dependent.
    Solid,
    /// It waits, in foreground deletion, for the dependent to go.
    Waiting,
    /// It is known to be gone. An owner of a kind that is not served is never known to be gone.
    Absent,
}

fn standing(view: &View, dependent: &Key, owner: &OwnerRef) -> Result<Standing, Damaged> {
    let Some(key) = owner_key(dependent, owner) else { return Ok(Standing::Solid) };
    match view.get(&key).filter(|record| record.header.uid == owner.uid) {
        None => Ok(Standing::Absent),
        Some(record) if waits(record)? => Ok(Standing::Waiting),
        Some(_) => Ok(Standing::Solid),
    }
}

/// Whether an object is being deleted and waits for its dependents.
fn waits(record: &Record) -> Result<bool, Damaged> {
    Ok(record.header.deletion.is_some() && finalizers(record)?.iter().any(|one| one == FOREGROUND))
}

fn finalizers(record: &Record) -> Result<Vec<String>, Damaged> {
    if !record.header.finalizers {
        return Ok(Vec::new());
    }
    let object: Value = decode(record)?;
    let list = object.pointer("/metadata/finalizers").cloned().unwrap_or_default();
    Ok(serde_json::from_value(list).unwrap_or_default())
}

/// What becomes of an object by its owners: one that is solid keeps it, and the others are forgotten; else it goes.
fn owned(view: &View, record: &Arc<Record>, decision: &mut Decision) -> Result<(), Damaged> {
    let owners = record.header.owners.iter();
    let standings: Vec<Standing> =
        owners.clone().map(|owner| standing(view, &record.key, owner)).collect::<Result<_, _>>()?;
    let any = |wanted| standings.contains(&wanted);
    if any(Standing::Solid) {
        if any(Standing::Waiting) || any(Standing::Absent) {
            let left = owners.zip(&standings).filter(|(_, standing)| **standing == Standing::Solid);
            let left = references(left.map(|(owner, _)| owner));
            decision.change(patch(record, None, json!({"metadata": {"ownerReferences": left}})));
        }
        return Ok(());
    }
    let dependents: Vec<&Arc<Record>> = view.owned_by(&record.header.uid).collect();
    if !any(Standing::Waiting) || dependents.is_empty() {
        decision.change(delete(record, usual(record)?));
        return Ok(());
    }
    let mut circle = false;
    for dependent in dependents {
        circle |= waits(dependent)?;
    }
    if circle {
        // Its dependent waits for it as it would wait for its dependent: let go of the owners, or neither ever goes.
        let freed = references(owners).as_array().cloned().unwrap_or_default().into_iter().map(|mut owner| {
            owner["blockOwnerDeletion"] = false.into();
            owner
        });
        decision.change(patch(record, None, json!({"metadata": {"ownerReferences": freed.collect::<Vec<_>>()}})));
    }
    decision.change(delete(record, Propagation::Foreground));
    Ok(())
}

/// What becomes of an object's own dependents, as its finalizers have it.
fn usual(record: &Record) -> Result<Propagation, Damaged> {
    let finalizers = finalizers(record)?;
    let has = |wanted: &str| finalizers.iter().any(|one| one == wanted);
    Ok(match (has(ORPHAN), has(FOREGROUND)) {
        (true, _) => Propagation::Orphan,
        (false, true) => Propagation::Foreground,
        (false, false) => Propagation::Background,
    })
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

/// When no dependent holds the owner back any more, the finalizer goes. What becomes of the dependents is their own decision.
fn foreground(view: &View, owner: &Arc<Record>, finalizers: &[String], decision: &mut Decision) {
    let holds = |dependent: &Arc<Record>| {
        let mut references = dependent.header.owners.iter();
        references.any(|reference| reference.uid == owner.header.uid && reference.block_owner_deletion)
    };
    if !view.owned_by(&owner.header.uid).any(holds) {
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
