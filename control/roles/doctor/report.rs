//! Findings as people read them, and as programs do.

use serde_json::{Value, json};

use super::checks::{Finding, Outcome};

const TITLES: [&str; 3] = ["CHECK", "STATE", "FOUND"];

/// What a finding is called, and what it costs and asks for.
fn state(outcome: Outcome) -> (&'static str, Option<(&'static str, &'static str)>) {
    match outcome {
        Outcome::Fine => ("ok", None),
        Outcome::Limited(lack) => ("limited", Some((lack.cost, lack.remedy))),
        Outcome::Missing(lack) => ("missing", Some((lack.cost, lack.remedy))),
    }
}

/// A line for each finding, and below it what it costs and what helps.
pub(super) fn table(findings: &[Finding]) -> String {
    let rows: Vec<[&str; 3]> = findings.iter().map(|one| [one.name, state(one.outcome).0, &one.found]).collect();
    let width = |column: usize| rows.iter().chain([&TITLES]).map(|row| row[column].len()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    let line = |[name, state, found]: &[&str; 3]| format!("{name:first$}   {state:second$}   {found}\n");
    let mut text = line(&TITLES);
    for (finding, row) in findings.iter().zip(&rows) {
        text.push_str(&line(row));
        if let Some((cost, remedy)) = state(finding.outcome).1 {
            let indent = first + second + 6;
            text.push_str(&format!("{:indent$}costs: {cost}\n{:indent$}helps: {remedy}\n", "", ""));
        }
    }
    text.push_str(&format!("\n{}\n", conclusion(findings)));
    text
}

fn conclusion(findings: &[Finding]) -> &'static str {
    let limited = findings.iter().any(|finding| finding.outcome != Outcome::Fine);
    match (findings.iter().all(|finding| finding.outcome.can_run()), limited) {
        (true, false) => "Everything that Bireme needs is here.",
        (true, true) => "A cluster runs here, with the limits above.",
        (false, _) => "A cluster cannot run here until what is missing is there.",
    }
}

/// One object, with a list of findings.
pub(super) fn json(findings: &[Finding]) -> String {
    let checks: Vec<Value> = findings.iter().map(entry).collect();
    let can_run = findings.iter().all(|finding| finding.outcome.can_run());
    format!("{:#}\n", json!({"canRun": can_run, "checks": checks}))
}

fn entry(finding: &Finding) -> Value {
    let (state, lack) = state(finding.outcome);
    let mut entry = json!({"name": finding.name, "state": state, "found": finding.found});
    if let Some((cost, remedy)) = lack {
        entry["cost"] = cost.into();
        entry["remedy"] = remedy.into();
    }
    entry
}
