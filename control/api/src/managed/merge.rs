//! An applied configuration laid over a live object.

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
    for (nth, element) in rights.iter().enumerate() {
        if rights[..nth].contains(element) {
            return Err(format!(": duplicate entries for key {element}"));
        }
    }
    let old_of = |element: &Element| {
        let mut found = lefts.iter().zip(live).filter(|(other, _)| *other == element).map(|(_, item)| item);
        let first = found.next();
        if found.next().is_some() { None } else { first }
    };
    let mut shared = rights.iter().filter(|element| lefts.contains(element)).peekable();
    let mut done: Vec<&Element> = Vec::with_capacity(rights.len());
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    let (mut left, mut right) = (0, 0);
    while left < lefts.len() || right < rights.len() {
        let (mine, theirs) = (lefts.get(left), rights.get(right));
        if let (Some(mine), Some(theirs)) = (mine, theirs) {
            let waits_for_another = rights.contains(mine) && shared.peek().is_some_and(|next| *next != mine);
            if mine != theirs && waits_for_another {
                left += 1;
                continue;
            }
        }
        match mine {
            Some(mine) if !rights.contains(mine) => {
                merged.push(live[left].clone());
                left += 1;
                continue;
            }
            Some(mine) if done.contains(&mine) || theirs == Some(mine) => left += 1,
            _ => {}
        }
        let Some(theirs) = theirs else { continue };
        let wanted = &config[right];
        merged.push(match old_of(theirs) {
            Some(old) => merge(place.item(), old, wanted).map_err(|error| format!("{theirs}{error}"))?,
            None => wanted.clone(),
        });
        shared.next_if(|next| *next == theirs);
        done.push(theirs);
        right += 1;
    }
    Ok(Value::Array(merged))
}

fn elements(place: Place, items: &[Value]) -> Result<Vec<Element>, String> {
    let numbered = items.iter().enumerate();
    numbered.map(|(nth, item)| place.element(item).map_err(|error| format!(": element {nth}: {error}"))).collect()
}
