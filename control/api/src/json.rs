//! Reading untyped objects: what is absent, null or of another type reads as empty.

use serde_json::{Map, Value};

/// The text at a JSON pointer.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a JSON pointer.
pub(crate) fn integer(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The truth value at a JSON pointer.
pub(crate) fn boolean(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The items of the list at a JSON pointer.
pub(crate) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The fields of the object at a JSON pointer.
pub(crate) fn entries<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    object.pointer(pointer).and_then(Value::as_object).into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// Whether a value says nothing: null, or an empty text, list or object.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The object inside the object, made when it is absent or null; `None` when something else stands there.
pub(crate) fn section<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    let section = object.as_object_mut()?.entry(name).or_insert(Value::Null);
    if section.is_null() {
        *section = Value::Object(Map::new());
    }
    section.as_object_mut()
}

/// As [`section`], as the value that it is.
pub(crate) fn part<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    section(object, name)?;
    object.get_mut(name)
}

/// The items of a list inside the object, to be changed.
pub(crate) fn items_mut<'a>(object: &'a mut Value, name: &str) -> &'a mut [Value] {
    object.get_mut(name).and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

/// Sets a field. Does nothing to what is no object, where assigning to an index would panic.
pub(crate) fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Sets a field that is absent, null, or empty text. Does nothing to what is no object.
pub(crate) fn fill(object: &mut Value, name: &str, value: impl Into<Value>) {
    let Some(fields) = object.as_object_mut() else { return };
    if fields.get(name).is_none_or(|old| old.is_null() || *old == "") {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Sets a number that is absent, null or zero: the fields for which zero means "not given".
pub(crate) fn fill_zero(object: &mut Value, name: &str, value: i64) {
    let Some(fields) = object.as_object_mut() else { return };
    if fields.get(name).is_none_or(|old| old.is_null() || *old == 0) {
        fields.insert(name.to_owned(), value.into());
    }
}
