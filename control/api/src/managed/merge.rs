//! An applied configuration laid over a live object.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Element;
use super::place::{Form, Place};

/// The live object with everything that the configuration says. Nothing is removed: that is for who owns what to decide.
///
/// # Errors
/// A sentence with a path, when an item of a list has nothing by which it could be told apart, or the configuration has one
/// twice.
pub(super) fn merge(place: Place, live: &Value, config: &Value) -> Result<Value, String> {
    let form = place.form(config);
    if place.is_leaf(form) {
        return Ok(config.clone());
    }
    match form {
        Form::Scalar => Ok(config.clone()),
        Form::Map => match (live.as_object(), config.as_object()) {
            (Some(live), Some(config)) if !(live.is_empty() && config.is_empty()) => maps(place, live, config),
            (Some(fields), None) if !fields.is_empty() => Ok(live.clone()),
            _ => Ok(config.clone()),
        },
        Form::List => match (live.as_array(), config.as_array()) {
            (Some(live), Some(config)) if !(live.is_empty() && config.is_empty()) => lists(place, live, config),
            (Some(items), None) if !items.is_empty() => Ok(live.clone()),
            _ => Ok(config.clone()),
        },
    }
}

fn maps(place: Place, live: &Map<String, Value>, config: &Map<String, Value>) -> Result<Value, String> {
    let mut merged = live.clone();
    for (name, wanted) in config {
        let inner = place.field(name).unwrap_or(Place::Deduced);
        let value = match live.get(name) {
            Some(old) => merge(inner, old, wanted).map_err(|error| format!(".{name}{error}"))?,
            None => wanted.clone(),
        };
        merged.insert(name.clone(), value);
    }
    Ok(Value::Object(merged))
}

/// Items of the configuration keep its order; live items that it does not name stay where they stood, between those that it
/// does. Live items that share an element are taken as they are until the configuration names them, which then replaces them.
fn lists(place: Place, live: &[Value], config: &[Value]) -> Result<Value, String> {
    let lefts = elements(place, live)?;
    let rights = elements(place, config)?;
    let mut wanted: BTreeMap<&Element, usize> = BTreeMap::new();
    for (nth, element) in rights.iter().enumerate() {
        if wanted.insert(element, nth).is_some() {
            return Err(format!(": duplicate entries for key {element}"));
        }
    }
    let mut old: BTreeMap<&Element, Option<&Value>> = BTreeMap::new();
    for (element, item) in lefts.iter().zip(live) {
        old.entry(element).and_modify(|twice| *twice = None).or_insert(Some(item));
    }
    let mut shared = rights.iter().filter(|element| old.contains_key(element)).peekable();
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    let (mut left, mut right) = (0, 0);
    while left < lefts.len() || right < rights.len() {
        let (mine, theirs) = (lefts.get(left), rights.get(right));
        let place_of_mine = mine.and_then(|mine| wanted.get(mine).copied());
        if let (Some(_), None) = (mine, place_of_mine) {
            merged.push(live[left].clone());
            left += 1;
            continue;
        }
        let another_is_next = shared.peek().is_some_and(|next| Some(*next) != mine);
        if mine.is_some() && theirs.is_some() && mine != theirs && another_is_next {
            // It comes where the configuration has it.
            left += 1;
            continue;
        }
        // It came already, or comes now.
        if place_of_mine.is_some_and(|place| place <= right) {
            left += 1;
        }
        let Some(theirs) = theirs else { continue };
        let item = &config[right];
        merged.push(match old.get(theirs).copied().flatten() {
            Some(old) => merge(place.item(), old, item).map_err(|error| format!("{theirs}{error}"))?,
            None => item.clone(),
        });
        shared.next_if(|next| *next == theirs);
        right += 1;
    }
    Ok(Value::Array(merged))
}

fn elements(place: Place, items: &[Value]) -> Result<Vec<Element>, String> {
    let numbered = items.iter().enumerate();
    numbered.map(|(nth, item)| place.element(item).map_err(|error| format!(": element {nth}: {error}"))).collect()
}
