//! Who a container's processes are and what they may do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `securityContext` of a container, merged with its pod's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// User id; the image's user when absent.
    pub user: Option<u32>,
    /// Group id; the image's when absent.
    pub group: Option<u32>,
    /// Supplemental groups (`fsGroup` and `supplementalGroups`).
    pub groups: Vec<u32>,
    /// Refuse to run as uid 0.
    pub run_as_non_root: bool,
    /// All capabilities and devices, no seccomp filter, no masked paths.
    pub privileged: bool,
    /// Read-only root file system.
    pub read_only_root: bool,
    /// `allowPrivilegeEscalation: false`.
    pub no_new_privileges: bool,
    /// Capabilities added to the default set, without `CAP_`.
    pub add_capabilities: Vec<String>,
    /// Capabilities dropped from it; `ALL` drops all.
    pub drop_capabilities: Vec<String>,
    /// `seccompProfile`.
    pub seccomp: Seccomp,
    /// `supplementalGroupsPolicy: Strict`: the image's own memberships do not count.
    #[serde(default)]
    pub strict_groups: bool,
    /// `procMount: Unmasked`: nothing of `/proc` and `/sys` is covered or read-only.
    #[serde(default)]
    pub unmasked_proc: bool,
    /// `appArmorProfile`: the name of a profile that the node has loaded.
    #[serde(default)]
    pub apparmor: Option<String>,
}

/// `seccompProfile.type`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seccomp {
    /// The runtime's default profile.
    #[default]
    RuntimeDefault,
    /// None.
    Unconfined,
    /// A profile file on the node.
    Localhost(PathBuf),
}

/// Who a process is, as the kernel numbers it inside its pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinuxUser {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups, sorted.
    pub groups: Vec<u32>,
}
