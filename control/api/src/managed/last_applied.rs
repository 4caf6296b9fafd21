//! The annotation in which `kubectl apply` of old keeps what it applied, so that it and server-side apply can take turns.

use serde_json::{Map, Value};

use super::compare::compare;
use super::extract::paths;
use super::{Set, Version};
use crate::json;
use crate::metadata::ANNOTATIONS_MAX;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The paths that the annotation of the live object accounts for: it names them, and they still have the value it names.
/// Whoever set them was `kubectl`, under whatever name. `None` without an annotation that can be read.
pub(super) fn accounted(version: &Version, live: &Value) -> Option<Set> {
    let place = version.place();
    let text = given(live)?;
    let applied: Value = serde_json::from_str(text).ok()?;
    if applied["apiVersion"] != version.api_version() {
        return None;
    }
    let changes = compare(place, &applied, live).ok()?;
    let changed = changes.given().union(&changes.removed);
    Some(paths(place, &applied).difference(&changed))
}

/// Writes the configuration into the annotation of the object, where there is one.
pub(super) fn renew(object: &mut Value, config: &Value) {
    if given(object).is_none() {
        return;
    }
    let mut applied = config.clone();
    if let Some(annotations) = applied.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
    }
    let Some(annotations) =
        json::section(object, "metadata").and_then(|meta| meta.get_mut("annotations")).and_then(Value::as_object_mut)
    else {
        return;
    };
    annotations.insert(ANNOTATION.to_owned(), format!("{applied}\n").into());
    if size(annotations) > ANNOTATIONS_MAX {
        annotations.remove(ANNOTATION);
    }
}

fn given(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][ANNOTATION].as_str().filter(|text| !text.is_empty())
}

fn size(annotations: &Map<String, Value>) -> usize {
    annotations.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum()
}
