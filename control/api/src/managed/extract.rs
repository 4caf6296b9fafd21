//! The paths that an object has, and an object without some of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::place::{Form, Place};
use super::set::Node;
use super::{Element, Set};

/// Every path of an object at which something is owned: leaves, items of lists, entries of maps, empty objects.
pub(super) fn paths(place: Place, value: &Value) -> Set {
    owned(place, value).1
}

/// Whether the value itself is owned, and what is below it.
fn owned(place: Place, value: &Value) -> (bool, Set) {
    let form = place.form(value);
    match (form, value) {
        _ if place.is_leaf(form) => (true, Set::default()),
        (Form::Map, Value::Object(fields)) => {
            let nodes = fields.iter().map(|(name, value)| {
                let (itself, below) = owned(place.field(name).unwrap_or(Place::Deduced), value);
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                Node { element: Element::field(name), owned: itself || empty || !place.declares(name), below }
            });
            (false, nodes.collect())
        }
        (Form::List, Value::Array(items)) => {
            // An item without an element is told where the object is checked.
            let mut found: BTreeMap<Element, Vec<&Value>> = BTreeMap::new();
            for item in items {
                if let Ok(element) = place.element(item) {
                    found.entry(element).or_default().push(item);
                }
            }
            let nodes = found.into_iter().map(|(element, items)| {
                // Items that cannot be told apart are owned without what they hold.
                let below = if let [one] = items.as_slice() { paths(place.item(), one) } else { Set::default() };
                Node { element, owned: true, below }
            });
            (false, nodes.collect())
        }
        _ => (false, Set::default()),
    }
}

/// The set with every declared field owned that paths go through: whoever owns `spec.replicas` owns `spec` in this sense.
pub(super) fn with_declared(place: Place, set: &Set) -> Set {
    let nodes = set.nodes().iter().map(|node| {
        let (declared, inner) = match &node.element {
            Element::Field(name) => (place.declares(name), place.field(name)),
            Element::Key(_) => (false, Some(place.item())),
            Element::Value(_) | Element::Index(_) => (false, None),
        };
        let below = inner.map_or_else(|| node.below.clone(), |inner| with_declared(inner, &node.below));
        let goes_on = !node.below.is_empty();
        Node { element: node.element.clone(), owned: node.owned || declared && goes_on, below }
    });
    nodes.collect()
}

/// The value without those paths and all that is below them. A list or object that loses everything becomes null.
pub(super) fn remove(place: Place, value: &Value, gone: &Set) -> Value {
    let form = place.form(value);
    match (form, value) {
        (Form::Scalar, _) => value.clone(),
        _ if place.is_leaf(form) => Value::Null,
        (Form::Map, Value::Object(fields)) => {
            let mut kept = Map::new();
            for (name, value) in fields {
                match gone.node(&Element::field(name)) {
                    Some(node) if node.owned => {}
                    Some(node) => {
                        let inner = place.field(name).unwrap_or(Place::Deduced);
                        kept.insert(name.clone(), remove(inner, value, &node.below));
                    }
                    None => drop(kept.insert(name.clone(), value.clone())),
                }
            }
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        (Form::List, Value::Array(items)) => {
            let mut kept = Vec::with_capacity(items.len());
            for item in items {
                match place.element(item).ok().and_then(|element| gone.node(&element)) {
                    Some(node) if node.owned => {}
                    // An item that stays is an item, even where every field of it goes: its keys read as their defaults.
                    Some(node) => kept.push(match remove(place.item(), item, &node.below) {
                        Value::Null if item.is_object() => Value::Object(Map::new()),
                        left => left,
                    }),
                    None => kept.push(item.clone()),
                }
            }
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        _ => Value::Null,
    }
}
