//! What of the node is shown in a container.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A directory or file of the node shown inside a container. For Wasm, a preopened directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Path on the node.
    pub host: PathBuf,
    /// Path in the container.
    pub container: PathBuf,
    /// Read-only.
    pub read_only: bool,
    /// What is mounted below it is read-only too (`recursiveReadOnly`).
    #[serde(default)]
    pub recursive: bool,
    /// Which later mounts below it are shared.
    #[serde(default)]
    pub propagation: Propagation,
}

impl Mount {
    /// One whose later mounts are nobody else's.
    pub fn new(host: impl Into<PathBuf>, container: impl Into<PathBuf>, read_only: bool) -> Self {
        let (host, container) = (host.into(), container.into());
        Self { host, container, read_only, recursive: false, propagation: Propagation::None }
    }
}

/// `mountPropagation`: whether what node or container mount later below a volume is seen by the other (mount_namespaces(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Propagation {
    /// By nobody.
    #[default]
    None,
    /// The container sees what the node mounts.
    HostToContainer,
    /// Both see what the other mounts.
    Bidirectional,
}
