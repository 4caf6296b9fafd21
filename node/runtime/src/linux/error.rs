//! Why a process did not start.

use std::path::PathBuf;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// Failure of a launch or exec. Crosses from the child to the caller, so it is plain data; messages reach users as the
/// container's `state.terminated.message`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LaunchError {
    /// Neither pod nor image name a command.
    #[error("no command specified")]
    NoCommand,
    /// The program is in no directory of the container's `$PATH`.
    #[error("exec: {0:?}: executable file not found in $PATH")]
    NotInPath(String),
    /// The program cannot be run: missing, not executable, wrong format.
    #[error("exec: {command:?}: {}", .source.desc().to_lowercase())]
    Exec {
        /// The program as it was asked for.
        command: String,
        /// Cause.
        #[source]
        #[serde(with = "errno")]
        source: Errno,
    },
    /// The program is the node's own binary, reached through a link (CVE-2019-5736).
    #[error("exec: {0:?}: permission denied: it leads to the node's own program")]
    OwnBinary(String),
    /// The container's `/etc/passwd` has no such user.
    #[error("unable to find user {0}: no matching entries in passwd file")]
    NoUser(String),
    /// The container's `/etc/group` has no such group.
    #[error("unable to find group {0}: no matching entries in group file")]
    NoGroup(String),
    /// `runAsNonRoot` forbids this user; the message is Kubernetes' own.
    #[error("{0}")]
    RunAsRoot(String),
    /// `workingDir` cannot be entered, or leads out of the container (CVE-2024-21626).
    #[error("cannot enter working directory {}: {}", path.display(), .source.desc().to_lowercase())]
    WorkingDirectory {
        /// The directory.
        path: PathBuf,
        /// Cause.
        #[source]
        #[serde(with = "errno")]
        source: Errno,
    },
    /// Something cannot be mounted.
    #[error("cannot mount {what} on {}: {}", target.display(), .source.desc().to_lowercase())]
    Mount {
        /// What: a directory of the node, or a file system type.
        what: String,
        /// Where in the container.
        target: PathBuf,
        /// Cause.
        #[source]
        #[serde(with = "errno")]
        source: Errno,
    },
    /// The pod has ids of its own, and a file system cannot show its files with them.
    #[error(
        "cannot show {} with the pod's own ids: {}; hostUsers: false needs Linux 5.19 and file systems with id-mapped \
         mounts: move it to ext4, xfs or btrfs, or set hostUsers: true", path.display(), .source.desc().to_lowercase()
    )]
    Shift {
        /// A layer or volume on the node.
        path: PathBuf,
        /// Cause.
        #[source]
        #[serde(with = "errno")]
        source: Errno,
    },
    /// The pod has ids of its own, and the container asks for one that it does not have.
    #[error("id {0} is beyond the 65536 ids of a pod with hostUsers: false")]
    NoId(u32),
    /// The AppArmor profile cannot be used.
    #[error("AppArmor profile {profile}: {problem}")]
    AppArmor {
        /// Which.
        profile: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `capabilities.add` or `.drop` names something unknown, or something that the node itself does not have.
    #[error("capability {name}: {problem}")]
    Capability {
        /// As in the pod, without `CAP_`.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The seccomp profile cannot be read; the words are those that users know from other runtimes.
    #[error("cannot load seccomp profile {profile:?}: open {profile}: {}", .source.desc().to_lowercase())]
    NoSeccomp {
        /// Which.
        profile: String,
        /// Cause.
        #[source]
        #[serde(with = "errno")]
        source: Errno,
    },
    /// The seccomp profile cannot be used.
    #[error("decoding seccomp profile failed {profile:?}: {problem}")]
    Seccomp {
        /// Which.
        profile: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A string of the process holds a NUL byte, which no system call takes.
    #[error("{0} must not contain a NUL byte")]
    Nul(String),
    /// The control group refused.
    #[error("{0}")]
    Cgroup(String),
    /// The caller runs threads; see the module's header.
    #[error("containers can only be launched from a single-threaded process; this one has {0} threads")]
    Threads(u64),
    /// The process did not report back in time and was killed.
    #[error("the container's process did not get as far as its command within {0} s")]
    Timeout(u64),
    /// The process ended before it reached its command, without a word: killed, most likely for lack of memory.
    #[error("the container's process was killed before it reached its command; is its memory limit too low?")]
    Lost,
    /// A system call failed.
    #[error("cannot {attempt}: {}", .source.desc().to_lowercase())]
    System {
        /// What was attempted, on what.
        attempt: String,
        /// Cause.
        #[source]
        #[serde(with = "errno")]
        source: Errno,
    },
}

impl LaunchError {
    /// For `map_err`: a failed system call.
    pub(super) fn system(attempt: impl Into<String>) -> impl FnOnce(Errno) -> Self {
        move |source| Self::System { attempt: attempt.into(), source }
    }

    /// For `map_err`: a failed mount.
    pub(super) fn mount(what: impl Into<String>, target: impl Into<PathBuf>) -> impl FnOnce(Errno) -> Self {
        move |source| Self::Mount { what: what.into(), target: target.into(), source }
    }
}

impl From<crate::cgroup::CgroupError> for LaunchError {
    fn from(error: crate::cgroup::CgroupError) -> Self {
        Self::Cgroup(error.to_string())
    }
}

/// The cause of an I/O error as an error number; errors that the standard library makes up itself become `EIO`.
pub(super) fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// Error numbers on the wire between child and caller: same machine, same kernel.
mod errno {
    use nix::errno::Errno;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(errno: &Errno, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(*errno as i32)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Errno, D::Error> {
        i32::deserialize(deserializer).map(Errno::from_raw)
    }
}
