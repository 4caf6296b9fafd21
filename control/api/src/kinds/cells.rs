//! Cells that several kinds show, and how a Table says that there is nothing.

use serde_json::{Map, Value};

use crate::meta::Timestamp;
use crate::selector::LabelSelector;
use crate::time;

pub(super) const NONE: &str = "<none>";
pub(super) const UNKNOWN: &str = "<unknown>";

pub(super) fn name(object: &Value) -> Value {
    text(object, "/metadata/name").into()
}

pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    time::age(time::at(object, "/metadata/creationTimestamp"), now).into()
}

/// The text at a JSON pointer; empty when there is none.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer; zero when there is none.
pub(super) fn integer(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The truth value at a JSON pointer; false when there is none.
pub(super) fn boolean(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The items at a JSON pointer; none when there is no list.
pub(super) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The fields at a JSON pointer; none when there is no object.
pub(super) fn entries<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    object.pointer(pointer).and_then(Value::as_object).into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// The text, or what says that there is none.
pub(super) fn or<'a>(text: &'a str, nothing: &'a str) -> &'a str {
    if text.is_empty() { nothing } else { text }
}

/// Values of a field of every item, joined by commas, e.g. all images.
pub(super) fn joined(object: &Value, pointer: &str, field: &str) -> String {
    items(object, pointer).iter().filter_map(|item| item[field].as_str()).collect::<Vec<_>>().join(",")
}

/// `a=b,c=d` of an object of texts, or `<none>`.
pub(super) fn pairs(value: &Value) -> String {
    let pairs: Vec<String> = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    or(&pairs.join(","), NONE).to_owned()
}

/// A `metav1.LabelSelector` as text, or `<none>`.
pub(super) fn selector(value: &Value) -> String {
    let text = LabelSelector::from_value(value).map(|selector| selector.to_string()).unwrap_or_default();
    or(&text, NONE).to_owned()
}

/// The wide columns of everything with a pod template: names, images, selector.
pub(super) fn template(object: &Value) -> [Value; 3] {
    let containers = "/spec/template/spec/containers";
    let selector = object.pointer("/spec/selector").map_or_else(|| NONE.to_owned(), selector);
    [joined(object, containers, "name").into(), joined(object, containers, "image").into(), selector.into()]
}

/// `metadata` or another object inside the object, made when it is absent or null.
pub(super) fn section<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    let fields = object.as_object_mut()?;
    let section = fields.entry(name).or_insert(Value::Null);
    if section.is_null() {
        *section = Value::Object(Map::new());
    }
    section.as_object_mut()
}
