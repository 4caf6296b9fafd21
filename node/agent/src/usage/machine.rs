//! What the node as a whole uses, as the kernel tells it.

use std::path::Path;

use runtime::contract::Usage;
use seam::Timestamp;

use super::board::Disk;

/// Length of the ticks in which the kernel tells CPU time, in nanoseconds: every Linux says 100 to programs.
const TICK: u64 = 10_000_000;

/// What the kernel says of CPU and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    pub(super) usage: Usage,
    /// Bytes that may still be had.
    pub(super) available: u64,
    /// When it booted, in seconds since 1970.
    pub(super) booted: Option<i64>,
}

/// Reads `/proc`.
///
/// # Errors
/// When the kernel does not say.
pub(super) fn read() -> std::io::Result<Machine> {
    let read = |path| std::fs::read_to_string(path);
    let (stat, meminfo, vmstat) = (read("/proc/stat")?, read("/proc/meminfo")?, read("/proc/vmstat")?);
    of(&stat, &meminfo, &vmstat).ok_or_else(|| std::io::Error::other("/proc/stat or /proc/meminfo has another form"))
}

/// Understands `/proc/stat`, `/proc/meminfo` and `/proc/vmstat`. Time of guests is part of the users' already.
fn of(stat: &str, meminfo: &str, vmstat: &str) -> Option<Machine> {
    let ticks: Vec<u64> = line(stat, "cpu")?.iter().map_while(|word| word.parse().ok()).collect();
    let &[user, nice, system, _idle, _waiting, interrupts, soft, ..] = ticks.as_slice() else { return None };
    let stolen = ticks.get(7).copied().unwrap_or_default();
    let kilobytes = |name| line(meminfo, name)?.first()?.parse::<u64>().ok()?.checked_mul(1024);
    let (total, free, inactive) = (kilobytes("MemTotal:")?, kilobytes("MemFree:")?, kilobytes("Inactive(file):")?);
    let (used, faults) = (total.saturating_sub(free), |name| line(vmstat, name)?.first()?.parse().ok());
    let working_set = used.saturating_sub(inactive);
    let usage = Usage {
        cpu_nanos: (user + nice + system + interrupts + soft + stolen).saturating_mul(TICK),
        memory_working_set: working_set,
        memory_usage: used,
        rss: kilobytes("AnonPages:")?,
        page_faults: faults("pgfault").unwrap_or_default(),
        major_page_faults: faults("pgmajfault").unwrap_or_default(),
        ..Usage::default()
    };
    let booted = line(stat, "btime").and_then(|words| words.first()?.parse().ok());
    Some(Machine { usage, available: total.saturating_sub(working_set), booted })
}

/// The words of the line that begins with a name.
fn line<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(name)).then(|| words.collect())
    })
}

/// The file system that holds a directory.
pub(super) fn disk(dir: &Path) -> Option<Disk> {
    let disk = nix::sys::statvfs::statvfs(dir).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.fragment_size());
    Some(Disk {
        capacity: bytes(disk.blocks()),
        available: bytes(disk.blocks_available()),
        used: bytes(disk.blocks().saturating_sub(disk.blocks_free())),
        inodes: (disk.files(), disk.files_free()),
    })
}

impl Machine {
    pub(super) fn booted(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.booted?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_the_node_uses() {
        let stat = "cpu  10 1 5 900 7 2 3 4 0 0\ncpu0 1 1 1 1\nbtime 1700000000\n";
        let meminfo = "MemTotal: 1000 kB\nMemFree: 400 kB\nAnonPages: 90 kB\nInactive(file): 100 kB\n";
        let machine = of(stat, meminfo, "pgfault 12\npgmajfault 3\n").unwrap();
        let usage = machine.usage;
        assert_eq!((usage.cpu_nanos, usage.memory_usage, usage.memory_working_set), (250_000_000, 614_400, 512_000));
        assert_eq!((usage.rss, usage.page_faults, usage.major_page_faults), (92_160, 12, 3));
        assert_eq!((machine.available, machine.booted), (512_000, Some(1_700_000_000)));
        assert_eq!(of("cpu 1 2\n", meminfo, ""), None);
    }
}
