//! What the node may do to its machine.

use serde::{Deserialize, Serialize};

/// Decided once, at the start of the binary, and handed to everything that differs by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privileges {
    /// Everything: namespaces, mounts, cgroups, other users.
    Root,
    /// What any user may. Wasm containers run, as the node's own user, in its own namespaces and without cgroups: what holds
    /// them is the guest's sandbox, and each worker dies with its shim.
    None,
}

impl Privileges {
    /// Those of this process.
    #[must_use]
    pub fn detect() -> Privileges {
        if nix::unistd::geteuid().is_root() { Privileges::Root } else { Privileges::None }
    }
}
