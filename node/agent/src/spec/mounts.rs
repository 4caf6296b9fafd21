//! What a container mounts, before paths of the node are known.

use std::path::{Component, Path};

use k8s_openapi::api::core::v1::{Container, VolumeMount};

use runtime::contract::Propagation;

use crate::spec::ConfigError;
use crate::spec::expand::expand;

/// A volume to be shown in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Volume name.
    pub volume: String,
    /// Path in the container.
    pub path: String,
    /// Path below the volume; empty for all of it.
    pub sub_path: String,
    /// Read-only.
    pub read_only: bool,
    /// What is mounted below it is read-only too.
    pub recursive: bool,
    /// Which later mounts below it are shared.
    pub propagation: Propagation,
}

/// The mounts of a container, its `subPathExpr` expanded by its environment.
///
/// # Errors
/// When a path below a volume is absolute or leaves the volume.
pub(crate) fn wishes(container: &Container, env: &[(String, String)]) -> Result<Vec<Wish>, ConfigError> {
    container.volume_mounts.iter().flatten().map(|mount| wish(mount, env)).collect()
}

fn wish(mount: &VolumeMount, env: &[(String, String)]) -> Result<Wish, ConfigError> {
    let value = |name: &str| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let sub_path = match &mount.sub_path_expr {
        Some(expression) => {
            let sub_path = expand(expression, value);
            if sub_path.contains("$(") {
                return Err(wrong(mount, "missing value for a variable of subPathExpr"));
            }
            sub_path
        }
        None => mount.sub_path.clone().unwrap_or_default(),
    };
    let path = Path::new(&sub_path);
    if path.is_absolute() {
        return Err(wrong(mount, "subPath must not be an absolute path"));
    }
    if path.components().any(|component| component == Component::ParentDir) {
        return Err(wrong(mount, "subPath must not contain '..'"));
    }
    Ok(Wish {
        volume: mount.name.clone(),
        path: mount.mount_path.clone(),
        sub_path,
        read_only: mount.read_only.unwrap_or(false),
        recursive: recursive(mount),
        propagation: match mount.mount_propagation.as_deref() {
            Some("Bidirectional") => Propagation::Bidirectional,
            Some("HostToContainer") => Propagation::HostToContainer,
            _ => Propagation::None,
        },
    })
}

/// Whether what is mounted below a volume is read-only with it: wherever it is asked for, since this node can always do it
/// (KEP-3857).
pub(crate) fn recursive(mount: &VolumeMount) -> bool {
    let asked = matches!(mount.recursive_read_only.as_deref(), Some("Enabled" | "IfPossible"));
    asked && mount.read_only == Some(true)
}

fn wrong(mount: &VolumeMount, why: &str) -> ConfigError {
    ConfigError::Reference { field: format!("volumeMounts of volume {}", mount.name), why: why.to_owned() }
}
