//! Objects whose fields are known by name: what variables of Kubernetes hold.

use super::signature;
use super::types::Type;

/// An object and its fields, each with a type as in signatures.
type Object = (&'static str, &'static [(&'static str, &'static str)]);

const OBJECTS: &[Object] = &[
    ("kubernetes.GroupVersionKind", &[("group", "string"), ("version", "string"), ("kind", "string")]),
    ("kubernetes.GroupVersionResource", &[("group", "string"), ("version", "string"), ("resource", "string")]),
    (
        "kubernetes.UserInfo",
        &[
            ("username", "string"),
            ("uid", "string"),
            ("groups", "list(string)"),
            ("extra", "map(string, list(string))"),
        ],
    ),
    (
        "kubernetes.AdmissionRequest",
        &[
            ("kind", "kubernetes.GroupVersionKind"),
            ("resource", "kubernetes.GroupVersionResource"),
            ("subResource", "string"),
            ("requestKind", "kubernetes.GroupVersionKind"),
            ("requestResource", "kubernetes.GroupVersionResource"),
            ("requestSubResource", "string"),
            ("name", "string"),
            ("namespace", "string"),
            ("operation", "string"),
            ("userInfo", "kubernetes.UserInfo"),
            ("dryRun", "bool"),
            ("options", "dyn"),
        ],
    ),
    (
        "kubernetes.Namespace",
        &[
            ("metadata", "kubernetes.NamespaceMetadata"),
            ("spec", "kubernetes.NamespaceSpec"),
            ("status", "kubernetes.NamespaceStatus"),
        ],
    ),
    (
        "kubernetes.NamespaceMetadata",
        &[
            ("name", "string"),
            ("generateName", "string"),
            ("namespace", "string"),
            ("labels", "map(string, string)"),
            ("annotations", "map(string, string)"),
            ("UID", "string"),
            ("creationTimestamp", "timestamp"),
            ("deletionGracePeriodSeconds", "int"),
            ("deletionTimestamp", "timestamp"),
            ("generation", "int"),
            ("resourceVersion", "string"),
            ("finalizers", "list(string)"),
        ],
    ),
    ("kubernetes.NamespaceSpec", &[("finalizers", "list(string)")]),
    ("kubernetes.NamespaceStatus", &[("conditions", "list(kubernetes.NamespaceCondition)"), ("phase", "string")]),
    (
        "kubernetes.NamespaceCondition",
        &[
            ("status", "string"),
            ("type", "string"),
            ("lastTransitionTime", "timestamp"),
            ("message", "string"),
            ("reason", "string"),
        ],
    ),
    (
        "kubernetes.DRADevice",
        &[
            ("driver", "string"),
            ("attributes", "map(string, map(string, any))"),
            ("capacity", "map(string, map(string, kubernetes.Quantity))"),
            ("allowMultipleAllocations", "bool"),
        ],
    ),
    ("JSONPatch", &[("op", "string"), ("path", "string"), ("from", "string"), ("value", "dyn")]),
];

/// What is known of the fields of an object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fields {
    /// These, and no others.
    Known(&'static [(&'static str, &'static str)]),
    /// Any, each of what it happens to be: part of a configuration that is applied.
    Any,
}

/// What there is to know of the object of that name; none when it has no fields.
pub(super) fn named(name: &str) -> Option<Fields> {
    if is_configuration(name) {
        return Some(Fields::Any);
    }
    OBJECTS.iter().find(|(known, _)| *known == name).map(|(_, fields)| Fields::Known(fields))
}

/// Whether it is the name of an object to apply, or of a part of one: `Object.spec.template`.
pub(super) fn is_configuration(name: &str) -> bool {
    name == "Object" || name.starts_with("Object.")
}

impl Fields {
    /// The type of a field; none when the object has no such field.
    pub(super) fn of(self, name: &str) -> Option<Type> {
        match self {
            Self::Any => Some(Type::Dyn),
            Self::Known(fields) => {
                fields.iter().find(|(known, _)| *known == name).and_then(|(_, text)| signature::plain(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_type() {
        for (name, fields) in OBJECTS {
            for (field, _) in *fields {
                assert!(named(name).unwrap().of(field).is_some(), "{name}.{field}");
            }
        }
        assert!(named("kubernetes.UserInfo").unwrap().of("name").is_none() && named("kubernetes.Quantity").is_none());
    }
}
