//! Values as Go's `fmt` prints them with `%+v`, which stands in messages of Kubernetes.

use serde_json::Value;

/// The value in Go's words.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", joined(items.iter().map(self::value))),
        Value::Object(fields) => {
            format!("map[{}]", joined(fields.iter().map(|(name, field)| format!("{name}:{}", self::value(field)))))
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_printed_as_go_does() {
        let patch = json!({"spec": {"replicas": "x", "list": [1, true, null], "empty": {}}, "a": 1.5});
        assert_eq!(value(&patch), "map[a:1.5 spec:map[empty:map[] list:[1 true <nil>] replicas:x]]");
    }
}
