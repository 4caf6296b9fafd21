//! Where in a kind's objects a watcher looks, and where an event can be seen: what makes an event a few look-ups.

use std::sync::Arc;

use api::meta::{Key, Resource};
use api::record::Record;
use api::view::Event;

use crate::select::{Scoped, Selection};

/// A part of a kind's objects, as it can be read off an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Kind(Resource),
    Namespace(Resource, Box<str>),
    Object(Key),
    Node(Arc<str>),
}

impl Place {
    /// Where a selection lies.
    pub(super) fn of(selection: &Selection) -> Self {
        let resource = &selection.resource;
        match selection.scoped() {
            Scoped::Whole => Self::Kind(resource.clone()),
            Scoped::Namespace(namespace) => Self::Namespace(resource.clone(), namespace.into()),
            Scoped::Node(node) => Self::Node(node.into()),
            Scoped::Object(namespace, name) => match Key::new(resource, namespace, name) {
                Ok(key) => Self::Object(key),
                // No object has such a name.
                Err(_) => Self::Namespace(resource.clone(), namespace.into()),
            },
        }
    }
}

/// Every place in which an event can be seen.
pub(super) fn places(event: &Event) -> Vec<Place> {
    let Some(key) = event.key() else { return Vec::new() };
    let resource = key.resource();
    let mut places = vec![Place::Object(key.clone()), Place::Namespace(resource.clone(), key.namespace().into())];
    places.push(Place::Kind(resource));
    let (before, after) = (event.before.as_deref().and_then(node_of), event.after.as_deref().and_then(node_of));
    places.extend(before.filter(|before| Some(*before) != after).map(|node| Place::Node(Arc::clone(node))));
    places.extend(after.map(|node| Place::Node(Arc::clone(node))));
    places
}

fn node_of(record: &Record) -> Option<&Arc<str>> {
    record.header.facts.pod().and_then(|facts| facts.node.as_ref())
}
