//! Removing what a node left when nobody is there to do it in order: after the end of an ephemeral node, or by hand.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::{MntFlags, umount2};

use crate::cgroup::{Group, Hierarchy};
use crate::config::LocalConfig;
use crate::layout::{Layout, PodDir};
use crate::privileges::Privileges;
use crate::protocol::Request;
use crate::wire;

/// How long a shim may take to end with all its containers: its own limit, and some for a loaded machine.
const SHIM_LIMIT: Duration = Duration::from_secs(20);

/// Tries to remove a directory into which a dying process still writes.
const REMOVE_TRIES: u32 = 50;
/// Wait between them: a second in all, far more than a killed process needs to end.
const REMOVE_WAIT: Duration = Duration::from_millis(20);

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Processes that were killed; without root, shims that were ended with all that they had started.
    pub killed: usize,
    /// Mounts that were detached, the innermost first.
    pub unmounted: Vec<PathBuf>,
    /// Directories that were removed.
    pub directories: Vec<PathBuf>,
}

/// Ends every process of the node's pods, detaches every mount below its directories, and removes cgroups, run directory
/// and writable layers. Images and compiled code stay. Doing it again does nothing.
///
/// The caller must not be in the node's cgroup itself, and no agent may be running on the same directories.
///
/// # Errors
/// The first step that the node refuses; what was done stays done, and a second call goes on from there.
pub fn cleanup(config: &LocalConfig) -> io::Result<Report> {
    let layout = Layout::new(config);
    let killed = match config.privileges {
        Privileges::Root => kill_group(&layout)?,
        Privileges::None => end_shims(&layout)?,
    };
    let mut report = Report { killed, ..Report::default() };
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    for target in mounts_below(&mounts, &[&config.run, &config.state]) {
        match umount2(&target, MntFlags::MNT_DETACH) {
            // Somebody else was quicker.
            Err(nix::errno::Errno::EINVAL | nix::errno::Errno::ENOENT) => {}
            detached => {
                detached?;
                report.unmounted.push(target);
            }
        }
    }
    own_group(config.privileges, &layout)?.remove().map_err(io::Error::other)?;
    for dir in [config.run.clone(), layout.writable_layers()] {
        if remove(&dir)? {
            report.directories.push(dir);
        }
    }
    Ok(report)
}

/// Removes a directory; whether it was there. A process that is just being killed may still finish a write into it, which
/// shows as a directory that fills while it is emptied.
fn remove(dir: &Path) -> io::Result<bool> {
    let mut tries = REMOVE_TRIES;
    loop {
        match std::fs::remove_dir_all(dir) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(tries < REMOVE_TRIES),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && tries > 0 => tries -= 1,
            Err(error) => return Err(error),
        }
        std::thread::sleep(REMOVE_WAIT);
    }
}

fn own_group(privileges: Privileges, layout: &Layout) -> io::Result<Group> {
    Hierarchy::of(privileges).and_then(|hierarchy| hierarchy.group(layout.cgroup_root())).map_err(io::Error::other)
}

fn kill_group(layout: &Layout) -> io::Result<usize> {
    let group = own_group(Privileges::Root, layout)?;
    let killed = group.procs().map_err(io::Error::other)?.len();
    group.kill_all().map_err(io::Error::other)?;
    Ok(killed)
}

/// Asks every shim to end; each takes its workers along.
fn end_shims(layout: &Layout) -> io::Result<usize> {
    let pods = match std::fs::read_dir(layout.pods()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        pods => pods?,
    };
    pods.into_iter().try_fold(0, |ended, pod| Ok(ended + usize::from(end_shim(&PodDir(pod?.path()))?)))
}

/// Whether there was a shim to end.
fn end_shim(pod: &PodDir) -> io::Result<bool> {
    // By way of the directory's descriptor: the address of a Unix socket holds only 108 bytes.
    let held = std::fs::File::open(pod.path())?;
    let socket = format!("/proc/self/fd/{}/{}", held.as_raw_fd(), PodDir::SOCKET);
    let mut shim = match UnixStream::connect(socket) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(false);
        }
        connected => connected?,
    };
    let stubborn = |error: io::Error| {
        io::Error::new(error.kind(), format!("the shim of pod {} does not end: {error}", pod.path().display()))
    };
    shim.set_read_timeout(Some(SHIM_LIMIT))?;
    // One that ends just now hangs up, and that is all that is wanted of it.
    match shim.write_all(&wire::encode(&Request::Shutdown)?).and_then(|()| shim.read_to_end(&mut Vec::new())) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
            Err(stubborn(error))
        }
        Ok(_) | Err(_) => Ok(true),
    }
}

/// Mount points at or below the directories, the latest mount first: what was mounted last covers what was before.
fn mounts_below(mountinfo: &str, dirs: &[&Path]) -> Vec<PathBuf> {
    let target = |line: &str| line.split(' ').nth(4).map(|field| PathBuf::from(unescaped(field)));
    let mut targets: Vec<PathBuf> =
        mountinfo.lines().filter_map(target).filter(|path| dirs.iter().any(|dir| path.starts_with(dir))).collect();
    targets.reverse();
    targets
}

/// `mountinfo` writes space, tab, newline and backslash as three octal digits (proc(5)).
pub(crate) fn unescaped(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (code, meaning)| text.replace(code, meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_below_our_directories_are_found_latest_first() {
        let mountinfo = "22 1 8:1 / / rw - ext4 /dev/vda rw\n\
                         30 22 0:5 / /run/node rw - tmpfs tmpfs rw\n\
                         31 30 0:6 / /run/node/a\\040b rw - tmpfs tmpfs rw\n\
                         32 22 0:7 / /run/node2 rw - tmpfs tmpfs rw\n";
        let found = mounts_below(mountinfo, &[Path::new("/run/node")]);
        assert_eq!(found, [Path::new("/run/node/a b"), Path::new("/run/node")]);
    }
}
