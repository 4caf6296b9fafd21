//! What PersistentVolumes and their claims share: cells, and how a change is told.

use serde_json::{Map, Value};

use crate::field::Field;
use crate::json;
use crate::validate::FieldError;

/// Annotation that named the storage class before there was a field for it; it is still shown first.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Short names of access modes, in the order in which they are shown.
const SHORT: &[(&str, &str)] =
    &[("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];

/// `RWO,ROX`.
pub(super) fn modes(modes: &[Value]) -> String {
    let given = SHORT.iter().filter(|(mode, _)| modes.iter().any(|one| one == mode));
    given.map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

/// The phase, or that the object is going.
pub(super) fn phase(object: &Value) -> &str {
    let going = !json::text(object, "/metadata/deletionTimestamp").is_empty();
    if going { "Terminating" } else { json::text(object, "/status/phase") }
}

/// Name of the storage class.
pub(super) fn class(object: &Value) -> &str {
    let old = object["metadata"]["annotations"][OLD_CLASS].as_str();
    old.unwrap_or_else(|| json::text(object, "/spec/storageClassName"))
}

/// An error when a volume becomes a device, or a device a volume. Kubernetes tells it without the `spec` before it.
pub(super) fn same_mode(object: &Value, old: &Value) -> Option<FieldError> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    Field::root(spec).at("volumeMode").unchanged(&old["spec"]["volumeMode"])
}

/// The fields that differ, a line for what each was and one for what it is to be.
pub(super) fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let line = |sign: char, name: &str, value: Option<&Value>| value.map(|value| format!("{sign} {name}: {value}"));
    let lines = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .flat_map(|name| [line('-', name, before.get(name)), line('+', name, after.get(name))].into_iter().flatten());
    lines.collect::<Vec<_>>().join("\n")
}
