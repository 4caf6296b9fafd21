//! The system calls that have no safe form in a library.
#![allow(unsafe_code, reason = "fork, descriptor passing and closing have no safe form")]

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use nix::unistd::{ForkResult, Pid};

use crate::protocol::DESCRIPTOR_LIMIT;

mod clone;
pub(crate) use clone::{Side, clone};

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fork {
    /// The new process.
    Child,
    /// The old one, and the new one's id.
    Parent(Pid),
}

/// Forks this process, which must have one thread; anything else is refused.
pub(crate) fn fork() -> io::Result<Fork> {
    refuse_threads()?;
    // SAFETY: this process has one thread (checked above), so no lock can be held by a thread that the child lacks.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => Ok(Fork::Child),
        ForkResult::Parent { child } => Ok(Fork::Parent(child)),
    }
}

/// The same, into the control group of the v2 tree whose directory is given, if any.
pub(crate) fn fork_into(group: Option<BorrowedFd<'_>>) -> io::Result<Fork> {
    refuse_threads()?;
    match clone(0, group)? {
        Side::Child => Ok(Fork::Child),
        Side::Parent { pid, .. } => Ok(Fork::Parent(Pid::from_raw(pid))),
    }
}

fn refuse_threads() -> io::Result<()> {
    match std::fs::read_dir("/proc/self/task")?.count() {
        1 => Ok(()),
        _ => Err(io::Error::other("a process with several threads must not fork")),
    }
}

/// Ends this process without running the exit handlers that it shares with its parent.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Lets all threads of this process and of its children allocate from one heap: the few threads of a worker hardly ever meet
/// there, and each heap more would cost it pages.
pub(crate) fn share_one_arena() {
    // SAFETY: it sets a number, before there is a second thread. A number that is not taken is no error.
    #[cfg(target_env = "gnu")]
    let _taken = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Receives bytes and the descriptors that came with them; zero bytes is the end.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = nix::cmsg_space!([RawFd; DESCRIPTOR_LIMIT]);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = control {
            // SAFETY: the kernel made these descriptors for this call, and nobody else knows them.
            descriptors.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok((message.bytes, descriptors))
}

/// Sends bytes with descriptors; returns how many bytes went.
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    Ok(sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(bytes)], control, MsgFlags::MSG_NOSIGNAL, None)?)
}

/// Closes every descriptor above the standard streams that is not listed.
///
/// The owners of what is closed must be forgotten or never used again: this is for a process just forked.
pub(crate) fn close_all_but(keep: &[RawFd]) -> io::Result<()> {
    let mut keep: Vec<libc::c_uint> = keep.iter().filter_map(|fd| libc::c_uint::try_from(*fd).ok()).collect();
    keep.sort_unstable();
    let mut first = 3;
    for fd in keep {
        if fd > first {
            close_range(first, fd - 1)?;
        }
        first = first.max(fd + 1);
    }
    close_range(first, libc::c_uint::MAX)
}

fn close_range(first: libc::c_uint, last: libc::c_uint) -> io::Result<()> {
    // SAFETY: the caller gave up every descriptor in the range.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if closed < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Takes every capability out of the bounding set, so that no program can bring one back.
pub(crate) fn drop_bounding_set() -> io::Result<()> {
    // The kernel answers EINVAL beyond the last capability that it knows.
    for capability in 0..64 as libc::c_ulong {
        // SAFETY: this call takes integers only.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) } < 0 {
            let error = io::Error::last_os_error();
            return if error.raw_os_error() == Some(libc::EINVAL) { Ok(()) } else { Err(error) };
        }
    }
    Ok(())
}

/// Sends a signal by number: images may ask for a real-time signal, which has no name in libraries.
pub(crate) fn send_signal(pid: Pid, signal: i32) -> io::Result<()> {
    // SAFETY: this call takes integers only.
    if unsafe { libc::kill(pid.as_raw(), signal) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
