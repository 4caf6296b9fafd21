//! Merging of two lists: objects by the value of their key, scalars by themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Directive, Object, PATCH, Place, fresh, object, order};
use crate::status::Status;

/// The items of a directive's list.
pub(super) fn items(value: Value, of: &str) -> Result<Vec<Value>, Status> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(Status::bad_request(format!("invalid patch format of {of}"))),
    }
}

/// The merged list. Items of the patch keep the patch's order; the others keep their place as far as that allows.
pub(super) fn merge(
    original: Vec<Value>,
    patch: Vec<Value>,
    key: Option<&'static str>,
    place: Place<'_>,
) -> Result<Vec<Value>, Status> {
    let objects = original.iter().chain(&patch).filter(|item| item.is_object()).count();
    if original.iter().chain(&patch).any(Value::is_array) {
        return Err(super::does_not_fit());
    }
    if objects == 0 {
        return Ok(order::arrange(union(&original, &patch), &patch, &original, None));
    }
    let Some(key) = key else {
        return Err(Status::bad_request("cannot merge lists of objects without a merge key"));
    };
    let objects = |items: Vec<Value>| items.into_iter().map(as_object).collect::<Result<Vec<_>, _>>();
    merge_objects(objects(original)?, objects(patch)?, key, place)
}

fn as_object(item: Value) -> Result<Object, Status> {
    match item {
        Value::Object(fields) => Ok(fields),
        other => Err(Status::bad_request(format!("list element types are not identical: {other} among objects"))),
    }
}

fn union(original: &[Value], patch: &[Value]) -> Vec<Value> {
    let mut seen = std::collections::BTreeSet::new();
    original.iter().chain(patch).filter(|item| seen.insert(item.to_string())).cloned().collect()
}

fn merge_objects(
    mut original: Vec<Object>,
    patch: Vec<Object>,
    key: &'static str,
    place: Place<'_>,
) -> Result<Vec<Value>, Status> {
    let mut changes = Vec::new();
    let mut replace = false;
    for mut item in patch {
        match item.get(PATCH).map(Directive::read).transpose()? {
            Some(Directive::Replace) => replace = true,
            Some(Directive::Delete) => {
                let gone = key_of(&item, key)?;
                original.retain(|item| item.get(key) != Some(gone));
            }
            Some(Directive::Merge) | None => {
                item.remove(PATCH);
                changes.push(item);
            }
        }
    }
    if replace {
        let items: Result<Vec<_>, _> = changes.into_iter().map(|item| fresh(Value::Object(item))).collect();
        return Ok(items?.into_iter().flatten().collect());
    }
    let before: Vec<Value> = original.iter().map(|item| identity(item, key)).collect();
    let named: Vec<Value> = changes.iter().map(|item| identity(item, key)).collect();
    let mut places = BTreeMap::new();
    for (at, item) in original.iter().enumerate() {
        if let Some(value) = item.get(key) {
            places.entry(value.to_string()).or_insert(at);
        }
    }
    for change in changes {
        let at = *places.entry(key_of(&change, key)?.to_string()).or_insert(original.len());
        match original.get_mut(at) {
            Some(item) => *item = object(std::mem::take(item), change, place)?,
            None => original.push(object(Map::new(), change, place)?),
        }
    }
    let merged = original.into_iter().map(Value::Object).collect();
    Ok(order::arrange(merged, &named, &before, Some(key)))
}

/// An object that has nothing but the key: what order needs to know of an item.
fn identity(item: &Object, key: &str) -> Value {
    Value::Object(item.get_key_value(key).map(|(key, value)| (key.clone(), value.clone())).into_iter().collect())
}

fn key_of<'a>(item: &'a Object, key: &str) -> Result<&'a Value, Status> {
    item.get(key).ok_or_else(|| {
        let item = Value::Object(item.clone());
        Status::bad_request(format!("map: {item} does not contain declared merge key: {key}"))
    })
}
