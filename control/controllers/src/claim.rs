//! Who belongs to a controller: what it manages already, and matching objects that nobody manages.

use std::sync::Arc;

use api::meta::{Key, Resource};
use api::record::Record;
use api::selector::LabelSelector;
use api::view::View;
use serde_json::{Value, json};

use crate::decision::Decision;
use crate::objects::{candidates, controller_key, controller_reference, decode, managed, patch, references};

/// What claims, and what is claimed.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// The controller's kind, of `apps/v1`.
    pub(crate) kind: &'static str,
    /// Resource of the controller.
    pub(crate) owners: Resource,
    /// Resource of the objects.
    pub(crate) resource: Resource,
    /// Whether an orphan is worth having.
    pub(crate) worth: fn(&Record) -> bool,
}

impl Claim {
    /// The controllers that an event about an object makes due: the one that manages it, or else all of its namespace that
    /// would.
    pub(crate) fn due(&self, view: &View, object: &Record, is_new: bool) -> Vec<Key> {
        match controller_key(object, self.kind, &self.owners) {
            Some(key) => vec![key],
            None if is_new || object.controller().is_none() => {
                let owners = view.list(&self.owners, Some(object.key.namespace()));
                owners.filter(|owner| selects(owner, object)).map(|owner| owner.key.clone()).collect()
            }
            None => Vec::new(),
        }
    }

    /// The objects of a controller. Matching orphans are adopted and objects that no longer match are released, by patches in
    /// the decision.
    pub(crate) fn of<'v>(
        &'v self,
        view: &'v View,
        owner: &'v Record,
        selector: &LabelSelector,
        decision: &mut Decision,
    ) -> Vec<&'v Arc<Record>> {
        let (mine, strangers): (Vec<_>, Vec<_>) =
            managed(view, owner, &self.resource).partition(|object| selector.matches_record(object));
        for object in strangers.into_iter().filter(|object| object.header.deletion.is_none()) {
            let others = references(object.header.owners.iter().filter(|other| other.uid != owner.header.uid));
            decision.change(patch(object, None, json!({"metadata": {"ownerReferences": others}})));
        }
        if owner.header.deletion.is_some() {
            return mine;
        }
        let adoptable = |object: &&Arc<Record>| {
            object.controller().is_none() && object.header.deletion.is_none() && (self.worth)(object)
        };
        for object in candidates(view, &self.resource, owner.key.namespace(), selector).filter(adoptable) {
            if selector.matches_record(object) {
                let mut owners = references(object.header.owners.iter());
                if let Some(owners) = owners.as_array_mut() {
                    owners.push(controller_reference(owner, "apps/v1", self.kind));
                }
                decision.change(patch(object, None, json!({"metadata": {"ownerReferences": owners}})));
            }
        }
        mine
    }
}

/// The selector of a controller; none when it would select everything.
pub(crate) fn selector(owner: &Value) -> Option<LabelSelector> {
    LabelSelector::from_value(owner.pointer("/spec/selector")?).ok().filter(|selector| !selector.is_empty())
}

fn selects(owner: &Record, object: &Record) -> bool {
    decode::<Value>(owner)
        .ok()
        .and_then(|owner| selector(&owner))
        .is_some_and(|selector| selector.matches_record(object))
}
