//! What to run, as data.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use super::UserNamespace;
use crate::cgroup::Group;
use crate::contract::{LinuxUser, Mount, Security};

/// A process to run in a container.
#[derive(Debug)]
pub struct Process {
    /// Program and arguments; a program without `/` is searched in the container's `$PATH`.
    pub command: Vec<String>,
    /// Environment, the last of equal names wins. `PATH`, `HOME` and, with a terminal, `TERM` get usual values when absent.
    pub env: Vec<(String, String)>,
    /// Working directory inside the container; made when missing.
    pub cwd: PathBuf,
    /// User of the image (`uid`, `uid:gid`, `name`, `name:group`, …), used where [`Security`] names none.
    pub image_user: Option<String>,
    /// Identity, capabilities, seccomp.
    pub security: Security,
    /// Standard streams.
    pub stdio: Stdio,
    /// `oom_score_adj`; unchanged when absent. A node without `CAP_SYS_RESOURCE` cannot lower it: that is a warning.
    pub oom_score_adj: Option<i32>,
}

/// Standard streams of a process.
#[derive(Debug)]
pub enum Stdio {
    /// Given descriptors, typically ends of pipes. The caller drops its copies after the launch.
    Pipes {
        /// Standard input; `/dev/null` when absent.
        stdin: Option<OwnedFd>,
        /// Standard output.
        stdout: OwnedFd,
        /// Standard error.
        stderr: OwnedFd,
    },
    /// A pseudo terminal of the container's own `devpts`; its master comes back as [`Launched::console`].
    Terminal,
}

/// Where the root file system comes from: overlay directories on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rootfs {
    /// Read-only layers, the topmost first; at least one.
    pub lowers: Vec<PathBuf>,
    /// Receives changes.
    pub upper: PathBuf,
    /// Overlay's work directory, on the file system of `upper`.
    pub work: PathBuf,
    /// An existing empty directory to mount on, inside the container's own mount namespace only.
    pub merged: PathBuf,
}

/// Which process namespace a container runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PidNamespace {
    /// Its own; the container's process is its init.
    Own,
    /// The caller's, i.e. the node's.
    Host,
    /// That of a running process, as `/proc/<pid>/ns/pid`: a pod that shares its processes.
    Join(PathBuf),
}

/// A container to start.
#[derive(Debug)]
pub struct LaunchSpec {
    /// Its first process.
    pub process: Process,
    /// Its files.
    pub rootfs: Rootfs,
    /// Mounts, in order, over the usual `/proc`, `/dev` and `/sys`.
    pub mounts: Vec<Mount>,
    /// Its process namespace.
    pub pid_namespace: PidNamespace,
    /// The pod's ids, when it has its own.
    pub users: Option<Arc<UserNamespace>>,
    /// Its existing control group; the process joins before anything of the container runs.
    pub group: Group,
}

/// A command to run in a running container.
#[derive(Debug)]
pub struct ExecSpec {
    /// The command.
    pub process: Process,
    /// The container's first process, as the caller sees it; the caller is its parent, so that the id is not reused.
    pub pid: i32,
    /// The pod's ids, when it has its own.
    pub users: Option<Arc<UserNamespace>>,
    /// The container's control group.
    pub group: Group,
}

/// A started process: a child of the caller.
#[derive(Debug)]
pub struct Launched {
    /// Process id in the caller's process namespace.
    pub pid: i32,
    /// The same as a descriptor, readable when the process has ended.
    pub pidfd: OwnedFd,
    /// Master of the pseudo terminal, with [`Stdio::Terminal`].
    pub console: Option<OwnedFd>,
    /// Who the process was at its start.
    pub user: Option<LinuxUser>,
    /// What could not be done and does not matter for running.
    pub warnings: Vec<String>,
}
