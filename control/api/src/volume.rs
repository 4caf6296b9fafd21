//! Where volumes come from: rules that Pods and PersistentVolumes share, source by source.

mod csi;
mod disk;
mod path;
mod remote;

use crate::field::{Errors, Field};
use crate::validate::FieldError;

pub(crate) use path::{descends, local, no_backsteps};

/// Whose volume it is. Volumes that outlive pods name secrets in any namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// A pod's, of that name in the pod.
    Pod(&'a str),
    /// A PersistentVolume of that name.
    Cluster(&'a str),
}

/// Sources of a PersistentVolume, in the order in which Kubernetes looks at them.
pub(crate) const OF_CLUSTER: &[&str] = &[
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

/// Everything wrong with the one source that `volume` has of these, and an error for every other one.
pub(crate) fn only_source<'a>(
    volume: &Field<'a>,
    sources: &[&'static str],
    mut rules: impl FnMut(&'static str, &Field<'a>) -> Errors,
) -> Errors {
    let mut errors = Errors::new();
    let mut found = false;
    for name in sources {
        let source = volume.at(name);
        if !source.is_set() {
            continue;
        }
        if found {
            errors.push(source.forbidden("may not specify more than 1 volume type"));
        } else {
            errors.extend(rules(name, &source));
        }
        found = true;
    }
    if !found {
        errors.push(volume.required("must specify a volume type"));
    }
    errors
}

/// Everything wrong with a source of that name; nothing for those that only pods have.
pub(crate) fn source(name: &str, source: &Field<'_>, owner: Owner<'_>) -> Errors {
    match name {
        "hostPath" => path::of_host(source),
        "local" => path::of_node(source),
        "gcePersistentDisk" | "awsElasticBlockStore" | "azureDisk" | "fc" => disk::rules(name, source),
        "iscsi" => disk::iscsi(source, owner),
        "csi" => csi::rules(source, owner),
        "flexVolume" => csi::flexible(source),
        _ => remote::rules(name, source, owner),
    }
}

/// Errors for every one of these fields that is not given.
fn needed(source: &Field<'_>, fields: &[&str]) -> Errors {
    fields.iter().filter_map(|field| source.at(field).must()).collect()
}

/// Everything wrong with a reference to a secret, of whatever namespace its owner needs.
fn secret(secret: &Field<'_>, owner: Owner<'_>) -> Errors {
    if !secret.is_set() {
        return Errors::new();
    }
    match owner {
        Owner::Pod(_) => needed(secret, &["name"]),
        Owner::Cluster(_) => needed(secret, &["name", "namespace"]),
    }
}

/// An error when a number is outside a range; what is not given is nought.
fn between(field: &Field<'_>, least: i64, most: i64) -> Option<FieldError> {
    let number = field.integer().unwrap_or_default();
    let why = format!("must be between {least} and {most}, inclusive");
    (!(least..=most).contains(&number)).then(|| field.invalid_part(number, why))
}
