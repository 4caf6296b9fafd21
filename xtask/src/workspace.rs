//! Where the workspace and its build results are.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// See the module.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds it from what cargo tells this program.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`")?;
        let root = Path::new(&package).parent().context("xtask lies in no workspace")?.to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// Where tools for tests are unpacked, each in a folder named after its version. `tests/support` looks there too.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }
}
