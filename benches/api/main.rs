//! Figures of the API, driven from outside over HTTPS: reads, lists, writes and watches by 1, 16 and 64 clients, what a stored
//! pod and an idle watcher cost in memory, and the disk below. With etcd installed, and a kube-apiserver that `KUBE_APISERVER`
//! names or a shell finds, the same writes go to them.
//!
//! `cargo bench --bench api` takes some minutes and wants an otherwise idle machine: clients and server share it, and the load
//! average is printed with the figures. `cargo bench --bench api -- --quick` does little of each, to see that it works. It needs
//! root and leaves nothing behind.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table, and what it is doing")]

mod credentials;
mod effort;
mod load;
mod objects;
mod process;
mod reads;
mod rivals;
mod target;
mod watchers;
mod watches;
mod writes;

#[path = "../cluster/disk.rs"]
mod disk;
#[path = "../cluster/home.rs"]
#[allow(dead_code, reason = "each bench uses a part")]
mod home;
#[path = "../cluster/memory.rs"]
#[allow(dead_code, reason = "each bench uses a part")]
mod memory;
#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../cluster/table.rs"]
#[allow(dead_code, reason = "each bench uses a part")]
mod table;

use effort::Effort;
use home::Home;
use table::Table;
use target::Target;

fn main() -> anyhow::Result<()> {
    let effort = Effort::chosen(std::env::args().skip(1))?;
    anyhow::ensure!(nix::unistd::geteuid().is_root(), "clusters with a node need root: run the bench as root");
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider was installed twice"))?;
    let tasks = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let before = load_average()?;
    let mut table = Table::default();
    let outcome = tasks.block_on(async {
        tokio::select! {
            outcome = measure(effort, &mut table) => outcome,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        }
    });
    // What was measured is worth its time, whatever failed after it.
    println!("{table}");
    let cores = std::thread::available_parallelism()?;
    println!(
        "{cores} cores, shared with the clients; load average {before} at the beginning, {} at the end",
        load_average()?
    );
    if let Some(missing) = outcome? {
        println!("{missing}");
    }
    Ok(())
}

/// Takes all figures. Returns what is to be said of rivals that are missing.
async fn measure(effort: Effort, table: &mut Table) -> anyhow::Result<Option<String>> {
    let home = Home::new()?;
    let cluster = home.up().await?;
    let target = Target::of(&home.kubeconfig()).await?;
    writes::pods(effort, &target, cluster.id(), table).await?;
    reads::all(effort, &target, cluster.id(), table).await?;
    writes::config_maps(effort, &target, "", table).await?;
    watches::all(effort, &target, cluster.id(), table).await?;
    drop(cluster);
    let missing = rivals::compare(effort, &home.data(), table).await?;
    table.times("4 KiB append + fdatasync on the same disk", &disk::syncs(&home.data(), effort.syncs)?, "");
    Ok(missing)
}

/// Load averages over 1, 5 and 15 minutes.
fn load_average() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

fn say(what: &str) {
    eprintln!("  {what}");
}
