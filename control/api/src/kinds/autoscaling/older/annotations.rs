//! Annotations that carry what an older version has no field for.

use serde_json::{Map, Value};

use crate::decode;
use crate::json;
use crate::schema::Schema;

pub(super) const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
pub(super) const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
pub(super) const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
pub(super) const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// The stored type; what annotations tell must be of its form.
const STORED: &str = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler";

/// Drops all of them, and annotations altogether when none is left.
pub(super) fn clear(object: &mut Value) {
    let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    for name in [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR] {
        annotations.remove(name);
    }
    if annotations.is_empty() {
        meta.remove("annotations");
    }
}

/// Writes a value as an annotation.
pub(super) fn give(object: &mut Value, name: &str, value: &Value) {
    if let Some(metadata) = json::part(object, "metadata")
        && let Some(annotations) = json::section(metadata, "annotations")
    {
        annotations.insert(name.to_owned(), value.to_string().into());
    }
}

/// What an annotation tells, turned into the stored form; nothing when that is not of the form of the field that it is for.
pub(super) fn take(
    object: &Value,
    name: &str,
    part: &str,
    field: &str,
    stored: impl Fn(&Value) -> Value,
) -> Option<Value> {
    let text = object["metadata"]["annotations"][name].as_str()?;
    let mut value = stored(&serde_json::from_str(text).ok()?);
    let shape = &Schema::of(STORED)?.field(part).and_then(|part| part.shape.named())?.field(field)?.shape;
    decode::conforms(&mut value, shape).then_some(value)
}

/// Writes the behaviour. Its names begin with capitals there, since Kubernetes writes a type of its own insides.
pub(super) fn give_behavior(object: &mut Value, behavior: Value) {
    give(object, BEHAVIOR, &renamed(behavior, |first| first.to_ascii_uppercase()));
}

/// What the annotation tells of the behaviour.
pub(super) fn take_behavior(object: &Value) -> Option<Value> {
    take(object, BEHAVIOR, "spec", "behavior", |value| renamed(value.clone(), |first| first.to_ascii_lowercase()))
}

/// The same with another first letter of each name.
fn renamed(value: Value, letter: fn(char) -> char) -> Value {
    match value {
        Value::Object(fields) => {
            let one = |(name, value): (String, Value)| {
                let mut letters = name.chars();
                (letters.next().map(letter).into_iter().chain(letters).collect(), renamed(value, letter))
            };
            Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).map(one).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(|item| renamed(item, letter)).collect(),
        other => other,
    }
}
