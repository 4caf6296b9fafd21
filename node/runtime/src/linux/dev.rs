//! `/dev` of a container.
//!
//! The directory is a `nodev` file system; the devices are the node's own files, bound one by one. So what a container makes
//! with `mknod` opens nothing, on cgroup v2 too, where only a BPF program could filter devices.

use std::ffi::CString;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use libc::{MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_STRICTATIME};
use nix::errno::Errno;
use nix::unistd::symlinkat;

use super::in_root::Root;
use super::tty::Terminal;
use super::{LaunchError, Process, Stdio, UserNamespace, mounts, sys};

/// Harmless devices that every container has.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// What a container has for itself, though the node's directory has it too: its own terminals and memory.
const OWN: [&str; 5] = ["ptmx", "console", "pts", "shm", "mqueue"];

/// Directories below `/dev` that are searched for devices (`input/by-id`); none is deeper on any node known.
const DEPTH_MAX: u32 = 4;

/// Group `tty` on every distribution.
const TTY: u32 = 5;

/// Links that programs expect (Linux Standard Base).
const LINKS: [(&str, &str); 5] = [
    ("ptmx", "pts/ptmx"),
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Makes `/dev`. The container's terminal is opened here, because it belongs to the `devpts` that is mounted here.
pub(super) fn populate(
    root: &Root,
    process: &Process,
    users: Option<&UserNamespace>,
) -> Result<Option<Terminal>, LaunchError> {
    let dev = Path::new("/dev");
    let quiet = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    mounts::place(
        root,
        c"tmpfs",
        &[(c"mode", Some(c"755")), (c"size", Some(c"65536k"))],
        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_STRICTATIME,
        dev,
    )?;
    let tty = users.and_then(|users| users.range().on_node(TTY)).unwrap_or(TTY);
    let tty = CString::new(tty.to_string()).map_err(|_| LaunchError::Nul("a group".to_owned()))?;
    mounts::place(
        root,
        c"devpts",
        &[(c"newinstance", None), (c"ptmxmode", Some(c"0666")), (c"mode", Some(c"0620")), (c"gid", Some(&tty))],
        quiet,
        &dev.join("pts"),
    )?;
    let closed = quiet | MOUNT_ATTR_NODEV;
    let shm: &[_] = &[(c"mode", Some(c"1777")), (c"size", Some(c"65536k"))];
    mounts::place(root, c"tmpfs", shm, closed, &dev.join("shm"))?;
    mounts::place(root, c"mqueue", &[], closed, &dev.join("mqueue"))?;

    let directory = root.make_dir(dev).map_err(LaunchError::system("open /dev"))?;
    for (name, target) in LINKS {
        symlinkat(target, &directory, name).map_err(LaunchError::system(format!("link /dev/{name}")))?;
    }
    if process.security.privileged {
        bind_all(root)?;
    } else {
        DEVICES.iter().try_for_each(|name| bind_device(root, &dev.join(name)))?;
    }
    match process.stdio {
        Stdio::Pipes { .. } => Ok(None),
        Stdio::Terminal => Terminal::of_new_container(root).map(Some),
    }
}

fn bind_device(root: &Root, path: &Path) -> Result<(), LaunchError> {
    let bound = || {
        let device = mounts::clone_mount(path)?;
        let target = root.make_file(path)?;
        sys::move_mount(device.as_fd(), target.as_fd())
    };
    bound().map_err(LaunchError::mount("device", path))
}

/// All device files in the node's `/dev`, for privileged containers.
fn bind_all(root: &Root) -> Result<(), LaunchError> {
    bind_below(root, Path::new("/dev"), DEPTH_MAX)
}

fn bind_below(root: &Root, dir: &Path, depth: u32) -> Result<(), LaunchError> {
    let failed = |error: std::io::Error| LaunchError::system("list the node's devices")(super::error::errno_of(&error));
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        if OWN.iter().any(|own| Path::new("/dev").join(own) == path) {
            continue;
        }
        let bound = match () {
            () if kind.is_dir() && depth > 0 => bind_below(root, &path, depth - 1),
            () if kind.is_char_device() || kind.is_block_device() => bind_device(root, &path),
            () => Ok(()),
        };
        match bound {
            // Hot-unplugged between the listing and now.
            Err(LaunchError::Mount { source: Errno::ENOENT, .. }) => {}
            other => other?,
        }
    }
    Ok(())
}
