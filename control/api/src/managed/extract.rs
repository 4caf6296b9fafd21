//! The paths that an object has, and an object without some of them.

use serde_json::{Map, Value};

use super::place::{Form, Place};
use super::{Element, Set};

/// Every path of an object at which something is owned: leaves, items of lists, entries of maps, empty objects.
pub(super) fn paths(place: Place, value: &Value) -> Set {
    owned(place, value).1
}

/// Whether the value itself is owned, and what is below it.
fn owned(place: Place, value: &Value) -> (bool, Set) {
    let form = place.form(value);
    let mut set = Set::default();
    match (form, value) {
        _ if place.is_leaf(form) => return (true, set),
        (Form::Map, Value::Object(fields)) => {
            for (name, value) in fields {
                let (itself, below) = owned(place.field(name).unwrap_or(Place::Deduced), value);
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                set.put(Element::field(name), itself || empty || !place.declares(name), below);
            }
        }
        (Form::List, Value::Array(items)) => {
            // An item without an element is told where the object is checked.
            let elements: Vec<_> = items.iter().map(|item| place.element(item).ok()).collect();
            for (element, item) in elements.iter().zip(items) {
                let Some(element) = element else { continue };
                let twice = elements.iter().filter(|other| other.as_ref() == Some(element)).count() > 1;
                let below = if twice { Set::default() } else { paths(place.item(), item) };
                set.put(element.clone(), true, below);
            }
        }
        _ => {}
    }
    (false, set)
}

/// The set with every declared field owned that paths go through: whoever owns `spec.replicas` owns `spec` in this sense.
pub(super) fn with_declared(place: Place, set: &Set) -> Set {
    let mut out = Set::default();
    for node in set.nodes() {
        let (declared, inner) = match &node.element {
            Element::Field(name) => (place.declares(name), place.field(name)),
            Element::Key(_) => (false, Some(place.item())),
            Element::Value(_) | Element::Index(_) => (false, None),
        };
        let below = inner.map_or_else(|| node.below.clone(), |inner| with_declared(inner, &node.below));
        let goes_on = !node.below.is_empty();
        out.put(node.element.clone(), node.owned || declared && goes_on, below);
    }
    out
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
                    Some(node) => kept.push(remove(place.item(), item, &node.below)),
                    None => kept.push(item.clone()),
                }
            }
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        _ => Value::Null,
    }
}
