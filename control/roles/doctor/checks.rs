//! The checks: what each fact means. None looks at the machine.

use std::time::Duration;

use runtime::privileges::Privileges;

use super::facts::Facts;

/// First kernel whose system calls Bireme needs: `clone3` (5.3), `openat2` (5.6), `close_range` (5.9).
const KERNEL_NEEDED: (u32, u32) = (5, 10);
/// First kernel that gives overlay file systems to users of their own.
const KERNEL_FOR_USERS: (u32, u32) = (5, 19);
/// Write time that makes every change of the cluster noticeably slow.
const SYNC_SLOW: Duration = Duration::from_millis(10);
const MIB: u64 = 1 << 20;
/// Room without which a cluster does not start: log, checkpoint and a small image.
const ROOM_NEEDED: u64 = 256 * MIB;
/// Room below which images soon fill the disk.
const ROOM_WANTED: u64 = 4096 * MIB;
/// Memory without which server and node do not run.
const MEMORY_NEEDED: u64 = 128 * MIB;
/// Memory below which few pods fit.
const MEMORY_WANTED: u64 = 512 * MIB;
/// 2026-01-01: before it no certificate of this release can be valid.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);
/// Limits that 110 pods of a node reach.
const INOTIFY_WANTED: u64 = 128;
const FILES_WANTED: u64 = 8192;
const PIDS_WANTED: u64 = 16_384;

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The thing.
    pub(super) name: &'static str,
    /// What there is.
    pub(super) found: String,
    /// What it means.
    pub(super) outcome: Outcome,
}

/// What a finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing is lacking.
    Fine,
    /// A cluster runs, with less.
    Limited(Lack),
    /// No cluster can run as it was asked for.
    Missing(Lack),
}

/// What a lack costs, and how to end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) cost: &'static str,
    pub(super) remedy: &'static str,
}

impl Outcome {
    pub(super) fn can_run(self) -> bool {
        !matches!(self, Self::Missing(_))
    }
}

/// One line of the table: a thing, and what facts say of it.
type Check = (&'static str, fn(&Facts) -> (String, Outcome));

const CHECKS: &[Check] = &[
    ("privileges", privileges),
    ("kernel", kernel),
    ("cgroups", cgroups),
    ("overlayfs", overlay),
    ("user namespaces", user_namespaces),
    ("nftables", nftables),
    ("pod network", pod_network),
    ("ip forwarding", forwarding),
    ("seccomp", seccomp),
    ("AppArmor", app_armor),
    ("WebAssembly", web_assembly),
    ("disk writes", disk_writes),
    ("disk room", disk_room),
    ("memory", memory),
    ("time", time),
    ("port", port),
    ("inotify", inotify),
    ("open files", open_files),
    ("processes", processes),
    ("virtualization", virtualization),
];

/// Judges everything.
pub(super) fn all(facts: &Facts) -> Vec<Finding> {
    let judge = |(name, check): &Check| {
        let (found, outcome) = check(facts);
        Finding { name, found, outcome }
    };
    CHECKS.iter().map(judge).collect()
}

const fn limited(cost: &'static str, remedy: &'static str) -> Outcome {
    Outcome::Limited(Lack { cost, remedy })
}

const fn missing(cost: &'static str, remedy: &'static str) -> Outcome {
    Outcome::Missing(Lack { cost, remedy })
}

/// What only Linux containers need: without root there are none, and it is no loss.
fn for_linux(facts: &Facts, found: String, outcome: Outcome) -> (String, Outcome) {
    match facts.privileges {
        Privileges::Root => (found, outcome),
        Privileges::None => (format!("{found}; not used without root"), Outcome::Fine),
    }
}

/// Fine from a number on, otherwise what is said. What is not told is fine.
fn at_least(number: Option<u64>, wanted: u64, otherwise: Outcome) -> Outcome {
    if number.is_none_or(|number| number >= wanted) { Outcome::Fine } else { otherwise }
}

fn told(number: Option<u64>) -> String {
    number.map_or_else(|| "not told".to_owned(), |number| number.to_string())
}

fn privileges(facts: &Facts) -> (String, Outcome) {
    match facts.privileges {
        Privileges::Root => ("root".to_owned(), Outcome::Fine),
        Privileges::None => {
            let cost = "Wasm containers only, on the machine's own network, without limits of CPU and memory";
            ("an ordinary user".to_owned(), limited(cost, "run as root: sudo bireme up"))
        }
    }
}

fn kernel(facts: &Facts) -> (String, Outcome) {
    let Some((major, minor)) = facts.kernel else { return ("not told".to_owned(), Outcome::Fine) };
    let outcome = if (major, minor) < KERNEL_NEEDED {
        missing("containers do not start: system calls are missing", "boot Linux 5.10 or newer")
    } else if (major, minor) < KERNEL_FOR_USERS {
        limited("pods with hostUsers: false do not start", "boot Linux 5.19 or newer")
    } else {
        Outcome::Fine
    };
    (format!("Linux {major}.{minor}"), outcome)
}

fn cgroups(facts: &Facts) -> (String, Outcome) {
    let [unified, legacy] = &facts.controllers;
    let has = |name: &str| unified.iter().chain(legacy).any(|one| one == name);
    let lacking: Vec<&str> = ["cpu", "memory", "pids"].into_iter().filter(|name| !has(name)).collect();
    let kind = match (unified.is_empty(), legacy.is_empty()) {
        (false, true) => "v2",
        (false, false) => "v1 and v2",
        (true, false) => "v1",
        (true, true) => "none",
    };
    if !lacking.is_empty() {
        let remedy =
            "mount cgroup2 at /sys/fs/cgroup, or boot with systemd.unified_cgroup_hierarchy=1 cgroup_enable=memory";
        let outcome = missing("requests and limits of pods cannot be kept", remedy);
        return for_linux(facts, format!("{kind}, without {}", lacking.join(", ")), outcome);
    }
    let outcome = if unified.is_empty() {
        let remedy = "boot with systemd.unified_cgroup_hierarchy=1";
        limited("memory.min, pressure figures and whole-group OOM kills are not to be had", remedy)
    } else {
        Outcome::Fine
    };
    for_linux(facts, kind.to_owned(), outcome)
}

fn overlay(facts: &Facts) -> (String, Outcome) {
    if facts.overlay {
        return ("there".to_owned(), Outcome::Fine);
    }
    let outcome = missing("Linux containers do not start: their layers cannot be stacked", "modprobe overlay");
    for_linux(facts, "not in this kernel".to_owned(), outcome)
}

fn user_namespaces(facts: &Facts) -> (String, Outcome) {
    let remedy = "sysctl -w user.max_user_namespaces=15000";
    let outcome = at_least(facts.user_namespaces, 1, limited("pods with hostUsers: false do not start", remedy));
    for_linux(facts, format!("at most {}", told(facts.user_namespaces)), outcome)
}

fn nftables(facts: &Facts) -> (String, Outcome) {
    match &facts.nft {
        Ok(()) => ("nft answers".to_owned(), Outcome::Fine),
        Err(why) => {
            let cost = "Services have no addresses, and pods do not reach other networks";
            for_linux(facts, why.clone(), missing(cost, "apt-get install nftables; modprobe nf_tables"))
        }
    }
}

fn pod_network(facts: &Facts) -> (String, Outcome) {
    if facts.lacking_modules.is_empty() {
        return ("veth and bridge".to_owned(), Outcome::Fine);
    }
    let outcome = missing("pods have no network of their own", "modprobe veth bridge, or install the kernel's modules");
    for_linux(facts, format!("no {}", facts.lacking_modules.join(", no ")), outcome)
}

fn forwarding(facts: &Facts) -> (String, Outcome) {
    let found = match facts.forwarding {
        Some(true) => "on",
        Some(false) => "off; up turns it on",
        None => "not told",
    };
    for_linux(facts, found.to_owned(), Outcome::Fine)
}

fn seccomp(facts: &Facts) -> (String, Outcome) {
    if facts.seccomp {
        return ("there".to_owned(), Outcome::Fine);
    }
    let remedy = "boot a kernel with CONFIG_SECCOMP_FILTER";
    ("not in this kernel".to_owned(), missing("containers cannot be confined, and do not start", remedy))
}

fn app_armor(facts: &Facts) -> (String, Outcome) {
    if facts.app_armor {
        return ("enabled".to_owned(), Outcome::Fine);
    }
    let remedy = "boot with apparmor=1 security=apparmor, if profiles are wanted";
    for_linux(facts, "not enabled".to_owned(), limited("pods that ask for a profile are refused", remedy))
}

fn web_assembly(facts: &Facts) -> (String, Outcome) {
    match &facts.wasm {
        Ok(()) => ("the engine works".to_owned(), Outcome::Fine),
        Err(why) => (
            why.clone(),
            missing("Wasm containers do not start", "raise the limit of address space: ulimit -v unlimited"),
        ),
    }
}

fn disk_writes(facts: &Facts) -> (String, Outcome) {
    let place = facts.directory.display();
    match &facts.sync {
        Err(why) => {
            let outcome = missing("no state can be kept", "choose a writable folder: --data-dir");
            (format!("{place}: {why}"), outcome)
        }
        Ok(time) => {
            let slow = limited("every change of the cluster waits for the disk", "choose a faster disk: --data-dir");
            let outcome = if *time > SYNC_SLOW { slow } else { Outcome::Fine };
            (format!("{:.2} ms each in {place}", time.as_secs_f64() * 1e3), outcome)
        }
    }
}

fn disk_room(facts: &Facts) -> (String, Outcome) {
    let remedy = "free room, or choose another disk: --data-dir";
    let outcome = match facts.room {
        Some(room) if room < ROOM_NEEDED => missing("the cluster stops when the disk is full", remedy),
        room => at_least(room, ROOM_WANTED, limited("few images fit, and pods are soon evicted", remedy)),
    };
    (mebibytes(facts.room), outcome)
}

fn memory(facts: &Facts) -> (String, Outcome) {
    let outcome = match facts.available_memory {
        Some(free) if free < MEMORY_NEEDED => {
            missing("server and node do not fit", "end other programs, or add memory")
        }
        free => at_least(free, MEMORY_WANTED, limited("few pods fit", "end other programs, or add memory")),
    };
    (mebibytes(facts.available_memory), outcome)
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "not told".to_owned(), |bytes| format!("{} MiB free", bytes / MIB))
}

fn time(facts: &Facts) -> (String, Outcome) {
    if facts.since_1970 >= EARLIEST {
        return ("plausible".to_owned(), Outcome::Fine);
    }
    let remedy = "set it, best by NTP: timedatectl set-ntp true";
    ("before this release was made".to_owned(), missing("certificates are not valid, and nobody can connect", remedy))
}

fn port(facts: &Facts) -> (String, Outcome) {
    match &facts.port {
        Ok(()) => (format!("{} is free", facts.listen), Outcome::Fine),
        Err(why) => {
            let outcome = missing(
                "the API server cannot listen there",
                "end who has it, or choose another: --listen 127.0.0.1:0",
            );
            (format!("{}: {why}", facts.listen), outcome)
        }
    }
}

fn inotify(facts: &Facts) -> (String, Outcome) {
    let remedy = "sysctl -w fs.inotify.max_user_instances=1024";
    let outcome = limited("programs in pods that watch files are refused when there are many", remedy);
    (
        format!("{} instances a user", told(facts.inotify_instances)),
        at_least(facts.inotify_instances, INOTIFY_WANTED, outcome),
    )
}

fn open_files(facts: &Facts) -> (String, Outcome) {
    let outcome = limited("watchers and connections are refused when there are many", "ulimit -Hn 1048576");
    (format!("at most {}", told(facts.open_files)), at_least(facts.open_files, FILES_WANTED, outcome))
}

fn processes(facts: &Facts) -> (String, Outcome) {
    let outcome = limited("pods of many processes fail to start them", "sysctl -w kernel.pid_max=4194304");
    (format!("at most {}", told(facts.pids)), at_least(facts.pids, PIDS_WANTED, outcome))
}

fn virtualization(_: &Facts) -> (String, Outcome) {
    ("/dev/kvm is not needed".to_owned(), Outcome::Fine)
}

#[cfg(test)]
mod tests;
