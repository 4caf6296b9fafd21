//! What a [`crate::local::LocalRuntime`] is told at start.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use crate::privileges::Privileges;

/// Settings of the runtime of one node.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// What the node may do to its machine.
    pub privileges: Privileges,
    /// What survives a reboot: images, compiled code, writable layers of containers.
    pub state: PathBuf,
    /// What does not: run files and sockets of pods. A tmpfs such as `/run` is right.
    pub run: PathBuf,
    /// Our own cgroup, as a path below the hierarchy's mount points, e.g. `bireme`.
    pub cgroup_root: String,
    /// The binary that plays the hidden roles (see [`crate::roles`]): normally the running one.
    pub exe: PathBuf,
    /// Read end of a pipe whose write end only the parent holds: when it closes, zygote, shims and containers end.
    /// Without it pods outlive the agent.
    pub ephemeral: Option<Arc<OwnedFd>>,
    /// How registries are reached.
    pub registry: registry_client::ClientConfig,
}
