//! The shim: one small process per pod that is the parent of all the pod's containers.
//!
//! It holds the pod's IPC and UTS namespaces and stands in its network namespace; it starts containers and exec sessions,
//! writes their logs, and records how they end. It is single-threaded, one `poll` loop, and never compiles or parses what
//! a tenant made. It stays in the node's mount namespace: a copy would pin the mounts of every other pod.

mod connection;
mod container;
mod exec;
pub(crate) mod note;
mod server;
mod start;

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{SigSet, Signal};
use serde::{Deserialize, Serialize};

use crate::cgroup::Hierarchy;
use crate::contract::SandboxConfig;
use crate::layout::PodDir;
use crate::privileges::Privileges;
use crate::{linux, runfile, sys};

/// The first port of a network namespace that needs no capability.
const UNPRIVILEGED_PORTS: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
/// The groups that may send echo requests without a capability: as containerd, all.
const PING_GROUPS: &str = "/proc/sys/net/ipv4/ping_group_range";

/// The run file of a sandbox: written by the agent before the shim exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxRecord {
    /// What was asked for.
    pub config: SandboxConfig,
    /// Nanoseconds since 1970.
    pub created_at: i64,
    /// Uid and gid of the pod's Wasm workers.
    pub worker_uid: u32,
    /// The node's ids of a pod that has its own.
    #[serde(default)]
    pub ids: Option<linux::IdRange>,
}

/// Why a sandbox could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShimError {
    #[error("{attempt}")]
    Io {
        attempt: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    RunFile(#[from] runfile::RunFileError),
    #[error("sandbox record {} is missing", .0.display())]
    Missing(PathBuf),
    #[error("join the container's cgroup")]
    Cgroup(#[from] crate::cgroup::CgroupError),
    #[error(transparent)]
    Linux(#[from] linux::LaunchError),
    #[error("sysctl {0:?} is no name below /proc/sys")]
    Sysctl(String),
    #[error("a pod with ids of its own (hostUsers: false) has no group {0}: name one below 65536 in its sysctls")]
    NoGroup(u32),
    #[error("cannot set sysctl {0}: it needs root; run `bireme up` as root, or take it out of the pod")]
    NeedsRoot(String),
}

/// Names what was attempted when an operating-system call failed.
pub(crate) fn attempt<T, E: Into<io::Error>>(what: impl Into<String>, result: Result<T, E>) -> Result<T, ShimError> {
    result.map_err(|source| ShimError::Io { attempt: what.into(), source: source.into() })
}

/// Body of a shim, just forked from the zygote; returns its exit code.
pub(crate) fn main(
    pod: &PodDir,
    privileges: Privileges,
    hierarchy: &Hierarchy,
    listener: UnixListener,
    parent: Option<&OwnedFd>,
    engine: &wasm::engine::Preloaded,
) -> i32 {
    match run(pod, privileges, hierarchy, listener, parent, engine) {
        Ok(()) => 0,
        Err(error) => {
            note::note(&format!("the shim ends: {}", note::chain(&error)));
            1
        }
    }
}

fn run(
    pod: &PodDir,
    privileges: Privileges,
    hierarchy: &Hierarchy,
    listener: UnixListener,
    parent: Option<&OwnedFd>,
    engine: &wasm::engine::Preloaded,
) -> Result<(), ShimError> {
    let signals = become_a_shim(pod, &listener, parent)?;
    let record: SandboxRecord =
        runfile::read(&pod.sandbox_file())?.ok_or_else(|| ShimError::Missing(pod.sandbox_file()))?;
    // A sandbox that cannot be made still answers: its agent shall learn why.
    let entered = match privileges {
        Privileges::Root => enter(&record),
        Privileges::None => stay(&record.config).map(|()| None),
    };
    let (standing, users) = match entered {
        Ok(users) => (Ok(()), users),
        Err(error) => (Err(note::chain(&error)), None),
    };
    if let Err(message) = &standing {
        note::note(message);
    }
    let hierarchy = hierarchy.clone();
    let mut shim =
        server::Shim::new(pod.clone(), privileges, record, standing, hierarchy, engine, listener, parent, signals);
    shim.users = users;
    shim.run()
}

/// Leaves the zygote's session, streams and descriptors, and takes charge of orphans.
fn become_a_shim(
    pod: &PodDir,
    listener: &UnixListener,
    parent: Option<&OwnedFd>,
) -> Result<nix::sys::signalfd::SignalFd, ShimError> {
    let keep: Vec<_> = [listener.as_raw_fd()].into_iter().chain(parent.map(AsRawFd::as_raw_fd)).collect();
    attempt("close the zygote's descriptors", sys::close_all_but(&keep))?;
    let log = std::fs::OpenOptions::new().create(true).append(true).open(pod.shim_log());
    let log = attempt("open the shim's log", log)?;
    let null = attempt("open /dev/null", std::fs::File::options().read(true).write(true).open("/dev/null"))?;
    attempt("redirect standard input", nix::unistd::dup2_stdin(&null))?;
    attempt("redirect standard output", nix::unistd::dup2_stdout(&null))?;
    attempt("redirect standard error", nix::unistd::dup2_stderr(&log))?;
    attempt("become a session of its own", nix::unistd::setsid())?;
    attempt("become the reaper of orphans", nix::sys::prctl::set_child_subreaper(true))?;
    attempt("become non-dumpable", nix::sys::prctl::set_dumpable(false))?;
    attempt("set the process name", nix::sys::prctl::set_name(c"bireme-shim"))?;
    attempt("take a new connection without waiting", listener.set_nonblocking(true))?;
    let waiting: SigSet = [Signal::SIGCHLD, Signal::SIGTERM].into_iter().collect();
    attempt("block signals", waiting.thread_set_mask())?;
    let flags = nix::sys::signalfd::SfdFlags::SFD_CLOEXEC | nix::sys::signalfd::SfdFlags::SFD_NONBLOCK;
    attempt("make a signal descriptor", nix::sys::signalfd::SignalFd::with_flags(&waiting, flags))
}

/// Enters the pod's namespaces, which the containers inherit, and makes the one that only they enter.
fn enter(record: &SandboxRecord) -> Result<Option<Arc<linux::UserNamespace>>, ShimError> {
    let config = &record.config;
    let users = if let Some(path) = &config.netns {
        let what = format!("enter network namespace {}", path.display());
        let namespace = attempt(what.clone(), std::fs::File::open(path))?;
        let users = record.ids.map(|ids| linux::UserNamespace::of_network(namespace.as_fd(), ids)).transpose()?;
        attempt(what, setns(namespace, CloneFlags::CLONE_NEWNET))?;
        // A pod's ports are its own: whoever runs in it may serve port 80 without a capability, as with other runtimes.
        attempt("open all ports to the pod", std::fs::write(UNPRIVILEGED_PORTS, "0"))?;
        attempt("let the pod ping", std::fs::write(PING_GROUPS, "0 2147483647"))?;
        users
    } else {
        record.ids.map(linux::UserNamespace::new).transpose()?
    };
    let mut flags = CloneFlags::CLONE_NEWUTS;
    flags.set(CloneFlags::CLONE_NEWIPC, !config.host_ipc);
    match &users {
        Some(users) => users.enter_new(flags)?,
        None => attempt("make the pod's namespaces", unshare(flags))?,
    }
    attempt(format!("set the host name {:?}", config.hostname), nix::unistd::sethostname(&config.hostname))?;
    for (name, value) in &config.sysctls {
        let path = sysctl_path(name)?;
        let written = sysctl_value(name, value, record.ids)?;
        attempt(format!("set sysctl {name} to {value:?}"), std::fs::write(path, written))?;
    }
    Ok(users.map(Arc::new))
}

/// Without root the containers share the node's namespaces, whose settings are not a pod's to change.
fn stay(config: &SandboxConfig) -> Result<(), ShimError> {
    config.sysctls.keys().next().map_or(Ok(()), |name| Err(ShimError::NeedsRoot(name.clone())))
}

/// `net.ipv4.ip_forward` to its file; a name cannot lead out of `/proc/sys`.
fn sysctl_path(name: &str) -> Result<PathBuf, ShimError> {
    let parts: Vec<&str> = if name.contains('/') { name.split('/').collect() } else { name.split('.').collect() };
    let plain = |part: &&str| part.is_empty() || *part == "." || *part == "..";
    if parts.iter().any(plain) {
        return Err(ShimError::Sysctl(name.to_owned()));
    }
    Ok(["/proc/sys"].into_iter().chain(parts).collect())
}

/// What is written for a setting. Groups are counted as the pod counts them, and the kernel takes them as who writes does,
/// which is the node.
fn sysctl_value(name: &str, value: &str, ids: Option<linux::IdRange>) -> Result<String, ShimError> {
    let (Some(ids), "net.ipv4.ping_group_range") = (ids, name.replace('/', ".").as_str()) else {
        return Ok(value.to_owned());
    };
    let groups = value.split_whitespace().map(|word| match word.parse() {
        Ok(group) => ids.on_node(group).map(|group| group.to_string()).ok_or(ShimError::NoGroup(group)),
        // The kernel says what it thinks of it.
        Err(_) => Ok(word.to_owned()),
    });
    Ok(groups.collect::<Result<Vec<_>, _>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sysctl_names_a_file_below_proc_sys() {
        let check = |name: &str| sysctl_path(name).ok().map(|path| path.display().to_string());
        assert_eq!(check("net.ipv4.ip_forward").as_deref(), Some("/proc/sys/net/ipv4/ip_forward"));
        assert_eq!(
            check("net/ipv4/conf/eth0.1/forwarding").as_deref(),
            Some("/proc/sys/net/ipv4/conf/eth0.1/forwarding")
        );
        assert_eq!(check("net..ip_forward"), None);
        assert_eq!(check("net/../../etc"), None);
    }

    #[test]
    fn groups_of_a_setting_are_the_pods() {
        let ids = Some(linux::IdRange(1 << 16));
        let check = |name: &str, value: &str, ids| sysctl_value(name, value, ids).ok();
        let range = "net.ipv4.ping_group_range";
        assert_eq!(check(range, "0 1000", ids).as_deref(), Some("65536 66536"));
        assert_eq!(check("net/ipv4/ping_group_range", "1\t0", ids).as_deref(), Some("65537 65536"));
        assert_eq!(check(range, "0 70000", ids), None);
        assert_eq!(check(range, "0 70000", None).as_deref(), Some("0 70000"));
        assert_eq!(check("net.ipv4.tcp_syncookies", "1", ids).as_deref(), Some("1"));
    }
}
