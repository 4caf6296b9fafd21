//! Fuzzing: builds the engine's binary with counters in every branch, and lets it search each target for so long.
//!
//! Everything is of the pinned stable toolchain: coverage comes from a pass of LLVM, which `-C` options turn on, and the
//! engine, libFuzzer, is C++ that cargo builds. Inputs that are found stay in the target directory's `fuzz`, and those that
//! break something are printed; a person makes a seed and a fix of them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::workspace::Workspace;
use crate::{process, say};

/// How long a target is searched when nobody says: long enough to find what a change broke.
const SECONDS: &str = "60";
/// Counters at every edge and comparison, as cargo-fuzz sets them; without sanitizers, which need a nightly toolchain.
const COUNTERS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";
/// Limits of one input: its length, seconds, and megabytes of the process.
const LIMITS: [&str; 3] = ["-max_len=8192", "-timeout=10", "-rss_limit_mb=2048"];
/// The targets that need the node's crates.
const OF_NODE: [&str; 3] = ["frame", "log-entries", "log-output"];

/// Searches one target, or all one after another. Fails at the first input that breaks a promise.
pub(crate) fn run(workspace: &Workspace, target: Option<&str>, seconds: Option<&str>) -> anyhow::Result<ExitCode> {
    let seconds: u32 = seconds.unwrap_or(SECONDS).parse().context("the time is a number of seconds")?;
    let seeds = workspace.root.join("fuzz/seeds");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&seeds).with_context(|| format!("cannot list {}", seeds.display()))? {
        names.push(entry.context("cannot list the targets")?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    names.retain(|name| target.is_none_or(|target| target == name));
    anyhow::ensure!(!names.is_empty(), "no such target: fuzz/seeds has a folder for each");
    let binary = build(workspace, names.iter().any(|name| OF_NODE.contains(&name.as_str())))?;
    for name in &names {
        let found = workspace.target.join("fuzz/corpus").join(name);
        std::fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
        say(&format!("{name}: {seconds} seconds"));
        let broken = workspace.target.join("fuzz").join(format!("{name}-"));
        let mut engine = process::command(&binary.to_string_lossy(), &workspace.root);
        engine.env("BIREME_FUZZ_TARGET", name).arg(&found).arg(seeds.join(name)).args(LIMITS);
        engine.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}", broken.display()));
        process::run(engine.arg("-print_final_stats=1"))
            .with_context(|| format!("{name} breaks a promise: see above, and put the input into fuzz/seeds/{name}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The engine's binary. Naming the machine's own target keeps the counters out of build scripts and macros.
fn build(workspace: &Workspace, node: bool) -> anyhow::Result<PathBuf> {
    let version = process::output(process::command("rustc", &workspace.root).arg("-vV")).context("cannot ask rustc")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let folder = workspace.target.join("fuzz/build");
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["build", "--locked", "--package", "fuzz", "--bin", "fuzz", "--no-default-features", "--target", host]);
    cargo.args(["--features", if node { "engine,node" } else { "engine" }]).arg("--target-dir").arg(&folder);
    // Fast, and with the checks of a debug build.
    cargo.env("RUSTFLAGS", COUNTERS).env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    say("building the engine (it needs a C++ compiler)");
    process::run(&mut cargo)?;
    Ok(folder.join(host).join("debug/fuzz"))
}
