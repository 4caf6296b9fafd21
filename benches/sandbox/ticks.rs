//! CPU time of other processes, from `/proc/<pid>/stat` (proc_pid_stat(5)). Threads that ended are counted.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// Clock ticks a second: the same on every architecture that Linux has today.
const A_SECOND: u32 = 100;

/// What the process has used itself.
pub(crate) fn own(process: u32) -> anyhow::Result<Duration> {
    sum(process, 2)
}

/// What the process has used, and the children that it waited for.
pub(crate) fn with_children(process: u32) -> anyhow::Result<Duration> {
    sum(process, 4)
}

fn sum(process: u32, fields: usize) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The name, field 2, ends at the last parenthesis; fields 14 to 17 are times: own in user and kernel, children's likewise.
    let (_, rest) = stat.rsplit_once(") ").with_context(|| format!("no name in {path}"))?;
    let ticks: u32 = rest.split(' ').skip(11).take(fields).filter_map(|field| field.parse::<u32>().ok()).sum();
    Ok(Duration::from_secs(1) * ticks / A_SECOND)
}
