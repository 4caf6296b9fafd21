//! Where files are. One place knows every path below the state and run directories.
//!
//! ```text
//! <run>/pods/<uid>/                  0700
//!     sandbox.json                   run file, written by the agent, read by the shim and later agents
//!     shim.sock  shim.log
//!     hosts  hostname  resolv.conf   shown inside the containers
//!     containers/<id>/container.json run file, written by the agent
//!     containers/<id>/exit.json      run file, written by the shim
//!     containers/<id>/termination    the termination message
//! <state>/containers/<id>/           upper/ and work/ of the writable layer
//! <state>/images/                    blobs, layers, index (see [`crate::images`])
//! ```

use std::path::{Path, PathBuf};

use crate::config::LocalConfig;
use crate::contract::{ContainerId, Qos, RuntimeError, SandboxId};

/// The directories of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    state: PathBuf,
    run: PathBuf,
    cgroup_root: String,
}

impl Layout {
    /// The layout that a configuration asks for.
    pub fn new(config: &LocalConfig) -> Layout {
        Layout {
            state: config.state.clone(),
            run: config.run.clone(),
            cgroup_root: config.cgroup_root.trim_matches('/').to_owned(),
        }
    }

    /// Directory of all pods.
    pub fn pods(&self) -> PathBuf {
        self.run.join("pods")
    }

    /// Directory of one pod.
    pub fn pod(&self, id: &SandboxId) -> PodDir {
        PodDir(self.pods().join(&*id.0))
    }

    /// Directory of the image store.
    pub fn images(&self) -> PathBuf {
        self.state.join("images")
    }

    /// Directory of compiled Wasm code.
    pub fn compiled(&self) -> PathBuf {
        self.state.join("compiled")
    }

    /// Directory of all writable layers.
    pub fn writable_layers(&self) -> PathBuf {
        self.state.join("containers")
    }

    /// Directory of one container's writable layer.
    pub fn writable_layer(&self, id: &ContainerId) -> PathBuf {
        self.writable_layers().join(&*id.0)
    }

    /// Our own cgroup.
    pub fn cgroup_root(&self) -> &str {
        &self.cgroup_root
    }

    /// The cgroup of zygote and shims: outside every pod's limits.
    pub fn shims_cgroup(&self) -> String {
        format!("{}/shims", self.cgroup_root)
    }

    /// The cgroup above all pods.
    pub fn pods_cgroup(&self) -> String {
        format!("{}/pods", self.cgroup_root)
    }

    /// The cgroup above all pods of a quality of service: that of guaranteed pods is above the others'.
    pub fn class_cgroup(&self, qos: Qos) -> String {
        match qos {
            Qos::Guaranteed => self.pods_cgroup(),
            Qos::Burstable => format!("{}/burstable", self.pods_cgroup()),
            Qos::BestEffort => format!("{}/besteffort", self.pods_cgroup()),
        }
    }

    /// The cgroup of one pod.
    pub fn pod_cgroup(&self, id: &SandboxId, qos: Qos) -> String {
        format!("{}/{}", self.class_cgroup(qos), id.0)
    }

    /// The cgroup of one container.
    pub fn container_cgroup(&self, sandbox: &SandboxId, qos: Qos, id: &ContainerId) -> String {
        format!("{}/{}", self.pod_cgroup(sandbox, qos), id.0)
    }
}

/// The run directory of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodDir(pub PathBuf);

impl PodDir {
    /// Name of the shim's socket inside the directory.
    pub const SOCKET: &'static str = "shim.sock";

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Run file of the sandbox.
    pub fn sandbox_file(&self) -> PathBuf {
        self.0.join("sandbox.json")
    }

    /// The shim's own log.
    pub fn shim_log(&self) -> PathBuf {
        self.0.join("shim.log")
    }

    /// `/etc/hosts` of the pod.
    pub fn hosts(&self) -> PathBuf {
        self.0.join("hosts")
    }

    /// `/etc/hostname` of the pod.
    pub fn hostname(&self) -> PathBuf {
        self.0.join("hostname")
    }

    /// `/etc/resolv.conf` of the pod.
    pub fn resolv_conf(&self) -> PathBuf {
        self.0.join("resolv.conf")
    }

    /// Directory of all containers.
    pub fn containers(&self) -> PathBuf {
        self.0.join("containers")
    }

    /// Directory of one container.
    pub fn container(&self, id: &ContainerId) -> PathBuf {
        self.containers().join(&*id.0)
    }

    /// Run file of a container.
    pub fn container_file(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join("container.json")
    }

    /// Run file of a container's end.
    pub fn exit_file(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join("exit.json")
    }

    /// File of a container's termination message.
    pub fn termination_file(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join("termination")
    }
}

/// Longest name that becomes a path component: `NAME_MAX` less room for a suffix.
const NAME_LIMIT: usize = 253;

/// Checks a name that becomes a path component, so that no pod can name a directory outside ours.
///
/// # Errors
/// [`RuntimeError::Invalid`] naming the field.
pub fn checked_component<'a>(field: &str, name: &'a str) -> Result<&'a str, RuntimeError> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if name.is_empty() || name.len() > NAME_LIMIT || !plain || name.starts_with('.') {
        return Err(RuntimeError::Invalid(format!(
            "{field} {name:?} cannot be a file name: use letters, digits, '-', '_' and '.', not starting with '.'"
        )));
    }
    Ok(name)
}
