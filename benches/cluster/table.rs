//! The table: what, how many samples, median and 99th percentile, goal.

use std::fmt;
use std::fs::Metadata;
use std::time::Duration;

use super::memory::Memory;

/// Samples from which a 99th percentile says something.
const P99_MIN: usize = 100;

#[derive(Debug)]
struct Row {
    what: String,
    samples: usize,
    median: String,
    p99: String,
    goal: String,
}

/// Rows in the order in which they were taken.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// Adds a row of times.
    pub(crate) fn times(&mut self, what: &str, samples: &[Duration], goal: &str) {
        let p99 = if samples.len() >= P99_MIN { written(quantile(samples, 99)) } else { String::new() };
        let median = written(quantile(samples, 50));
        self.0.push(Row { what: what.into(), samples: samples.len(), median, p99, goal: goal.into() });
    }

    /// Adds the rows of memory: of a cluster just started, and of the same after all pods of the bench came and went.
    pub(crate) fn memory(&mut self, memory: &Memory, after: &Memory) {
        let shim = memory.wasm_shim + memory.wasm_worker;
        let rows = [
            ("`bireme up` itself", memory.up, ""),
            ("server", memory.server, "60 MB"),
            ("server, with the history of the serial pods", after.server, ""),
            ("node agent", memory.agent, "40 MB"),
            ("node agent, after the serial pods", after.agent, ""),
            ("zygote, engine preloaded", memory.zygote, ""),
            ("Linux pod: its shim", memory.linux_shim, "0.3 MB"),
            ("Wasm pod: its shim", memory.wasm_shim, ""),
            ("Wasm pod: its worker, guest included", memory.wasm_worker, ""),
            ("Wasm pod: shim and worker", shim, "0.5 MB"),
        ];
        self.0.extend(rows.map(|(what, kib, goal)| Row {
            what: format!("PSS at rest, {what}"),
            samples: 1,
            median: megabytes(kib * 1024),
            p99: String::new(),
            goal: goal.into(),
        }));
    }

    /// Adds the size of the binary.
    pub(crate) fn binary(&mut self, file: &Metadata) {
        let row = Row {
            what: "the binary, stripped".into(),
            samples: 1,
            median: megabytes(file.len()),
            p99: String::new(),
            goal: "80 MB".into(),
        };
        self.0.push(row);
    }
}

/// The smallest sample that is not exceeded by so many percent of them (nearest rank); zero when there is none.
fn quantile(samples: &[Duration], percent: usize) -> Duration {
    let mut sorted = samples.to_vec();
    sorted.sort();
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or_default()
}

fn written(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 10.0 { format!("{milliseconds:.2} ms") } else { format!("{milliseconds:.0} ms") }
}

fn megabytes(bytes: u64) -> String {
    let (whole, hundredths) = (bytes / 1_000_000, bytes % 1_000_000 / 10_000);
    format!("{whole}.{hundredths:02} MB")
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["figure", "n", "p50", "p99", "goal"].map(str::to_owned);
        let cells = |row: &Row| {
            [row.what.clone(), row.samples.to_string(), row.median.clone(), row.p99.clone(), row.goal.clone()]
        };
        let lines: Vec<[String; 5]> = std::iter::once(heads).chain(self.0.iter().map(cells)).collect();
        let widths = [0, 1, 2, 3, 4].map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0));
        for (index, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
            if index == 0 {
                widths.iter().try_for_each(|width| write!(f, "|{}", "-".repeat(width + 2)))?;
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}
