//! The repository's own rules, checked over all of its files: who depends on whom, what may be shipped, how code is kept.
//!
//! Each check reports everything it finds, with the place and the remedy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod files;
mod code;
mod dependencies;
mod licences;
mod sources;
mod functions;
mod texts;
mod samples;

/// Fails with all findings, one a line.
#[track_caller]
fn check(findings: Vec<String>) {
    let mut findings = findings;
    findings.sort();
    assert!(findings.is_empty(), "{} findings:\n{}\n", findings.len(), findings.join("\n"));
}
