//! What must be on the machine before something runs. A machine that has it is left alone.

use crate::packages::{self, BUSYBOX, E2FSPROGS, NFTABLES, PIP, QEMU};
use crate::tools;
use crate::workspace::Workspace;

/// Needs of a node.
pub(crate) fn for_demo() -> anyhow::Result<()> {
    packages::fill(&[NFTABLES])
}

/// Needs of a node and of the tests.
pub(crate) fn for_tests(workspace: &Workspace) -> anyhow::Result<()> {
    packages::fill(&[NFTABLES, BUSYBOX, PIP, QEMU, E2FSPROGS])?;
    tools::fetch(workspace)
}
