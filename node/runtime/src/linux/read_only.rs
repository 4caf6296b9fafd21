//! A view of a program that nobody can write through.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::{LaunchError, mounts, sys};

/// Opens a file through a detached read-only copy of its mount. A process that was executed from the descriptor
/// (`/proc/self/fd/<n>`) shows a `/proc/<pid>/exe` that cannot be opened for writing, whoever gets at it and even as root:
/// the zygote, and with it every shim, is to be executed so (CVE-2019-5736).
///
/// # Errors
/// When the file does not exist or when the caller may not mount.
pub fn open_read_only(path: &Path) -> Result<OwnedFd, LaunchError> {
    let opened = || -> Result<OwnedFd, Errno> {
        let view = mounts::clone_mount(path)?;
        sys::mount_setattr(view.as_fd(), libc::MOUNT_ATTR_RDONLY, true)?;
        // The copy is of the file itself, so that the descriptor is the file; opening it again makes it readable.
        open(format!("/proc/self/fd/{}", view.as_raw_fd()).as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
    };
    opened().map_err(LaunchError::system(format!("open {} through a read-only mount", path.display())))
}
