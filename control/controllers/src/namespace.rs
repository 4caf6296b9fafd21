//! Namespace deletion: everything inside goes first, then the namespace.

use api::change::Change;
use api::kind::Scope;
use api::meta::{Key, Resource, Timestamp};
use api::view::{Event, View};

use crate::decision::{Damaged, Decision};
use crate::objects::delete;

/// Objects deleted by one decision; the rest follows when these are gone.
const BATCH: usize = 500;

pub(crate) fn due(view: &View, event: &Event) -> Vec<Key> {
    let Some(key) = event.key() else { return Vec::new() };
    if key.is("", "namespaces") {
        return vec![key.clone()];
    }
    // Something inside appeared or went: only a namespace that is being emptied cares.
    let ended = event.after.is_none() || event.before.is_none();
    let namespace = view.find("", "namespaces", "", key.namespace()).filter(|_| ended && !key.namespace().is_empty());
    namespace
        .filter(|namespace| namespace.header.deletion.is_some())
        .map(|namespace| namespace.key.clone())
        .into_iter()
        .collect()
}

pub(crate) fn decide(view: &View, key: &Key, _now: Timestamp) -> Result<Decision, Damaged> {
    let mut decision = Decision::nothing();
    let Some(namespace) = view.get(key).filter(|namespace| namespace.header.deletion.is_some()) else {
        return Ok(decision);
    };
    let mut left = false;
    for kind in api::kinds::all().iter().filter(|kind| kind.scope == Scope::Namespaced && kind.is_stored()) {
        let resource = Resource::new(&kind.group, &kind.plural);
        for record in view.list(&resource, Some(key.name())) {
            left = true;
            if record.header.deletion.is_none() && decision.steps.len() < BATCH {
                decision.change(delete(record));
            }
        }
    }
    let spec: serde_json::Value = crate::objects::decode(namespace)?;
    let held =
        spec.pointer("/spec/finalizers").and_then(serde_json::Value::as_array).is_some_and(|list| !list.is_empty());
    if !left && held {
        decision.change(Change::FinalizeNamespace { key: key.clone() });
    }
    Ok(decision)
}

#[cfg(test)]
mod tests;
