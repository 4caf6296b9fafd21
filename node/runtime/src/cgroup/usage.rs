//! What a group's processes use, off the kernel's counters.

use std::path::Path;

use super::{CgroupError, Controller, files};
use crate::contract::Usage;

/// How the versions of control groups name their counters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    /// Who counts CPU time.
    pub(super) cpu: Controller,
    current: &'static str,
    inactive: &'static str,
    anonymous: &'static str,
    faults: &'static str,
    major_faults: &'static str,
    kills: &'static str,
}

impl Names {
    /// Version 2.
    pub(super) const UNIFIED: Self = Self {
        cpu: Controller::Cpu,
        current: "memory.current",
        inactive: "inactive_file",
        anonymous: "anon",
        faults: "pgfault",
        major_faults: "pgmajfault",
        kills: "memory.events",
    };
    /// Version 1, where `total_` counts the groups below too.
    pub(super) const LEGACY: Self = Self {
        cpu: Controller::Cpuacct,
        current: "memory.usage_in_bytes",
        inactive: "total_inactive_file",
        anonymous: "total_rss",
        faults: "total_pgfault",
        major_faults: "total_pgmajfault",
        kills: "memory.oom_control",
    };
}

/// CPU time: version 1 has a file for it alone.
pub(super) fn cpu_nanos(dir: &Path) -> Result<u64, CgroupError> {
    let legacy = dir.join("cpuacct.usage");
    if legacy.exists() {
        return Ok(number(&files::read(&legacy)?));
    }
    let text = files::read(&dir.join("cpu.stat"))?;
    Ok(files::keyed(&text, "usage_usec").unwrap_or(0).saturating_mul(1000))
}

/// Processes and threads.
pub(super) fn pids(dir: &Path) -> Result<u64, CgroupError> {
    Ok(number(&files::read(&dir.join("pids.current"))?))
}

/// How many processes the kernel has killed for lack of memory.
pub(super) fn oom_kills(dir: &Path, names: Names) -> Result<u64, CgroupError> {
    Ok(files::keyed(&files::read(&dir.join(names.kills))?, "oom_kill").unwrap_or(0))
}

/// Everything about memory.
pub(super) fn memory(dir: &Path, names: Names) -> Result<Usage, CgroupError> {
    let current = number(&files::read(&dir.join(names.current))?);
    let stat = files::read(&dir.join("memory.stat"))?;
    Ok(Usage { oom_kills: oom_kills(dir, names)?, ..parse(current, &stat, names) })
}

fn parse(current: u64, stat: &str, names: Names) -> Usage {
    let of = |key| files::keyed(stat, key).unwrap_or(0);
    Usage {
        memory_usage: current,
        memory_working_set: current.saturating_sub(of(names.inactive)),
        rss: of(names.anonymous),
        page_faults: of(names.faults),
        major_page_faults: of(names.major_faults),
        ..Usage::default()
    }
}

fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stat: &str, names: Names) {
        let expected = Usage {
            memory_usage: 1000,
            memory_working_set: 700,
            rss: 40,
            page_faults: 5,
            major_page_faults: 6,
            ..Usage::default()
        };
        assert_eq!(parse(1000, stat, names), expected);
    }

    #[test]
    fn both_versions_say_the_same_in_words_of_their_own() {
        check("anon 40\ninactive_file 300\npgfault 5\npgmajfault 6\n", Names::UNIFIED);
        let total = "total_rss 40\ntotal_inactive_file 300\ntotal_pgfault 5\ntotal_pgmajfault 6\n";
        check(&format!("rss 1\ninactive_file 2\npgfault 3\n{total}"), Names::LEGACY);
    }
}
