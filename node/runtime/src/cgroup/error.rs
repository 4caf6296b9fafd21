//! Why something about a group failed.

use std::io;
use std::path::PathBuf;

/// Failure of a control group operation.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// No usable control group file system is mounted.
    #[error("no cgroup v2 tree and no cgroup v1 controllers are mounted: mount cgroup2 on /sys/fs/cgroup")]
    NotMounted,
    /// The node runs without root.
    #[error("a node without root has no control groups: run it as root")]
    Absent,
    /// The name of a group must be relative and may not climb.
    #[error("cgroup name {0:?} must be a relative path without `.` and `..`")]
    Name(String),
    /// A file or directory of the tree refused.
    #[error("cannot {attempt} {}: {source}", path.display())]
    Io {
        /// What was attempted, as a verb phrase.
        attempt: String,
        /// On what.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Controllers cannot be passed on to children because the group holds processes itself (cgroup v2 allows only one).
    #[error(
        "cannot enable controllers in {}: it holds processes; start the node below a leaf of its own or set \
         another cgroup root", path.display()
    )]
    Occupied {
        /// The `cgroup.subtree_control` file.
        path: PathBuf,
    },
    /// The group did not reach the wanted state in time.
    #[error("{} did not become {state} within {waited_ms} ms", path.display())]
    Timeout {
        /// Its directory.
        path: PathBuf,
        /// The wanted state.
        state: &'static str,
        /// Bound of the wait, in milliseconds.
        waited_ms: u64,
    },
}

impl CgroupError {
    pub(super) fn io(attempt: impl Into<String>, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { attempt: attempt.into(), path: path.into(), source }
    }
}
