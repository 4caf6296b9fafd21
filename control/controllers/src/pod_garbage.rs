//! Pods whose node is gone: no agent will ever confirm their end, so it is confirmed here.

use api::change::{Change, Propagation};
use api::meta::{Key, Timestamp};
use api::view::{Event, View};

use crate::decision::{Damaged, Decision};

pub(crate) fn due(view: &View, event: &Event) -> Vec<Key> {
    let Some(key) = event.key() else { return Vec::new() };
    if key.is("", "nodes") && event.after.is_none() {
        return view.on_node(key.name()).map(|pod| pod.key.clone()).collect();
    }
    if key.is("", "pods") && event.after.is_some() { vec![key.clone()] } else { Vec::new() }
}

pub(crate) fn decide(view: &View, key: &Key, _now: Timestamp) -> Result<Decision, Damaged> {
    let mut decision = Decision::nothing();
    let Some(pod) = view.get(key) else { return Ok(decision) };
    let node = pod.header.facts.pod().and_then(|facts| facts.node.as_deref());
    if node.is_some_and(|node| view.find("", "nodes", "", node).is_none()) {
        decision.change(Change::Delete {
            key: key.clone(),
            uid: pod.header.uid.clone(),
            if_revision: None,
            propagation: Propagation::Background,
            grace: Some(0),
        });
    }
    Ok(decision)
}

#[cfg(test)]
mod tests;
