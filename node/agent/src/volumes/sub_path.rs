//! Parts of volumes, opened so that no symbolic link inside a volume leads out of it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, mkdirat};

use crate::volumes::mounts;

/// Opens `sub_path` below `root`, making directories that are missing, and shows it at `place`, which the container's
/// processes cannot exchange. Answers the path to mount.
pub(super) fn pin(root: &Path, sub_path: &str, place: &Path) -> io::Result<PathBuf> {
    let opened = File::from(open_below(root, Path::new(sub_path))?);
    let source = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent)?;
    }
    // A container that starts again gets the path that the volume has now.
    mounts::unmount_below(place)?;
    if opened.metadata()?.is_dir() {
        fs::create_dir_all(place)?;
    } else {
        drop(OpenOptions::new().create(true).append(true).mode(0o600).open(place)?);
    }
    match mounts::bind(&source, place) {
        Ok(()) => Ok(place.to_owned()),
        // Without the right to mount, only Wasm containers run here, and those open their directories once.
        Err(Errno::EPERM) => fs::read_link(&source),
        Err(errno) => Err(errno.into()),
    }
}

/// Walks one component at a time. The kernel refuses every step that leaves the volume.
fn open_below(root: &Path, sub_path: &Path) -> io::Result<OwnedFd> {
    let path = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let root = OwnedFd::from(OpenOptions::new().read(true).custom_flags(path.bits()).open(root)?);
    let how = OpenHow::new().flags(path).resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let mut walked = PathBuf::new();
    let mut here = openat2(&root, ".", how)?;
    for component in sub_path.components().filter(|component| matches!(component, Component::Normal(_))) {
        let parent = here;
        walked.push(component);
        here = match openat2(&root, &walked, how) {
            Ok(next) => next,
            Err(Errno::ENOENT) => match mkdirat(&parent, component.as_os_str(), Mode::from_bits_truncate(0o755)) {
                Ok(()) | Err(Errno::EEXIST) => openat2(&root, &walked, how)?,
                Err(errno) => return Err(errno.into()),
            },
            Err(errno) => return Err(errno.into()),
        };
    }
    Ok(here)
}
