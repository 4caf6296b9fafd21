//! `cargo xtask`: what a developer or a pipeline runs. It installs what a fresh machine lacks, builds, and runs.
//!
//! It has no dependency beyond error reports, so that it is built in a second on a machine that has nothing else yet.

mod workspace;
mod process;
mod packages;
mod tools;
mod setup;
mod demo;
mod tally;
mod test;
mod fuzz;

use std::io::Write;
use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command>

  demo             set this machine up, build a release, and show one pod of a Linux process and a Wasm component
  test [filter]    set this machine up and run the whole gate: format, lints, all tests;
                   with a filter only the tests whose names contain it
  fuzz [target] [seconds]
                   search for inputs that break what eats bytes from outside: one target or all, a minute each
  setup            install what `demo` and `test` need, and fetch the tools of the tests
  fixtures         rebuild the committed Wasm guests (needs what samples/build.sh says)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match arguments {
        ["demo"] => demo::run(&workspace),
        ["test"] => test::run(&workspace, None),
        ["test", filter] => test::run(&workspace, Some(filter)),
        ["fuzz", rest @ ..] if rest.len() <= 2 => match rest {
            // A number alone is a time: all targets.
            [one] if one.bytes().all(|byte| byte.is_ascii_digit()) => fuzz::run(&workspace, None, Some(one)),
            _ => fuzz::run(&workspace, rest.first().copied(), rest.get(1).copied()),
        },
        ["setup"] => setup::for_tests(&workspace).map(|()| ExitCode::SUCCESS),
        ["fixtures"] => {
            process::run(process::command("sh", &workspace.root).arg("samples/build.sh")).map(|()| ExitCode::SUCCESS)
        }
        ["help" | "--help" | "-h"] => {
            say(USAGE);
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            say(USAGE);
            Ok(ExitCode::from(2))
        }
    }
}

/// Tells people what happens. Standard output is kept for what the tests print.
fn say(line: &str) {
    // A closed standard error is no reason to stop working.
    writeln!(std::io::stderr().lock(), "{line}").unwrap_or_default();
}
