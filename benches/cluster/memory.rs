//! Memory of the processes of a cluster: PSS, in which a page shared by several counts for each in part.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;

/// PSS of each role's process, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) up: u64,
    pub(crate) server: u64,
    pub(crate) agent: u64,
    pub(crate) zygote: u64,
    /// Pods that share what processes share: the more there are, the less of it counts for each.
    pub(crate) pods: usize,
    /// Shim of the pod of a Linux container; the median of all.
    pub(crate) linux_shim: u64,
    /// Shim of the pod of a Wasm container; the median of all.
    pub(crate) wasm_shim: u64,
    /// The Wasm container's process, the guest's own memory included; the median of all.
    pub(crate) wasm_worker: u64,
}

#[derive(Debug)]
struct Process {
    parent: u32,
    name: String,
}

/// PSS of the server below `bireme up`, in bytes.
pub(crate) fn server(up: u32) -> anyhow::Result<u64> {
    let all = processes()?;
    let server = all.iter().find(|(_, process)| process.parent == up && process.name == "server-role");
    let (id, _) = server.with_context(|| format!("process {up} has no child server-role"))?;
    Ok(pss(*id)? * 1024)
}

/// Reads the processes below `bireme up`, with pods of both kinds running.
pub(crate) fn read(up: u32) -> anyhow::Result<Memory> {
    let all = processes()?;
    let named = |parent: u32, wanted: &str| {
        let found = all.iter().find(|(_, process)| process.parent == parent && process.name == wanted);
        found.map(|(id, _)| *id).with_context(|| format!("process {parent} has no child {wanted}"))
    };
    let (server, agent) = (named(up, "server-role")?, named(up, "node-role")?);
    let zygote = named(agent, "bireme-zygote")?;
    let shims = all.iter().filter(|(_, process)| process.parent == zygote && process.name == "bireme-shim");
    let (wasm, linux): (Vec<u32>, Vec<u32>) =
        shims.map(|(id, _)| *id).partition(|id| named(*id, "bireme-wasm").is_ok());
    let workers: Vec<u32> = wasm.iter().map(|shim| named(*shim, "bireme-wasm")).collect::<anyhow::Result<_>>()?;
    Ok(Memory {
        up: pss(up)?,
        server: pss(server)?,
        agent: pss(agent)?,
        zygote: pss(zygote)?,
        pods: wasm.len() + linux.len(),
        linux_shim: median("shims of Linux pods", &linux)?,
        wasm_shim: median("shims of Wasm pods", &wasm)?,
        wasm_worker: median("Wasm workers", &workers)?,
    })
}

/// The child of `bireme up` that plays a role.
pub(crate) fn child(up: u32, role: &str) -> anyhow::Result<u32> {
    let all = processes()?;
    let found = all.iter().find(|(_, process)| process.parent == up && process.name == role);
    found.map(|(id, _)| *id).with_context(|| format!("process {up} has no child {role}"))
}

/// PSS of the shim of a Linux pod, the median of all, in bytes.
pub(crate) fn linux_shim(up: u32) -> anyhow::Result<u64> {
    let zygote = child(child(up, "node-role")?, "bireme-zygote")?;
    let shims = processes()?.into_iter().filter(|(_, found)| found.parent == zygote && found.name == "bireme-shim");
    Ok(median("shims", &shims.map(|(id, _)| id).collect::<Vec<_>>())? * 1024)
}

fn median(what: &str, processes: &[u32]) -> anyhow::Result<u64> {
    let mut all = processes.iter().map(|id| pss(*id)).collect::<anyhow::Result<Vec<u64>>>()?;
    all.sort_unstable();
    all.get(all.len() / 2).copied().with_context(|| format!("there are no {what}"))
}

/// All processes by id. Children of `up` are named by their role, others as they named themselves.
fn processes() -> anyhow::Result<BTreeMap<u32, Process>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Others may end while they are looked at.
        let (Ok(stat), Ok(command)) =
            (fs::read_to_string(entry.path().join("stat")), fs::read(entry.path().join("cmdline")))
        else {
            continue;
        };
        // proc(5): the name is in parentheses and may hold some itself; after it come the state and the parent.
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        let Some(parent) = tail.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()) else { continue };
        let own = head.split_once('(').map_or("", |(_, name)| name);
        let role = command.split(|byte| *byte == 0).nth(1).and_then(|word| std::str::from_utf8(word).ok());
        let name = role.filter(|role| role.ends_with("-role")).unwrap_or(own).to_owned();
        found.insert(id, Process { parent, name });
    }
    Ok(found)
}

fn pss(id: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{id}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.with_context(|| format!("{path} has no Pss"))
}
