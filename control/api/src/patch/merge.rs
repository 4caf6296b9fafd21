//! JSON merge patch (RFC 7396).

use serde_json::Value;

use super::no_object;
use crate::status::Status;

/// See the module. Only objects are patched, so only an object is a patch.
pub(super) fn apply(original: &Value, patch: &Value) -> Result<Value, Status> {
    if !patch.is_object() {
        return Err(no_object());
    }
    let mut object = original.clone();
    json_patch::merge(&mut object, patch);
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, json};

    /// The merge patch that leads from one object to another. An object that holds null has none, so trees have no null.
    fn diff(from: &Map<String, Value>, to: &Map<String, Value>) -> Value {
        let gone = from.keys().filter(|key| !to.contains_key(*key)).map(|key| (key.clone(), Value::Null));
        let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(value)).map(|(key, value)| {
            let change = match (from.get(key), value) {
                (Some(Value::Object(from)), Value::Object(to)) => diff(from, to),
                _ => value.clone(),
            };
            (key.clone(), change)
        });
        Value::Object(gone.chain(changed).collect())
    }

    fn object() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), (0..4).prop_map(Value::from)];
        let tree = leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::btree_map("[a-d]", inner.clone(), 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
                proptest::collection::vec(inner, 0..3).prop_map(Value::from),
            ]
        });
        proptest::collection::btree_map("[a-d]", tree, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn applying_a_difference_gives_the_other_object(from in object(), to in object()) {
            let patch = diff(from.as_object().unwrap(), to.as_object().unwrap());
            prop_assert_eq!(apply(&from, &patch).unwrap(), to);
        }
    }

    #[test]
    fn objects_merge_and_lists_are_replaced() {
        let original = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
        let patched = apply(&original, &json!({"a": {"b": null, "d": {"e": null}}, "l": [3]})).unwrap();
        assert_eq!(patched, json!({"a": {"c": 2, "d": {}}, "l": [3]}));
        assert_eq!(apply(&original, &json!([1])).unwrap_err().code, 400);
    }
}
