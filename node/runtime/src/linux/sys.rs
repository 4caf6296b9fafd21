//! System calls that `nix` does not wrap. All unsafe code of the launcher.

#![allow(unsafe_code, reason = "system calls without a safe wrapper")]

use std::ffi::{CStr, c_int, c_long, c_uint};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::contract::Propagation;

type Result<T> = std::result::Result<T, Errno>;

/// A descriptor of a running process.
pub(super) fn pidfd_open(pid: i32) -> Result<OwnedFd> {
    // SAFETY: takes integers only.
    new_fd(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// The user namespace to which a namespace of another kind belongs (ioctl_ns(2)).
pub(super) fn owner_of(namespace: BorrowedFd<'_>) -> Result<OwnedFd> {
    const NS_GET_USERNS: c_uint = 0xb701;
    // SAFETY: the request takes no argument and returns a descriptor.
    new_fd(unsafe { libc::ioctl(namespace.as_raw_fd(), libc::Ioctl::from(NS_GET_USERNS)) }.into())
}

/// Ends the process without running destructors or exit handlers, which belong to the caller's half of a fork.
pub(super) fn exit_now(code: c_int) -> ! {
    // SAFETY: never returns and touches no memory.
    unsafe { libc::_exit(code) }
}

fn new_fd(result: c_long) -> Result<OwnedFd> {
    let fd = c_int::try_from(Errno::result(result)?).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the kernel has just made this descriptor for the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A detached copy of the mount at `path`, with what is mounted below it.
pub(super) fn open_tree_clone(dir: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE
        | libc::OPEN_TREE_CLOEXEC
        | libc::AT_RECURSIVE.unsigned_abs()
        | libc::AT_EMPTY_PATH.unsigned_abs();
    // SAFETY: the path is a valid C string for the duration of the call.
    new_fd(unsafe { libc::syscall(libc::SYS_open_tree, dir.as_raw_fd(), path.as_ptr(), flags) })
}

/// Attaches a detached mount to a directory or file. Both are descriptors, so no path is followed here.
pub(super) fn move_mount(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<()> {
    const FROM_EMPTY: c_uint = 0x04;
    const TO_EMPTY: c_uint = 0x40;
    // SAFETY: both paths are valid empty C strings.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            c"".as_ptr(),
            target.as_raw_fd(),
            c"".as_ptr(),
            FROM_EMPTY | TO_EMPTY,
        )
    };
    Errno::result(result).map(drop)
}

#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Sets attributes (`MOUNT_ATTR_…`) of the mount that the descriptor stands for; of those below it too when `recursive`.
pub(super) fn mount_setattr(mount: BorrowedFd<'_>, set: u64, recursive: bool) -> Result<()> {
    set_attributes(mount, &MountAttr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 }, recursive)
}

/// Sets which later mounts a detached mount, and what is mounted below it, shares with those that it is a copy of.
pub(super) fn set_propagation(mount: BorrowedFd<'_>, propagation: Propagation) -> Result<()> {
    let propagation = match propagation {
        Propagation::None => libc::MS_PRIVATE,
        Propagation::HostToContainer => libc::MS_SLAVE,
        Propagation::Bidirectional => libc::MS_SHARED,
    };
    set_attributes(mount, &MountAttr { attr_set: 0, attr_clr: 0, propagation, userns_fd: 0 }, true)
}

fn set_attributes(mount: BorrowedFd<'_>, attr: &MountAttr, recursive: bool) -> Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a valid empty C string and the attribute block is valid and of the given size.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            std::ptr::from_ref(attr),
            size_of::<MountAttr>(),
        )
    };
    Errno::result(result).map(drop)
}

/// Shows a detached mount, with what is mounted below it, with its ids shifted as the user namespace says.
pub(super) fn shift_mount(mount: BorrowedFd<'_>, users: BorrowedFd<'_>) -> Result<()> {
    let userns_fd = u64::try_from(users.as_raw_fd()).map_err(|_| Errno::EBADF)?;
    set_attributes(mount, &MountAttr { attr_set: libc::MOUNT_ATTR_IDMAP, attr_clr: 0, propagation: 0, userns_fd }, true)
}

/// A context to configure a new file system in.
pub(super) fn fsopen(fs: &CStr) -> Result<OwnedFd> {
    const FSOPEN_CLOEXEC: c_uint = 1;
    // SAFETY: the name is a valid C string.
    new_fd(unsafe { libc::syscall(libc::SYS_fsopen, fs.as_ptr(), FSOPEN_CLOEXEC) })
}

/// One option of a new file system: `key=value`, or a flag.
pub(super) fn fsconfig(context: BorrowedFd<'_>, key: &CStr, value: Option<&CStr>) -> Result<()> {
    const SET_FLAG: c_uint = 0;
    const SET_STRING: c_uint = 1;
    let (command, value) = value.map_or((SET_FLAG, std::ptr::null()), |value| (SET_STRING, value.as_ptr()));
    // SAFETY: key and value are valid C strings, or null for a flag.
    let result = unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, key.as_ptr(), value, 0) };
    Errno::result(result).map(drop)
}

/// Creates the configured file system and a detached mount of it with `MOUNT_ATTR_…` attributes.
pub(super) fn fsmount(context: BorrowedFd<'_>, attributes: u64) -> Result<OwnedFd> {
    const CMD_CREATE: c_uint = 6;
    const FSMOUNT_CLOEXEC: c_uint = 1;
    let null = std::ptr::null::<libc::c_char>();
    // SAFETY: this command takes null for key and value.
    let created = unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), CMD_CREATE, null, null, 0) };
    Errno::result(created)?;
    // SAFETY: takes integers only.
    new_fd(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, attributes) })
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

#[repr(C)]
struct CapHeader {
    version: u32,
    pid: c_int,
}

/// `_LINUX_CAPABILITY_VERSION_3`: two words of 32 capabilities.
const CAP_VERSION: u32 = 0x2008_0522;

/// The capabilities that this process may use, as a bit set.
pub(super) fn permitted_capabilities() -> Result<u64> {
    let mut header = CapHeader { version: CAP_VERSION, pid: 0 };
    let mut data = [CapData::default(); 2];
    // SAFETY: version 3 fills exactly two data words.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) })?;
    Ok(u64::from(data[0].permitted) | u64::from(data[1].permitted) << 32)
}

/// Sets permitted and effective capabilities to `set` and clears the inheritable ones.
pub(super) fn set_capabilities(set: u64) -> Result<()> {
    let mut header = CapHeader { version: CAP_VERSION, pid: 0 };
    let low = u32::try_from(set & u64::from(u32::MAX)).map_err(|_| Errno::EINVAL)?;
    let high = u32::try_from(set >> 32).map_err(|_| Errno::EINVAL)?;
    let word = |bits| CapData { effective: bits, permitted: bits, inheritable: 0 };
    let data = [word(low), word(high)];
    // SAFETY: version 3 reads exactly two data words.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) }).map(drop)
}

/// Whether the bounding set holds a capability; `EINVAL` when the kernel knows none of that number.
pub(super) fn bounding_has(capability: u8) -> Result<bool> {
    // SAFETY: takes integers only.
    let held = unsafe { libc::prctl(libc::PR_CAPBSET_READ, c_long::from(capability), 0, 0, 0) };
    Errno::result(held).map(|held| held == 1)
}

/// Removes a capability from the bounding set.
pub(super) fn bounding_drop(capability: u8) -> Result<()> {
    // SAFETY: takes integers only.
    Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, c_long::from(capability), 0, 0, 0) }).map(drop)
}

/// Clears the ambient set.
pub(super) fn ambient_clear() -> Result<()> {
    // SAFETY: takes integers only.
    Errno::result(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) }).map(drop)
}

/// Real, effective and saved ids and the supplementary groups of this process. Raw calls: the C library's would signal
/// every thread that it believes to exist.
pub(super) fn set_ids(uid: u32, gid: u32, groups: &[u32]) -> Result<()> {
    // SAFETY: the pointer and length describe the slice.
    Errno::result(unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) })?;
    // SAFETY: takes integers only.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) })?;
    // SAFETY: takes integers only.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }).map(drop)
}

/// The user and group under which this process acts on files.
pub(super) fn set_file_ids(id: u32) -> Result<()> {
    let id = c_long::from(id);
    // These calls answer the id of before, whether they did anything or not: asking again tells.
    // SAFETY: take integers only.
    let now = unsafe {
        libc::syscall(libc::SYS_setfsgid, id);
        libc::syscall(libc::SYS_setfsuid, id);
        [libc::syscall(libc::SYS_setfsgid, id), libc::syscall(libc::SYS_setfsuid, id)]
    };
    if now == [id, id] { Ok(()) } else { Err(Errno::EPERM) }
}

/// Loads a seccomp filter for this process. Needs `CAP_SYS_ADMIN` or no-new-privileges.
pub(super) fn load_filter(filter: &[seccompiler::sock_filter]) -> Result<()> {
    // The kernel's `sock_fprog`.
    #[repr(C)]
    struct Program {
        len: u16,
        filter: *const seccompiler::sock_filter,
    }
    let len = u16::try_from(filter.len()).map_err(|_| Errno::E2BIG)?;
    let program = Program { len, filter: filter.as_ptr() };
    // SAFETY: the program describes the slice, whose items have the kernel's `sock_filter` layout.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    Errno::result(result).map(drop)
}

/// Marks every descriptor from `first` on as closed at `execve`.
pub(super) fn close_on_exec_from(first: c_uint) -> Result<()> {
    // SAFETY: closes nothing now, so no owner in this process is invalidated.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(result).map(drop)
}

/// Default actions for all signals: ignored ones would stay ignored in the container.
pub(super) fn reset_signals() -> Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator().filter(|s| !matches!(s, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: the default action runs no code of ours.
        unsafe { sigaction(signal, &default) }?;
    }
    SigSet::empty().thread_set_mask()
}

/// Makes the terminal the controlling one of this session.
pub(super) fn set_controlling_terminal(terminal: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: takes integers only.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) }).map(drop)
}

/// Unlocks a pseudo terminal and opens its other end, whatever is mounted on its path.
pub(super) fn open_terminal_peer(master: BorrowedFd<'_>) -> Result<OwnedFd> {
    let unlock: c_int = 0;
    // SAFETY: the argument points to an integer that outlives the call.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlock) })?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: takes integers only.
    new_fd(c_long::from(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) }))
}

/// Takes ownership of a descriptor that has just come in a message.
pub(super) fn adopt(received: c_int) -> OwnedFd {
    // SAFETY: the kernel made this descriptor for the receiver of the message and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(received) }
}

/// Closes every descriptor and then only reaps orphans until it is killed.
pub(super) fn idle() -> ! {
    // SAFETY: this process uses no descriptor from here on.
    unsafe { libc::syscall(libc::SYS_close_range, 0, c_uint::MAX, 0) };
    loop {
        // SAFETY: null asks for no status.
        if unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } < 0 {
            // No children: sleep until a signal, the end of one among them, arrives.
            // SAFETY: takes nothing.
            unsafe { libc::pause() };
        }
    }
}
