//! Fields of volumes that the API promises to fill.

use serde_json::{Value, json};

use super::defaults::downward;
use super::resources;
use crate::json::{fill, items_mut};

/// Permissions of files made from objects: 0644.
const MODE: i64 = 0o644;
/// Life of a projected token, in seconds.
const TOKEN_SECONDS: i64 = 3600;

/// Fields of a source and what they are when not given. Sources without one are not listed.
const SOURCES: &[(&str, &[(&str, &str)])] = &[
    ("hostPath", &[("type", "")]),
    ("iscsi", &[("iscsiInterface", "default")]),
    ("rbd", &[("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")]),
    ("azureDisk", &[("cachingMode", "ReadWrite"), ("kind", "Shared"), ("fsType", "ext4")]),
    ("scaleIO", &[("storageMode", "ThinProvisioned"), ("fsType", "xfs")]),
];

/// Sources that are made of files and have a mode.
const FILES: &[&str] = &["configMap", "secret", "downwardAPI", "projected"];

pub(super) fn volume(volume: &mut Value) {
    let Some(fields) = volume.as_object_mut() else { return };
    if !fields.iter().any(|(name, value)| name != "name" && !value.is_null()) {
        fields.insert("emptyDir".into(), json!({}));
    }
    sources(volume);
    for source in FILES {
        if let Some(source) = volume.get_mut(*source) {
            fill(source, "defaultMode", MODE);
            files(source);
            items_mut(source, "sources").iter_mut().for_each(projection);
        }
    }
    if let Some(memory) = volume.get_mut("emptyDir") {
        resources::canonical_field(memory, "sizeLimit");
    }
    if let Some(claim) = volume.pointer_mut("/ephemeral/volumeClaimTemplate/spec") {
        fill(claim, "volumeMode", "Filesystem");
    }
}

/// Fills sources that pods and PersistentVolumes have alike.
pub(crate) fn sources(volume: &mut Value) {
    for (source, defaults) in SOURCES {
        if let Some(source) = volume.get_mut(*source) {
            for (name, value) in *defaults {
                fill(source, name, *value);
            }
        }
    }
    if let Some(disk) = volume.get_mut("azureDisk") {
        fill(disk, "readOnly", false);
    }
}

fn projection(source: &mut Value) {
    if let Some(token) = source.get_mut("serviceAccountToken") {
        fill(token, "expirationSeconds", TOKEN_SECONDS);
    }
    if let Some(downward) = source.get_mut("downwardAPI") {
        files(downward);
    }
}

/// Only files of the downward API have references; those of others have no such fields.
fn files(source: &mut Value) {
    for file in items_mut(source, "items") {
        downward(file, "fieldRef", "resourceFieldRef");
    }
}
