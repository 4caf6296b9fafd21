//! Taking from an object what its type does not know.

use serde_json::Value;

use super::{Body, Shape, Type};

/// Drops every field that the type does not have, at any depth. Values of another form than the schema's are left as they are.
pub fn prune(value: &mut Value, of: Type) {
    if let (Value::Object(fields), Body::Struct(_)) = (value, of.body()) {
        fields.retain(|name, value| {
            let field = of.field(name);
            if let Some(field) = field {
                in_shape(value, &field.shape);
            }
            field.is_some()
        });
    }
}

fn in_shape(value: &mut Value, shape: &Shape) {
    match (shape, value) {
        (Shape::Type(of), value) => prune(value, *of),
        (Shape::List(item), Value::Array(items)) => items.iter_mut().for_each(|one| in_shape(one, item)),
        (Shape::Map(item), Value::Object(entries)) => entries.values_mut().for_each(|one| in_shape(one, item)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::Schema;
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_go_at_any_depth_and_kept_ones_stay_as_they_are() {
        let mut pod = json!({"spec": {"containers": [{"name": "a", "x": 1}], "nodeSelector": {"x": "y"}, "y": {}},
            "metadata": {"labels": {"a": "b"}, "managedFields": [{"fieldsV1": {"f:x": {}}}]}, "z": 1});
        prune(&mut pod, Schema::of("io.k8s.api.core.v1.Pod").unwrap());
        let kept = json!({"spec": {"containers": [{"name": "a"}], "nodeSelector": {"x": "y"}},
            "metadata": {"labels": {"a": "b"}, "managedFields": [{"fieldsV1": {"f:x": {}}}]}});
        assert_eq!(pod, kept);
    }
}
