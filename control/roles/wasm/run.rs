//! `wasm run`: an artifact in this process, with the same engine, limits and grants as a container's.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use api::quantity::Quantity;
use cli::arguments::Run;
use runtime::privileges::Privileges;
use wasm::{Cache, CompileLimits, Digest, Entry, Preloaded, Preopen, WorkerSpec};

use super::artifact::{self, Artifact};
use crate::roles::settings::default_data_dir;

/// Runs it to its end. The process has one thread when the worker begins.
pub(super) fn run(options: &Run, privileges: Privileges) -> anyhow::Result<ExitCode> {
    let dir = options.dir.clone().map_or_else(|| default_data_dir(privileges).map(|data| data.join("wasm")), Ok)?;
    let found = artifact::find(&options.artifact, &dir)?;
    let artifact = wasm::inspect(&found.bytes)?;
    let unknown: Vec<String> = wasm::unsatisfied(&artifact).iter().map(ToString::to_string).collect();
    anyhow::ensure!(unknown.is_empty(), "it imports what no node offers: {}", unknown.join(", "));
    let spec = spec(options, &found, &artifact)?;
    let code = compiled(&dir, &found)?;
    let preloaded = Preloaded::new()?;
    let serves = (artifact.entry == Entry::Http).then_some(options.port);
    let exit = wasm::worker::run(&preloaded, spec, code, || {
        if let Some(port) = serves {
            // Without a standard error there is nobody to tell.
            writeln!(std::io::stderr(), "serving on port {port}").unwrap_or_default();
        }
    });
    if !exit.message.is_empty() {
        writeln!(std::io::stderr(), "error: {}", exit.message).unwrap_or_default();
    }
    Ok(ExitCode::from(u8::try_from(exit.code).unwrap_or(1)))
}

fn spec(options: &Run, found: &Artifact, artifact: &wasm::Artifact) -> anyhow::Result<WorkerSpec> {
    let memory = options.memory.as_ref().map(|text| {
        let quantity: Quantity = text.parse().with_context(|| format!("--memory: {text:?} is no quantity"))?;
        u64::try_from(quantity.bytes()).ok().filter(|bytes| *bytes > 0).context("--memory: want more than nothing")
    });
    let preopens = options.volumes.iter().map(|volume| {
        anyhow::ensure!(volume.host.is_dir(), "--volume: {} is no directory", volume.host.display());
        Ok(Preopen { host: volume.host.clone(), guest: volume.guest.clone(), read_only: volume.read_only })
    });
    let args = std::iter::once(found.name.clone()).chain(options.args.iter().cloned());
    Ok(WorkerSpec {
        form: artifact.form,
        entry: artifact.entry,
        args: args.collect(),
        env: options.env.clone(),
        preopens: preopens.collect::<anyhow::Result<_>>()?,
        memory_limit: memory.transpose()?,
        port: Some(options.port),
        addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        outgoing_hosts: options.outgoing_hosts.clone(),
        sockets: options.sockets,
        peers: options.peers.clone(),
        listen_ports: Vec::new(),
        request_timeout: options.request_timeout,
    })
}

/// Native code: from the last run, or compiled now in a confined process as on a node.
fn compiled(dir: &Path, found: &Artifact) -> anyhow::Result<std::fs::File> {
    let exe = std::env::current_exe().context("cannot find this program")?;
    let cache = Cache::open(&dir.join("compiled"))?;
    let digest = Digest::of(&found.bytes);
    let code = cache.get_or_compile(&exe, &found.path, digest, CompileLimits::default());
    code.with_context(|| format!("cannot compile {}", found.name))
}
