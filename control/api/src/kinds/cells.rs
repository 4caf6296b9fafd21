//! Cells that several kinds show, and how a Table says that there is nothing.

use serde_json::Value;

use crate::json::{items, text};
use crate::meta::Timestamp;
use crate::selector::LabelSelector;
use crate::time;

pub(super) const NONE: &str = "<none>";
/// Of a field that may be left out.
pub(super) const UNSET: &str = "<unset>";
pub(super) const UNKNOWN: &str = "<unknown>";

pub(super) fn name(object: &Value) -> Value {
    text(object, "/metadata/name").into()
}

pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    time::age(time::at(object, "/metadata/creationTimestamp"), now).into()
}

/// The moment of creation, for [`super::CREATED_AT`].
pub(super) fn created_at(object: &Value) -> Value {
    time::at(object, "/metadata/creationTimestamp").map_or_else(|| UNKNOWN.to_owned(), time::text).into()
}

/// The text, or what says that there is none.
pub(super) fn or<'a>(text: &'a str, nothing: &'a str) -> &'a str {
    if text.is_empty() { nothing } else { text }
}

/// Values of a field of every item, joined by commas, e.g. all images.
pub(super) fn joined(object: &Value, pointer: &str, field: &str) -> String {
    items(object, pointer).iter().filter_map(|item| item[field].as_str()).collect::<Vec<_>>().join(",")
}

/// How many values a cell lists before it counts the rest.
const SHOWN: usize = 3;

/// The first values and how many more there are, or what says that there is none.
pub(super) fn shortened(values: Vec<String>, nothing: &str) -> String {
    let more = values.len().saturating_sub(SHOWN);
    let shown = values.into_iter().take(SHOWN).collect::<Vec<_>>().join(",");
    if more > 0 { format!("{shown} + {more} more...") } else { or(&shown, nothing).to_owned() }
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
