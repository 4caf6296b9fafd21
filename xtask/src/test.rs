//! The gate: format, lints and every test of the workspace, with one closing line.

use std::io::{BufRead, BufReader, Write};
use std::process::{ExitCode, Stdio};

use anyhow::Context;

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{process, say, setup};

/// Runs the gate, or only the tests whose names contain the filter.
pub(crate) fn run(workspace: &Workspace, filter: Option<&str>) -> anyhow::Result<ExitCode> {
    setup::for_tests(workspace)?;
    if filter.is_none() {
        lint(workspace)?;
    }
    let (tally, finished) = tests(workspace, filter)?;
    if tally.ignored > 0 {
        say(&format!(
            "{} ignored tests: a test that does not run proves nothing; make it run, or remove it",
            tally.ignored
        ));
    }
    writeln!(std::io::stdout().lock(), "{} passed, {} failed", tally.passed, tally.failed)?;
    let sound = finished && tally.failed == 0 && tally.ignored == 0 && tally.passed > 0;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn lint(workspace: &Workspace) -> anyhow::Result<()> {
    say("checking the format");
    process::run(process::cargo(&workspace.root).args(["fmt", "--all", "--check"]))
        .context("some files are not formatted: cargo fmt --all")?;
    say("checking lints");
    let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
    process::run(process::cargo(&workspace.root).args(lints))
}

/// Runs the tests, passing on what they print. Also says whether cargo succeeded: a program that does not build, or dies, has
/// no closing line.
fn tests(workspace: &Workspace, filter: Option<&str>) -> anyhow::Result<(Tally, bool)> {
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]).args(filter);
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot start cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut tally = Tally::default();
    let mut ours = std::io::stdout().lock();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read what the tests print")?;
        tally.read(&String::from_utf8_lossy(&line));
        ours.write_all(&line)?;
        ours.write_all(b"\n")?;
    }
    drop(ours);
    Ok((tally, child.wait().context("cannot wait for cargo test")?.success()))
}
