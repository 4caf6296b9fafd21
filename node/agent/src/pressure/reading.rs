//! What is left of everything that a node can run out of.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::protection::Signal;

/// How much there is of what a signal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What was read.
    pub signal: Signal,
    /// What is left.
    pub available: u64,
    /// What there is in all.
    pub capacity: u64,
}

/// What one look at the machine shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readings {
    /// One for each signal that could be read.
    pub of: Vec<Reading>,
    /// Images have a file system of their own.
    pub images_apart: bool,
}

impl Readings {
    /// Of a signal.
    pub(crate) fn get(&self, signal: Signal) -> Option<Reading> {
        self.of.iter().copied().find(|reading| reading.signal == signal)
    }
}

/// Reads everything. What the machine does not say is left out, and why is logged: a threshold of it cannot be met.
pub(crate) fn read(pods: &Path, images: &Path) -> Readings {
    let disk = |dir: &Path, bytes, inodes| match nix::sys::statvfs::statvfs(dir) {
        Ok(disk) => {
            let unit = disk.fragment_size();
            let available = disk.blocks_available().saturating_mul(unit);
            let bytes = Reading { signal: bytes, available, capacity: disk.blocks().saturating_mul(unit) };
            // Some file systems make inodes as they need them, and say that there are none.
            let counted = disk.files() > 0;
            let inodes = Reading { signal: inodes, available: disk.files_available(), capacity: disk.files() };
            [Some(bytes), counted.then_some(inodes)]
        }
        Err(error) => {
            tracing::warn!(%error, dir = %dir.display(), "cannot read what is left of the disk");
            [None, None]
        }
    };
    let text = |path: &str| {
        std::fs::read_to_string(path)
            .inspect_err(|error| tracing::warn!(%error, path, "cannot read what is left"))
            .unwrap_or_default()
    };
    let mut of = vec![memory(&text("/proc/meminfo")), pids(&text)];
    of.extend(disk(pods, Signal::NodefsAvailable, Signal::NodefsInodesFree));
    of.extend(disk(images, Signal::ImagefsAvailable, Signal::ImagefsInodesFree));
    let device = |dir: &Path| -> io::Result<u64> { Ok(std::fs::metadata(dir)?.dev()) };
    let images_apart = matches!((device(pods), device(images)), (Ok(pods), Ok(images)) if pods != images);
    Readings { of: of.into_iter().flatten().collect(), images_apart }
}

/// `MemAvailable` of `MemTotal`: the kernel's own estimate of what can be had without swapping (proc_meminfo(5)).
fn memory(meminfo: &str) -> Option<Reading> {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Reading { signal: Signal::MemoryAvailable, available: field("MemAvailable")?, capacity: field("MemTotal")? })
}

/// Process ids: the kernel gives out no more than `pid_max` numbers to no more than `threads-max` threads.
fn pids(text: &impl Fn(&str) -> String) -> Option<Reading> {
    let number = |path: &str| text(path).trim().parse::<u64>().ok();
    let capacity = number("/proc/sys/kernel/pid_max")?.min(number("/proc/sys/kernel/threads-max")?);
    // The fourth field is `runnable/all` (proc_loadavg(5)).
    let used = text("/proc/loadavg").split(' ').nth(3)?.split_once('/')?.1.parse::<u64>().ok()?;
    Some(Reading { signal: Signal::PidAvailable, available: capacity.saturating_sub(used), capacity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_says_is_read() {
        let reading = |signal, available, capacity| Some(Reading { signal, available, capacity });
        let meminfo = "MemTotal:       16384 kB\nMemFree: 1 kB\nMemAvailable:   8192 kB\n";
        assert_eq!(memory(meminfo), reading(Signal::MemoryAvailable, 8 << 20, 16 << 20));
        let files = |path: &str| match path {
            "/proc/sys/kernel/pid_max" => "4000\n".to_owned(),
            "/proc/sys/kernel/threads-max" => "3000\n".to_owned(),
            _ => "0.1 0.2 0.3 2/1200 99\n".to_owned(),
        };
        assert_eq!(pids(&files), reading(Signal::PidAvailable, 1800, 3000));
    }

    #[test]
    fn a_real_machine_has_something_of_everything_but_perhaps_inodes() {
        let dir = tempfile::tempdir().unwrap();
        let found = read(dir.path(), dir.path());
        assert!(!found.images_apart);
        for signal in [Signal::MemoryAvailable, Signal::NodefsAvailable, Signal::PidAvailable] {
            assert!(found.get(signal).is_some_and(|reading| reading.available > 0), "{signal:?}");
        }
    }
}
