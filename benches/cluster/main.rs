//! Figures of the whole binary, driven from outside over HTTPS as any client does: one table of medians, with the goal beside
//! each.
//!
//! `cargo bench --bench cluster` takes a few minutes and wants an otherwise idle machine: the load average is printed with the
//! figures. `cargo bench --bench cluster -- --quick` takes few samples of each, to see that it works. It needs root and leaves
//! nothing behind.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table, and what it is doing")]

mod disk;
mod home;
#[allow(dead_code, reason = "the bench of the API uses the rest")]
mod memory;
#[allow(dead_code, reason = "the bench of the sandbox uses the rest")]
mod pods;
#[allow(dead_code, reason = "the bench of the API uses the rest")]
mod table;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use anyhow::Context;

use home::Home;
use pods::{Kind, Pods, State};
use support::images::Images;
use table::Table;

/// Time for a cluster to come to rest before its memory is read.
const REST: Duration = Duration::from_secs(5);

/// How many samples are taken.
#[derive(Clone, Copy, Debug)]
struct Effort {
    starts: usize,
    pods: usize,
    /// Pods of each kind that run side by side while memory is read.
    crowd: usize,
    syncs: usize,
}

impl Effort {
    /// Samples of a run whose figures are worth writing down.
    const FULL: Self = Self { starts: 5, pods: 200, crowd: 50, syncs: 500 };
    /// Samples of a run that only shows that everything works.
    const QUICK: Self = Self { starts: 1, pods: 5, crowd: 3, syncs: 20 };

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
    let effort = Effort::chosen(std::env::args().skip(1))?;
    anyhow::ensure!(nix::unistd::geteuid().is_root(), "clusters with a node need root: run the bench as root");
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider was installed twice"))?;
    let images = Images::serve();
    let kinds = [Kind::wasm(&images.guest("http-cases")), Kind::linux(&images.busybox())];
    let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let before = load()?;
    let table = tasks.block_on(async {
        tokio::select! {
            table = measure(effort, &kinds) => table,
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        }
    })?;
    println!("{table}");
    let cores = std::thread::available_parallelism()?;
    println!("{cores} cores; load average {before} at the beginning, {} at the end", load()?);
    Ok(())
}

/// Takes all figures.
async fn measure(effort: Effort, kinds: &[Kind; 2]) -> anyhow::Result<Table> {
    let mut table = Table::default();
    cold_starts(effort, &mut table).await?;
    let home = Home::new()?;
    say("pulling the images");
    {
        let cluster = home.up().await?;
        let mut pods = Pods::of(&cluster.client).await?;
        for kind in kinds {
            pods.create(&kind.pod("first"), State::Running).await?;
            pods.delete("first").await?;
        }
    }
    starts_to_pods(effort, &home, kinds, &mut table).await?;
    let cluster = home.up().await?;
    let mut pods = Pods::of(&cluster.client).await?;
    say("memory at rest, then after many pods");
    for kind in kinds {
        pods.create(&kind.pod(kind.name), State::Ready).await?;
    }
    tokio::time::sleep(REST).await;
    let memory = memory::read(cluster.id())?;
    let names: Vec<_> =
        (0..effort.crowd).flat_map(|at| kinds.each_ref().map(|kind| (kind, format!("{}-{at}", kind.name)))).collect();
    for (kind, name) in &names {
        pods.create(&kind.pod(name), State::Ready).await?;
    }
    tokio::time::sleep(REST).await;
    let crowd = memory::read(cluster.id())?;
    for (_, name) in &names {
        pods.delete(name).await?;
    }
    serial_pods(effort, &mut pods, kinds, &mut table).await?;
    tokio::time::sleep(REST).await;
    table.memory(&memory, &crowd, &memory::read(cluster.id())?);
    table.binary(&std::fs::metadata(support::BIREME).context("cannot look at the binary")?);
    table.times("4 KiB append + fdatasync on the same disk", &disk::syncs(&home.data(), effort.syncs)?, "");
    Ok(table)
}

/// Starts on empty data directories.
async fn cold_starts(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for at in 1..=effort.starts {
        say(&format!("start {at} of {} on an empty data directory", effort.starts));
        let home = Home::new()?;
        times.push(home.up().await?.api_ready);
    }
    table.times("`bireme up`, empty data directory → API answers /readyz", &times, "0.3 s");
    Ok(())
}

/// Starts on a data directory that has the images, up to a pod of each kind.
async fn starts_to_pods(effort: Effort, home: &Home, kinds: &[Kind; 2], table: &mut Table) -> anyhow::Result<()> {
    let mut again = Vec::new();
    let mut rows = Vec::new();
    for (kind, goal) in kinds.iter().zip(["0.5 s", "0.7 s"]) {
        let mut ready = Vec::new();
        for at in 1..=effort.starts {
            say(&format!("start {at} of {} to a ready {} pod", effort.starts, kind.name));
            let cluster = home.up().await?;
            again.push(cluster.api_ready);
            let mut pods = Pods::of(&cluster.client).await?;
            pods.create(&kind.pod("first"), State::Ready).await?;
            ready.push(cluster.begun.elapsed());
            pods.delete("first").await?;
        }
        rows.push((format!("… → first {} pod created and Ready, image pulled before", kind.name), ready, goal));
    }
    table.times("`bireme up`, second start of a data directory → API answers /readyz", &again, "0.3 s");
    rows.iter().for_each(|(what, ready, goal)| table.times(what, ready, goal));
    Ok(())
}

/// Pods one after another, in a cluster that runs.
async fn serial_pods(effort: Effort, pods: &mut Pods, kinds: &[Kind; 2], table: &mut Table) -> anyhow::Result<()> {
    for (kind, goal) in kinds.iter().zip(["15 ms", "60 ms"]) {
        say(&format!("{} {} pods, one after another", effort.pods, kind.name));
        let mut created = Vec::new();
        // The first one opens connections, and does not count.
        for at in 0..=effort.pods {
            let name = format!("pod-{at}");
            created.push(pods.create(&kind.pod(&name), State::Running).await?);
            pods.delete(&name).await?;
        }
        let what = format!("create → Running seen by a watch, serial {} pods, image present", kind.name);
        table.times(&what, &created[1..], goal);
    }
    Ok(())
}

/// Load averages over 1, 5 and 15 minutes.
fn load() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg").context("cannot read the load average")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

fn say(what: &str) {
    eprintln!("  {what}");
}
