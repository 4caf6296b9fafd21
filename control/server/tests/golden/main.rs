//! What a real kube-apiserver answered, asked of ours: 152 recorded requests in their order, and one table of every
//! difference with its reason.
//!
//! A difference that the table does not name fails, and so does an entry of the table that no longer holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_debug_implementations,
    dead_code,
    reason = "tests assert"
)]

mod compare;
mod pieces;
mod recording;
mod replay;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::fmt::Write as _;

use compare::{Difference, Names};
use recording::Pair;
use table::{Entry, Table};

/// How many pairs were recorded; none may get lost.
const PAIRS: usize = 152;

#[tokio::test]
async fn the_server_answers_as_recorded_but_for_the_differences_of_the_table() {
    let pairs = recording::all();
    assert_eq!(pairs.len(), PAIRS);
    let table = Table::read(&pairs);
    let cluster = support::Cluster::start().await;
    let mut names = Names::default();
    let mut report = String::new();
    let mut used = vec![false; table.everywhere.len()];
    for pair in &pairs {
        let entry = table.entry(pair);
        let mut ours = replay::ask(&cluster, &names, pair, entry).await;
        if entry.partial.is_some() {
            ours["body"] = pair.answer["body"].clone();
        }
        let expected = table.expected(pair, entry, &mut used).and_then(|mut expected| {
            entry.common.iter().try_for_each(|list| list.apply(&mut expected, &mut ours))?;
            Ok(expected)
        });
        match expected {
            Ok(mut expected) => {
                compare::sort_managers(&mut expected);
                compare::sort_managers(&mut ours);
                judge(pair, entry, &mut names, &expected, &ours, &mut report);
            }
            Err(stale) => writeln!(report, "{}: {stale}", pair.name).unwrap(),
        }
    }
    cluster.stop().await;
    for (rule, _) in table.everywhere.iter().zip(&used).filter(|(_, used)| !**used) {
        writeln!(report, "no recorded answer has the field {} of the table's `everywhere`", rule.field).unwrap();
    }
    assert!(report.is_empty(), "\n{report}");
}

/// Tells what is unexpected about an answer. What an excluded pair names says nothing about later ones.
fn judge(
    pair: &Pair,
    entry: &Entry,
    names: &mut Names,
    expected: &serde_json::Value,
    ours: &serde_json::Value,
    report: &mut String,
) {
    if let Some(reason) = &entry.excluded {
        if names.clone().differences(expected, ours).is_empty() {
            writeln!(report, "{}: excluded ({reason}), but answered as recorded", pair.name).unwrap();
        }
        return;
    }
    let differences = names.differences(expected, ours);
    if !differences.is_empty() {
        writeln!(report, "{}: {} {}", pair.name, pair.request.method, pair.request.path).unwrap();
    }
    for difference in &differences {
        writeln!(report, "  {}", Difference::text(difference)).unwrap();
    }
}
