//! The overlay mount of a container's layers.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chdir, chown};

use super::{LaunchError, Rootfs, UserNamespace, sys};

/// Mounts the layers on `merged` and returns the root directory of the mount.
///
/// Must run in a private mount namespace. Device files on the mount are not usable (`nodev`).
///
/// In a pod with ids of its own the layers are shown shifted, and the writable layer becomes the pod's.
pub(super) fn mount_overlay(rootfs: &Rootfs, users: Option<&UserNamespace>) -> Result<OwnedFd, LaunchError> {
    if let Some(users) = users {
        rootfs.lowers.iter().try_for_each(|lower| users.cover(lower))?;
        let owner = users.range().0;
        chown(&rootfs.upper, Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)))
            .map_err(LaunchError::system("give the writable layer to the pod"))?;
    }
    let failed = |errno| LaunchError::mount("overlay", &rootfs.merged)(errno);
    match by_descriptor(rootfs) {
        Ok(root) => Ok(root),
        // Before Linux 6.5 overlay does not know `lowerdir+`; an option is at most 255 bytes long.
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::ENAMETOOLONG) => by_option_page(rootfs).map_err(failed),
        Err(errno) => Err(failed(errno)),
    }
}

/// One option a layer: no limit on their number but overlay's own 500.
fn by_descriptor(rootfs: &Rootfs) -> Result<OwnedFd, Errno> {
    /// The kernel copies option values of up to 255 bytes.
    const OPTION_MAX: usize = 255;
    let context = sys::fsopen(c"overlay")?;
    let set = |key: &std::ffi::CStr, path: &Path| {
        let bytes = path.as_os_str().as_bytes();
        if bytes.len() > OPTION_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        sys::fsconfig(context.as_fd(), key, Some(&CString::new(bytes).map_err(|_| Errno::EINVAL)?))
    };
    for lower in &rootfs.lowers {
        set(c"lowerdir+", lower)?;
    }
    set(c"upperdir", &rootfs.upper)?;
    set(c"workdir", &rootfs.work)?;
    let detached = sys::fsmount(context.as_fd(), libc::MOUNT_ATTR_NODEV)?;
    let merged = open(&rootfs.merged, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    sys::move_mount(detached.as_fd(), merged.as_fd())?;
    Ok(detached)
}

/// mount(2): all options in one page, in which the paths of many layers have no room. Their descriptors have: an open
/// directory's number is a name in `/proc/self/fd`, and none has a character that separates options.
fn by_option_page(rootfs: &Rootfs) -> Result<OwnedFd, Errno> {
    let open_dir = |path: &Path| open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    let lowers = rootfs.lowers.iter().map(|lower| open_dir(lower)).collect::<Result<Vec<_>, _>>()?;
    let (upper, work) = (open_dir(&rootfs.upper)?, open_dir(&rootfs.work)?);
    let number = |fd: &OwnedFd| fd.as_raw_fd().to_string();
    let names: Vec<String> = lowers.iter().map(number).collect();
    let options = format!("lowerdir={},upperdir={},workdir={}", names.join(":"), number(&upper), number(&work));
    chdir("/proc/self/fd")?;
    mount(Some("overlay"), &rootfs.merged, Some("overlay"), MsFlags::MS_NODEV, Some(options.as_str()))?;
    open_dir(&rootfs.merged)
}
