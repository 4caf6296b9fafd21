//! JSON patch (RFC 6902), bounded: operations can copy a document into itself, so a short patch could ask for a huge object.

use json_patch::PatchOperation;
use serde_json::{Map, Value};

use super::does_not_fit;
use crate::status::Status;

/// Most operations of one patch, as in Kubernetes.
pub const OPERATIONS_MAX: usize = 10_000;
/// Most bytes that the `copy` operations of one patch may copy together, as in Kubernetes.
pub const COPIED_MAX: usize = 3 * 1024 * 1024;
/// Deepest place that a patch may reach. Readers of JSON, ours included, stop at 128 levels.
pub const DEPTH_MAX: usize = 120;

/// See the module. Operations take effect together or not at all.
pub(super) fn apply(original: &Value, patch: &[u8]) -> Result<Value, Status> {
    let list: Vec<Map<String, Value>> =
        serde_json::from_slice(patch).map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    if list.len() > OPERATIONS_MAX {
        let (count, max) = (list.len(), OPERATIONS_MAX);
        return Err(too_large(&format!("The allowed maximum operations in a JSON patch is {max}, got {count}")));
    }
    // What is no operation is found out when its turn comes, as in Kubernetes, and then it does not fit.
    let operations: Vec<PatchOperation> =
        serde_json::from_value(list.into_iter().collect()).map_err(|_| does_not_fit())?;
    let mut object = original.clone();
    let mut copied = 0;
    for operation in &operations {
        if matches!(operation, PatchOperation::Test(test) if test.value.is_null() && lacks(&object, test.path.as_str()))
        {
            continue;
        }
        let added = match operation {
            PatchOperation::Add(add) => Some(&add.value),
            PatchOperation::Replace(replace) => Some(&replace.value),
            PatchOperation::Move(from) => object.pointer(from.from.as_str()),
            PatchOperation::Copy(from) => {
                let source = object.pointer(from.from.as_str());
                copied += source.map_or(0, size);
                source
            }
            PatchOperation::Remove(_) | PatchOperation::Test(_) => None,
        };
        if copied > COPIED_MAX {
            return Err(too_large(&format!("The operations of a JSON patch may copy {COPIED_MAX} bytes")));
        }
        if added.is_some_and(|value| operation.path().count() + depth(value) > DEPTH_MAX) {
            return Err(too_large(&format!("A JSON patch may reach {DEPTH_MAX} levels deep")));
        }
        json_patch::patch_unsafe(&mut object, std::slice::from_ref(operation)).map_err(|_| does_not_fit())?;
    }
    Ok(object)
}

/// Whether a field of an object is absent. A test for null holds there, as in Kubernetes: controllers ask so whether an object
/// has finalizers yet.
fn lacks(object: &Value, path: &str) -> bool {
    let parent = path.rsplit_once('/').and_then(|(parent, _)| object.pointer(parent));
    parent.is_some_and(Value::is_object) && object.pointer(path).is_none()
}

fn too_large(why: &str) -> Status {
    Status::new(413, "RequestEntityTooLarge", format!("Request entity too large: {why}"))
}

/// About as many bytes as the value's JSON has.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + size(value) + 4).sum::<usize>() + 2,
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}
