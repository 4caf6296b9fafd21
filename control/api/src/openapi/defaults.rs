//! `default`s in schemas of version 3: what Go reads when a field is left out, by which typed clients know equal from different.

use serde_json::{Value, json};

use crate::schema::{Field, Scalar, Shape, Type};

/// Defaults that the types declare themselves, as text (`+default` in their source).
const DECLARED: &[(&str, &str, &str)] = &[
    ("io.k8s.api.core.v1.ContainerPort", "protocol", "TCP"),
    ("io.k8s.api.core.v1.ServicePort", "protocol", "TCP"),
    ("io.k8s.api.core.v1.ISCSIVolumeSource", "iscsiInterface", "default"),
    ("io.k8s.api.core.v1.ISCSIPersistentVolumeSource", "iscsiInterface", "default"),
    ("io.k8s.api.core.v1.RBDVolumeSource", "keyring", "/etc/ceph/keyring"),
    ("io.k8s.api.core.v1.RBDVolumeSource", "pool", "rbd"),
    ("io.k8s.api.core.v1.RBDVolumeSource", "user", "admin"),
    ("io.k8s.api.core.v1.RBDPersistentVolumeSource", "keyring", "/etc/ceph/keyring"),
    ("io.k8s.api.core.v1.RBDPersistentVolumeSource", "pool", "rbd"),
    ("io.k8s.api.core.v1.RBDPersistentVolumeSource", "user", "admin"),
    ("io.k8s.api.core.v1.ScaleIOVolumeSource", "fsType", "xfs"),
    ("io.k8s.api.core.v1.ScaleIOVolumeSource", "storageMode", "ThinProvisioned"),
    ("io.k8s.api.core.v1.ScaleIOPersistentVolumeSource", "fsType", "xfs"),
    ("io.k8s.api.core.v1.ScaleIOPersistentVolumeSource", "storageMode", "ThinProvisioned"),
];

/// The default of a field: the declared one, or the empty value where Go can hold nothing else.
pub(super) fn of_field(of: Type, field: &Field) -> Option<Value> {
    let declared = DECLARED.iter().find(|(name, own, _)| *name == of.name() && *own == field.name);
    if let Some((_, _, text)) = declared {
        return Some((*text).into());
    }
    if field.number.as_ref().is_none_or(|number| number.pointer) {
        return None;
    }
    match &field.shape {
        Shape::Type(_) => of_item(&field.shape),
        Shape::Scalar(_) if field.required => of_item(&field.shape),
        Shape::Scalar(_) | Shape::List(_) | Shape::Map(_) => None,
    }
}

/// The empty value of what a list or map holds.
pub(super) fn of_item(shape: &Shape) -> Option<Value> {
    match (shape, shape.scalar()) {
        (Shape::List(_) | Shape::Map(_), _)
        | (_, Some(Scalar::Any | Scalar::Object | Scalar::Quantity | Scalar::IntOrString)) => None,
        (_, Some(Scalar::String | Scalar::Bytes)) => Some("".into()),
        (_, Some(Scalar::Boolean)) => Some(false.into()),
        (_, Some(Scalar::Int32 | Scalar::Int64 | Scalar::Double)) => Some(0.into()),
        // Times are structures to Go.
        (_, Some(Scalar::Time | Scalar::MicroTime) | None) => Some(json!({})),
    }
}
