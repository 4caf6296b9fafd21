//! Figures of the Linux sandbox: one container beside the same one in runc and crun, pods started at once, and what idle pods
//! cost.
//!
//! `cargo bench --bench sandbox` takes some minutes and wants an otherwise idle machine and Debian's packages `runc` and `crun`;
//! `-- --quick` takes few samples of each, to see that it works. It needs root and leaves nothing behind.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table, and what it is doing")]

mod alone;
mod crowd;
mod rivals;
mod ticks;
#[allow(dead_code, reason = "the bench of the cluster uses the rest")]
#[path = "../cluster/home.rs"]
mod home;
#[allow(dead_code, reason = "the bench of the cluster uses the rest")]
#[path = "../cluster/memory.rs"]
mod memory;
#[allow(dead_code, reason = "the bench of the cluster uses the rest")]
#[path = "../cluster/pods.rs"]
mod pods;
#[path = "../../tests/support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the benches of API and cluster use the rest")]
#[path = "../cluster/table.rs"]
mod table;

use std::time::Duration;

use anyhow::Context;

use support::images::Images;
use table::Table;

/// How many samples are taken.
#[derive(Clone, Copy, Debug)]
struct Effort {
    /// Containers of each runtime, one after another.
    runs: usize,
    /// Pods started at once, in turn.
    crowds: &'static [usize],
    /// How often each crowd is started.
    rounds: usize,
    /// How long idle pods are watched.
    idle: Duration,
}

impl Effort {
    /// Samples of a run whose figures are worth writing down. A node takes 110 pods.
    const FULL: Self = Self { runs: 100, crowds: &[1, 10, 110], rounds: 5, idle: Duration::from_secs(60) };
    /// Samples of a run that only shows that everything works.
    const QUICK: Self = Self { runs: 3, crowds: &[1, 5], rounds: 1, idle: Duration::from_secs(2) };

    fn chosen(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut effort = Self::FULL;
        for argument in arguments {
            match argument.as_str() {
                // What cargo itself adds.
                "--bench" => {}
                "--quick" => effort = Self::QUICK,
                other => anyhow::bail!("unknown argument {other:?}: the only one is --quick"),
            }
        }
        Ok(effort)
    }
}

fn main() -> anyhow::Result<()> {
    // The runtime starts this very program as its zygote.
    if let Some(code) = runtime::roles::run_if_role() {
        std::process::exit(code);
    }
    let effort = Effort::chosen(std::env::args().skip(1))?;
    anyhow::ensure!(nix::unistd::geteuid().is_root(), "containers need root: run the bench as root");
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider was installed twice"))?;
    let images = Images::serve();
    let image = images.busybox();
    let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let before = load()?;
    let mut table = Table::default();
    tasks.block_on(async {
        tokio::select! {
            measured = measure(effort, &image, &mut table) => measured,
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        }
    })?;
    println!("{table}");
    let cores = std::thread::available_parallelism()?;
    println!("{cores} cores; load average {before} at the beginning, {} at the end", load()?);
    Ok(())
}

async fn measure(effort: Effort, image: &str, table: &mut Table) -> anyhow::Result<()> {
    alone::measure(effort.runs, image, table).await?;
    crowd::measure(effort, image, table).await
}

/// Load averages over 1, 5 and 15 minutes.
fn load() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg").context("cannot read the load average")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

fn say(what: &str) {
    eprintln!("  {what}");
}
