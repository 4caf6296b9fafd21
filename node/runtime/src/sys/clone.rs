//! A fork that begins in new namespaces and in a control group.

use std::ffi::{c_int, c_ulong};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// Which side of [`clone`] this is.
#[derive(Debug)]
pub(crate) enum Side {
    /// The new process.
    Child,
    /// The caller.
    Parent {
        /// Of the child.
        pid: i32,
        /// Of the child.
        pidfd: OwnedFd,
    },
}

/// `struct clone_args` of clone(2), as far as Linux 5.7 knows it.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Asks for a child that begins in a control group of the v2 tree; too large for the type of the other flags.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Forks into new namespaces (`flags` of `CLONE_NEW…`) and into the control group of the v2 tree whose directory is given; that
/// of the caller without one. The caller must be single-threaded.
pub(crate) fn clone(namespaces: c_int, group: Option<BorrowedFd<'_>>) -> Result<Side, Errno> {
    let mut pidfd: c_int = -1;
    let mut args = CloneArgs {
        flags: flags(namespaces) | flags(libc::CLONE_PIDFD),
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: u64::from(libc::SIGCHLD.unsigned_abs()),
        ..CloneArgs::default()
    };
    if let Some(group) = group {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::from(group.as_raw_fd().unsigned_abs());
    }
    if let Some(place) = place_of_thread_id() {
        args.flags |= flags(libc::CLONE_CHILD_SETTID) | flags(libc::CLONE_CHILD_CLEARTID);
        args.child_tid = place;
    }
    // SAFETY: the arguments are a valid `clone_args` of the given size, whose pidfd pointer outlives the call and whose pointer
    // to a thread id is the C library's own. Without CLONE_VM and without a stack the child continues here on a copy of the
    // caller's memory, as after fork(2); with one thread no lock of the library can be held by a thread that the child lacks.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<CloneArgs>()) };
    match Errno::result(pid)? {
        0 => Ok(Side::Child),
        pid => {
            // SAFETY: the kernel has stored a new descriptor there, which nobody else owns.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Side::Parent { pid: i32::try_from(pid).map_err(|_| Errno::EOVERFLOW)?, pidfd })
        }
    }
}

fn flags(flags: c_int) -> u64 {
    u64::from(flags.unsigned_abs())
}

/// Where the C library keeps the id of this thread. Its own fork has the kernel write the child's id there; so does ours, or
/// the library would take the child for its parent when it signals itself. A kernel without checkpointing does not tell; then
/// `abort` ends the child by an illegal instruction instead of SIGABRT, and nothing else is amiss.
fn place_of_thread_id() -> Option<u64> {
    const PR_GET_TID_ADDRESS: c_int = 40;
    let mut place: u64 = 0;
    let nothing: c_ulong = 0;
    // SAFETY: the kernel writes one pointer, for which there is room, and nothing when it refuses.
    let told = unsafe { libc::prctl(PR_GET_TID_ADDRESS, &raw mut place, nothing, nothing, nothing) };
    (told == 0 && place != 0).then_some(place)
}
