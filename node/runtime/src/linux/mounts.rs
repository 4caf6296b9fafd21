//! What is mounted over the root: the kernel's file systems, the pod's volumes, and covers over what a container must not
//! see. Every target is a descriptor below the container's root, so that no link in an image or volume redirects a mount.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::{MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use super::in_root::{Root, is_dir};
use super::{LaunchError, UserNamespace, sys};
use crate::contract::Mount;

const CLOSED: u64 = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/// Files and directories of `/proc` and `/sys` that tell about, or reach into, the node.
const MASKED: [&str; 13] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/kernel/security",
];

/// What may be read but not changed: these files act on the whole node.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// A new, detached file system.
pub(super) fn new_file_system(
    kind: &CStr,
    options: &[(&CStr, Option<&CStr>)],
    attributes: u64,
) -> Result<OwnedFd, Errno> {
    let context = sys::fsopen(kind)?;
    for (key, value) in options {
        sys::fsconfig(context.as_fd(), key, *value)?;
    }
    sys::fsmount(context.as_fd(), attributes)
}

/// Mounts a new file system on a directory that is made when missing and that no link may stand for.
pub(super) fn place(
    root: &Root,
    kind: &CStr,
    options: &[(&CStr, Option<&CStr>)],
    attributes: u64,
    target: &Path,
) -> Result<(), LaunchError> {
    let placed = || {
        root.make_dir(target)?;
        let directory = root.open_unlinked(target)?;
        let mount = new_file_system(kind, options, attributes)?;
        sys::move_mount(mount.as_fd(), directory.as_fd())
    };
    placed().map_err(LaunchError::mount(kind.to_string_lossy(), target))
}

/// `/proc`, `/sys` and, on v2, the container's own control group. (A v1 tree would show, and with `rw` let change, the
/// limits of every group: containers get none.)
pub(super) fn kernel_file_systems(root: &Root, privileged: bool, cgroup_v2: bool) -> Result<(), LaunchError> {
    let changeable = if privileged { 0 } else { MOUNT_ATTR_RDONLY };
    place(root, c"proc", &[], CLOSED, Path::new("/proc"))?;
    place(root, c"sysfs", &[], CLOSED | changeable, Path::new("/sys"))?;
    if cgroup_v2 {
        place(root, c"cgroup2", &[(c"nsdelegate", None)], CLOSED | changeable, Path::new("/sys/fs/cgroup"))?;
    }
    Ok(())
}

/// A directory or file of the node, taken out of its tree of mounts and not yet shown.
pub(super) struct Source<'a> {
    item: &'a Mount,
    view: OwnedFd,
}

impl<'a> Source<'a> {
    /// Takes a copy that has the properties which the pod asks for. Must happen before the process' mounts are made private: a
    /// copy of a private mount hears of nothing that the node mounts later.
    pub(super) fn take(item: &'a Mount, users: Option<&UserNamespace>, devices: bool) -> Result<Self, LaunchError> {
        let failed = |errno| LaunchError::mount(item.host.display().to_string(), &item.container)(errno);
        let view = clone_mount(&item.host).map_err(failed)?;
        if let Some(users) = users {
            users.shift(view.as_fd(), &item.host)?;
        }
        let limited = || {
            sys::set_propagation(view.as_fd(), item.propagation)?;
            if !devices {
                sys::mount_setattr(view.as_fd(), MOUNT_ATTR_NODEV, true)?;
            }
            if item.read_only {
                sys::mount_setattr(view.as_fd(), MOUNT_ATTR_RDONLY, item.recursive)?;
            }
            Ok(())
        };
        limited().map_err(failed)?;
        Ok(Self { item, view })
    }

    /// Shows it in the container.
    pub(super) fn show(&self, root: &Root) -> Result<(), LaunchError> {
        let shown = || {
            let target = root.make_like(&self.item.container, &self.view)?;
            // Mounts inside /proc could fake what the container's own tools, and ours in exec, read there.
            if fstatfs(&target)?.filesystem_type() == PROC_SUPER_MAGIC {
                return Err(Errno::EPERM);
            }
            sys::move_mount(self.view.as_fd(), target.as_fd())
        };
        shown().map_err(LaunchError::mount(self.item.host.display().to_string(), &self.item.container))
    }
}

/// Covers what a container must not see, and makes read-only what it must not change. Paths that this kernel does not have
/// need neither.
pub(super) fn hide(root: &Root) -> Result<(), LaunchError> {
    for path in MASKED.map(Path::new) {
        present(mask(root, path)).map_err(LaunchError::mount("cover", path))?;
    }
    for path in READ_ONLY.map(Path::new) {
        present(freeze(root, path)).map_err(LaunchError::mount("read-only view", path))?;
    }
    Ok(())
}

/// Nothing to cover is success.
fn present(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    }
}

fn mask(root: &Root, path: &Path) -> Result<(), Errno> {
    let target = root.open(path, OFlag::O_PATH)?;
    let cover = if is_dir(&target)? {
        new_file_system(c"tmpfs", &[(c"size", Some(c"0")), (c"nr_inodes", Some(c"1"))], CLOSED | MOUNT_ATTR_RDONLY)?
    } else {
        clone_mount(Path::new("/dev/null"))?
    };
    sys::move_mount(cover.as_fd(), target.as_fd())
}

fn freeze(root: &Root, path: &Path) -> Result<(), Errno> {
    let target = root.open(path, OFlag::O_PATH)?;
    let view = sys::open_tree_clone(target.as_fd(), c"")?;
    sys::mount_setattr(view.as_fd(), CLOSED | MOUNT_ATTR_RDONLY, true)?;
    sys::move_mount(view.as_fd(), target.as_fd())
}

/// A detached copy of the mount at a path of the node.
pub(super) fn clone_mount(path: &Path) -> Result<OwnedFd, Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    sys::open_tree_clone(AT_FDCWD, &path)
}
