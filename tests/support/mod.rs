//! What tests of the binary share: a cluster that leaves nothing, real kubectls, registries, and waiting with a reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]
#![allow(clippy::print_stderr, reason = "logs of a cluster whose test failed")]
#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod cluster;
pub(crate) mod kubectl;
pub(crate) mod leftovers;
pub(crate) mod http;
pub(crate) mod images;
pub(crate) mod sample;
pub(crate) mod scene;
pub(crate) mod tarball;
pub(crate) mod machine;
pub(crate) mod debian_registry;
pub(crate) mod wait;

use std::path::{Path, PathBuf};

/// The binary under test.
pub(crate) const BIREME: &str = env!("CARGO_BIN_EXE_bireme");

/// A tool that `cargo xtask setup` fetched.
pub(crate) fn tool(path: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools");
    let tool = tools.join(path);
    assert!(tool.is_file(), "{} is missing: run `cargo xtask setup`", tool.display());
    tool
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
