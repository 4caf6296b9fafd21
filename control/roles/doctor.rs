//! `doctor`: what this machine lacks for Bireme, what that costs, and how to get it.
//!
//! Facts are gathered once; every judgement is a function of them.

mod checks;
mod facts;
mod report;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use cli::arguments::{Doctor, Report};
use runtime::privileges::Privileges;

use super::settings::{LISTEN, default_data_dir};
use facts::Facts;

/// Prints the report. Fails when a cluster cannot run here; what is merely limited is no failure.
///
/// # Errors
/// When nothing can be printed, or no data directory can be named.
pub(crate) fn run(doctor: &Doctor, privileges: Privileges) -> anyhow::Result<ExitCode> {
    let data = doctor.data_dir.clone().map_or_else(|| default_data_dir(privileges), Ok)?;
    let facts = Facts::gather(privileges, &data, doctor.listen.unwrap_or(LISTEN));
    let findings = checks::all(&facts);
    let text = match doctor.output {
        None => report::table(&findings),
        Some(Report::Json) => report::json(&findings),
    };
    std::io::stdout().write_all(text.as_bytes()).context("print the report")?;
    let can_run = findings.iter().all(|finding| finding.outcome.can_run());
    Ok(if can_run { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
