//! Whether two states of an object differ in more than the times of its managers.

use serde_json::{Map, Value};

/// Whether the states are the same but for the times in their managers: then nothing was written, and the old times stay.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    a == b || fields(a, b, |name, a, b| if name == "metadata" { same_meta(a, b) } else { a == b })
}

fn same_meta(a: &Value, b: &Value) -> bool {
    fields(a, b, |name, a, b| if name == "managedFields" { same_managers(a, b) } else { a == b })
}

fn same_managers(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_array(), b.as_array()) else { return a == b };
    let same = |(a, b): (&Value, &Value)| fields(a, b, |name, a, b| name == "time" || a == b);
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// Whether two objects have the same fields with values that pass. The time of a manager may be missing on one side.
fn fields(a: &Value, b: &Value, pass: impl Fn(&str, &Value, &Value) -> bool) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let all = |one: &Map<String, Value>, other: &Map<String, Value>| {
        one.iter().all(|(name, value)| pass(name, value, other.get(name).unwrap_or(&Value::Null)))
    };
    all(a, b) && b.iter().all(|(name, value)| a.contains_key(name) || pass(name, &Value::Null, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_times_of_managers_make_no_difference() {
        let object = |time: &str, field: &str, data: &str| {
            let fields = json!({format!("f:{field}"): {}});
            json!({"metadata": {"name": "a", "managedFields": [{"manager": "m", "time": time, "fieldsV1": fields}]}, "data": data})
        };
        let one = object("1", "a", "x");
        assert!(same(&one, &object("2", "a", "x")));
        assert!(!same(&one, &object("1", "b", "x")) && !same(&one, &object("1", "a", "y")));
        assert!(!same(&one, &json!({"metadata": {"name": "a"}, "data": "x"})));
        assert!(!same(&json!({"metadata": {}}), &json!({"metadata": {"time": "1"}})));
    }
}
