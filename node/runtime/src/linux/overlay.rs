//! The overlay mount of a container's layers.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chown};

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

/// mount(2): all options in one page, so the paths are taken relative to their common parent.
fn by_option_page(rootfs: &Rootfs) -> Result<OwnedFd, Errno> {
    let parent = common_parent(rootfs);
    std::env::set_current_dir(&parent).map_err(|error| super::error::errno_of(&error))?;
    let relative = |path: &Path| path.strip_prefix(&parent).unwrap_or(path).to_string_lossy().into_owned();
    let lowers: Vec<_> = rootfs.lowers.iter().map(|lower| relative(lower)).collect();
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lowers.join(":"),
        relative(&rootfs.upper),
        relative(&rootfs.work)
    );
    mount(Some("overlay"), &rootfs.merged, Some("overlay"), MsFlags::MS_NODEV, Some(options.as_str()))?;
    open(&rootfs.merged, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

fn common_parent(rootfs: &Rootfs) -> PathBuf {
    let mut parent = rootfs.upper.clone();
    for path in rootfs.lowers.iter().chain([&rootfs.work]) {
        while !path.starts_with(&parent) && parent.pop() {}
    }
    parent
}
