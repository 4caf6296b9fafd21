//! Which required fields an object lacks.

use serde_json::{Map, Value};

use super::{Field, Shape, Type};
use crate::validate::FieldError;

/// Fields that the published schema requires but that Kubernetes reads as empty when they are missing.
const READ_AS_EMPTY: &[(&str, &str)] = &[
    ("io.k8s.api.core.v1.Event", "involvedObject"),
    ("io.k8s.api.core.v1.HTTPHeader", "value"),
    ("io.k8s.api.core.v1.PreferredSchedulingTerm", "preference"),
    ("io.k8s.api.core.v1.Sysctl", "value"),
    ("io.k8s.api.storage.v1.CSINodeSpec", "drivers"),
];

/// Every required field that is missing in the object or in what it holds, beyond what is `told` already about the same field
/// or its surroundings; empty values are the kinds' own business.
///
/// `metadata` is checked by the verbs and `status` is written by components whose partial writes Kubernetes accepts, so
/// neither is looked at. An object that is missing whole is told by the fields that it would have to hold, as in Kubernetes.
#[must_use]
pub fn missing(object: &Value, of: Type, told: &[FieldError]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Some(object) = object.as_object() {
        in_struct(object, of, "", &mut errors);
    }
    errors.retain(|error| !told.iter().any(|told| within(&told.path, &error.path) || within(&error.path, &told.path)));
    errors
}

/// Whether the first path is the second or lies below it.
fn within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn in_struct(object: &Map<String, Value>, of: Type, path: &str, errors: &mut Vec<FieldError>) {
    for field in of.fields() {
        let top = path.is_empty();
        if top && matches!(field.name, "metadata" | "status") {
            continue;
        }
        let at = if top { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        let needed = field.required && !reads_as_empty(of, field) || top && field.name == "spec";
        match (object.get(field.name), &field.shape) {
            (Some(value), shape) => in_shape(value, shape, &at, errors),
            (None, _) if !needed => {}
            (None, Shape::Type(inner)) if inner.fields().iter().any(|field| field.required) => {
                in_struct(&Map::new(), *inner, &at, errors);
            }
            (None, _) if field.required => errors.push(FieldError::required(at, "")),
            (None, _) => {}
        }
    }
}

fn in_shape(value: &Value, shape: &Shape, path: &str, errors: &mut Vec<FieldError>) {
    match (shape, value) {
        (Shape::Type(of), Value::Object(object)) => in_struct(object, *of, path, errors),
        (Shape::List(item), Value::Array(items)) => {
            for (at, one) in items.iter().enumerate() {
                in_shape(one, item, &format!("{path}[{at}]"), errors);
            }
        }
        (Shape::Map(item), Value::Object(entries)) => {
            for (key, one) in entries {
                in_shape(one, item, &format!("{path}[{key}]"), errors);
            }
        }
        _ => {}
    }
}

fn reads_as_empty(of: Type, field: &Field) -> bool {
    READ_AS_EMPTY.iter().any(|(name, lenient)| of.name() == *name && field.name == *lenient)
}

#[cfg(test)]
mod tests {
    use super::super::Schema;
    use super::*;
    use serde_json::json;

    fn check(of: &str, object: &Value, expected: &[&str]) {
        let found = missing(object, Schema::of(of).unwrap(), &[]);
        assert_eq!(found.iter().map(|error| error.path.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn all_missing_fields_are_told_at_once() {
        let pod = json!({"spec": {"containers": [{"image": "a"}, {"name": "b", "env": [{"value": "x"}]}]}});
        check("io.k8s.api.core.v1.Pod", &pod, &["spec.containers[0].name", "spec.containers[1].env[0].name"]);
        check("io.k8s.api.core.v1.Pod", &json!({}), &["spec.containers"]);
        check("io.k8s.api.apps.v1.Deployment", &json!({}), &["spec.selector", "spec.template"]);
        check("io.k8s.api.rbac.v1.RoleBinding", &json!({}), &["roleRef.kind", "roleRef.name"]);
    }

    #[test]
    fn what_is_told_already_is_not_told_again() {
        let of = Schema::of("io.k8s.api.apps.v1.Deployment").unwrap();
        let told = ["spec.template.spec.containers", "spec.sel"].map(|path| FieldError::required(path, ""));
        let found = missing(&json!({}), of, &told);
        assert_eq!(found, [FieldError::required("spec.selector", "")]);
    }

    #[test]
    fn what_kubernetes_reads_as_empty_is_not_missing() {
        check("io.k8s.api.networking.v1.NetworkPolicy", &json!({"spec": {}}), &[]);
        check("io.k8s.api.discovery.v1.EndpointSlice", &json!({"addressType": "IPv4"}), &[]);
        check("io.k8s.api.core.v1.Service", &json!({}), &[]);
        for (name, field) in READ_AS_EMPTY {
            assert!(Schema::of(name).and_then(|of| of.field(field)).unwrap().required, "{name}.{field}");
        }
    }
}
