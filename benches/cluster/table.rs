//! The table: what, how many samples, their rate, median and 99th percentile, goal.

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
    /// A second; empty where samples came one after another on purpose.
    rate: String,
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
        self.rated(what, samples, String::new(), goal);
    }

    /// Adds a row of times of things that went on side by side, and how many were done in a second.
    pub(crate) fn rates(&mut self, what: &str, samples: &[Duration], took: Duration, goal: &str) {
        self.rated(what, samples, a_second(samples.len(), took), goal);
    }

    /// Adds a row of a rate alone.
    pub(crate) fn rate(&mut self, what: &str, done: usize, took: Duration, goal: &str) {
        let rate = a_second(done, took);
        let (median, p99) = (String::new(), String::new());
        self.0.push(Row { what: what.into(), samples: done, rate, median, p99, goal: goal.into() });
    }

    /// Adds a row of one size, in bytes.
    pub(crate) fn size(&mut self, what: &str, bytes: u64, goal: &str) {
        let median = if bytes < 1_000_000 { format!("{bytes} B") } else { megabytes(bytes) };
        let (rate, p99) = (String::new(), String::new());
        self.0.push(Row { what: what.into(), samples: 1, rate, median, p99, goal: goal.into() });
    }

    fn rated(&mut self, what: &str, samples: &[Duration], rate: String, goal: &str) {
        let p99 = if samples.len() >= P99_MIN { written(quantile(samples, 99)) } else { String::new() };
        let median = written(quantile(samples, 50));
        self.0.push(Row { what: what.into(), samples: samples.len(), rate, median, p99, goal: goal.into() });
    }

    /// Adds the rows of memory: of a cluster just started, of the same with a crowd of pods, and after all pods of the bench
    /// came and went.
    pub(crate) fn memory(&mut self, memory: &Memory, crowd: &Memory, after: &Memory) {
        let rows = [
            ("`bireme up` itself", memory.up, ""),
            ("server", memory.server, "60 MB"),
            ("server, with the history of the serial pods", after.server, ""),
            ("node agent", memory.agent, "40 MB"),
            ("node agent, after the serial pods", after.agent, ""),
            ("zygote, engine preloaded", memory.zygote, ""),
        ];
        rows.iter().for_each(|(what, kib, goal)| self.size(&format!("PSS at rest, {what}"), kib * 1024, goal));
        self.pods(memory, ["", ""]);
        self.pods(crowd, ["0.3 MB", "0.5 MB"]);
    }

    fn pods(&mut self, memory: &Memory, goals: [&str; 2]) {
        let both = memory.wasm_shim + memory.wasm_worker;
        let rows = [
            ("Linux pod: its shim", memory.linux_shim, goals[0]),
            ("Wasm pod: its shim", memory.wasm_shim, ""),
            ("Wasm pod: its worker, guest included", memory.wasm_worker, ""),
            ("Wasm pod: shim and worker", both, goals[1]),
        ];
        for (what, kib, goal) in rows {
            self.size(&format!("PSS with {} pods, {what}", memory.pods), kib * 1024, goal);
        }
    }

    /// Adds the size of the binary.
    pub(crate) fn binary(&mut self, file: &Metadata) {
        self.size("the binary, stripped", file.len(), "80 MB");
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

fn a_second(done: usize, took: Duration) -> String {
    #[allow(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
    let rate = done as f64 / took.as_secs_f64();
    format!("{rate:.0}")
}

fn megabytes(bytes: u64) -> String {
    let (whole, hundredths) = (bytes / 1_000_000, bytes % 1_000_000 / 10_000);
    format!("{whole}.{hundredths:02} MB")
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["figure", "n", "a second", "p50", "p99", "goal"].map(str::to_owned);
        let cells = |row: &Row| {
            let Row { what, samples, rate, median, p99, goal } = row;
            [what.clone(), samples.to_string(), rate.clone(), median.clone(), p99.clone(), goal.clone()]
        };
        let lines: Vec<[String; 6]> = std::iter::once(heads).chain(self.0.iter().map(cells)).collect();
        let widths = [0, 1, 2, 3, 4, 5].map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0));
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
