//! How the compile child shuts itself in.

use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, chdir, chroot, geteuid, setgroups, setresgid, setresuid};

use super::CompileLimits;

/// `nobody`: owns nothing.
const NOBODY: u32 = 65_534;

/// Descriptors that the child may hold: three, and room for what the code generator's threads open.
const MAX_DESCRIPTORS: u64 = 32;

/// Limits as they travel on the child's command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Processor time in seconds.
    pub(super) cpu: u64,
    /// Writable memory in bytes.
    pub(super) memory: u64,
    /// Bytes to read at most.
    pub(super) input: u64,
    /// Bytes to write at most.
    pub(super) output: u64,
}

impl From<CompileLimits> for Limits {
    fn from(limits: CompileLimits) -> Self {
        // The kernel counts whole seconds and takes zero for "at once".
        let cpu = limits.cpu.as_secs().max(1);
        Self { cpu, memory: limits.memory, input: limits.input, output: limits.output }
    }
}

impl Limits {
    pub(super) fn to_args(self) -> [String; 4] {
        [self.cpu, self.memory, self.input, self.output].map(|number| number.to_string())
    }

    pub(super) fn from_args(arguments: &[String]) -> Option<Self> {
        let [cpu, memory, input, output] = arguments else { return None };
        let number = |text: &String| text.parse().ok();
        Some(Self { cpu: number(cpu)?, memory: number(memory)?, input: number(input)?, output: number(output)? })
    }
}

/// Takes everything away but the three standard descriptors: limits, network, file system, identity. Must run while the
/// process has one thread.
///
/// Without root only limits and, where the kernel allows it, a user namespace without network remain; the identity is then
/// that of the caller.
pub(super) fn confine(limits: &Limits) -> nix::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    prctl::set_no_new_privs()?;
    // The second of grace turns a handled SIGXCPU into SIGKILL.
    setrlimit(Resource::RLIMIT_CPU, limits.cpu, limits.cpu + 1)?;
    setrlimit(Resource::RLIMIT_DATA, limits.memory, limits.memory)?;
    setrlimit(Resource::RLIMIT_FSIZE, limits.output, limits.output)?;
    setrlimit(Resource::RLIMIT_NOFILE, MAX_DESCRIPTORS, MAX_DESCRIPTORS)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    let isolate = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
    if geteuid().is_root() {
        match unshare(isolate | CloneFlags::CLONE_NEWNS) {
            Ok(()) => empty_root()?,
            // Root in name only, as inside another container: what it lacks, this child lacks too.
            Err(Errno::EPERM) => {}
            Err(errno) => return Err(errno),
        }
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        setgroups(&[])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)?;
        // Changing the identity clears it.
        return prctl::set_pdeathsig(Signal::SIGKILL);
    }
    match unshare(isolate | CloneFlags::CLONE_NEWUSER) {
        Ok(()) | Err(Errno::EPERM | Errno::ENOSPC | Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Makes an empty, read-only file system the root. `/proc` is the one directory that is always there to mount it on.
fn empty_root() -> nix::Result<()> {
    let none: Option<&Path> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let bare = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    mount(Some("none"), "/proc", Some("tmpfs"), bare, none)?;
    chroot("/proc")?;
    chdir("/")
}
