//! The demo: a release of the binary, the sample's Linux half built here, and `bireme demo` in this process's place.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::workspace::Workspace;
use crate::{process, say, setup};

/// The sample, from the root.
const SAMPLE: &str = "samples/hello";
/// How its Linux half is built: one static executable, the whole content of its image. `samples/README.md` says the same.
const RUSTC: [&str; 11] = [
    "--edition",
    "2024",
    "-O",
    "-C",
    "target-feature=+crt-static",
    "-C",
    "panic=abort",
    "-C",
    "strip=symbols",
    "--crate-name",
    "backend",
];

/// Runs it; returns only when it cannot be started.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    setup::for_demo()?;
    say("building bireme (the first release build takes some minutes)");
    process::run(process::cargo(&workspace.root).args(["build", "--release", "--locked", "--bin", "bireme"]))?;
    let sample = workspace.root.join(SAMPLE);
    let built = workspace.target.join("sample");
    std::fs::create_dir_all(&built).with_context(|| format!("cannot make {}", built.display()))?;
    let backend = built.join("backend");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let mut build = process::command(&rustc, &workspace.root);
    process::run(build.args(RUSTC).arg(sample.join("backend/backend.rs")).arg("-o").arg(&backend))?;
    let frontend = sample.join("frontend/hello-frontend.wasm");
    let mut demo = Command::new(workspace.target.join("release/bireme"));
    let arguments: [&OsStr; 7] = [
        "demo".as_ref(),
        "--sample".as_ref(),
        sample.as_ref(),
        "--backend".as_ref(),
        backend.as_ref(),
        "--frontend".as_ref(),
        frontend.as_ref(),
    ];
    Err(anyhow::Error::new(demo.args(arguments).exec()).context("cannot start the built binary"))
}
