//! The sample `hello` of the repository, built as the demo builds it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::repository;

/// Builds the sample's Linux program into a folder.
#[track_caller]
pub(crate) fn backend(folder: &Path) -> PathBuf {
    let program = folder.join("backend");
    let mut build = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    build.args(["--edition", "2024", "-C", "target-feature=+crt-static", "-C", "panic=abort", "-C", "strip=symbols"]);
    build.arg(repository("samples/hello/backend/backend.rs")).arg("-o").arg(&program);
    let built = build.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    program
}
