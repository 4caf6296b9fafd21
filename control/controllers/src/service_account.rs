//! Every namespace has a ServiceAccount `default`.

use api::change::Change;
use api::meta::{Key, Resource, Timestamp};
use api::view::{Event, View};
use serde_json::json;

use crate::decision::{Damaged, Decision};

const NAME: &str = "default";

pub(crate) fn due(_view: &View, event: &Event) -> Vec<Key> {
    let Some(key) = event.key() else { return Vec::new() };
    if key.is("", "namespaces") {
        vec![key.clone()]
    } else if key.is("", "serviceaccounts") && event.after.is_none() {
        Key::new(&Resource::new("", "namespaces"), "", key.namespace()).into_iter().collect()
    } else {
        Vec::new()
    }
}

pub(crate) fn decide(view: &View, key: &Key, _now: Timestamp) -> Result<Decision, Damaged> {
    let mut decision = Decision::nothing();
    let active = view.get(key).is_some_and(|namespace| namespace.header.deletion.is_none());
    if active && view.find("", "serviceaccounts", key.name(), NAME).is_none() {
        decision.change(Change::Create {
            resource: Resource::new("", "serviceaccounts"),
            object: json!({
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": NAME, "namespace": key.name()},
            }),
        });
    }
    Ok(decision)
}

#[cfg(test)]
mod tests;
