//! Removing what a node left when nobody is there to do it in order: after the end of an ephemeral node, or by hand.

use std::io;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, umount2};

use crate::cgroup::Hierarchy;
use crate::config::LocalConfig;
use crate::layout::Layout;

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Processes that were killed.
    pub killed: usize,
    /// Mounts that were detached, the innermost first.
    pub unmounted: Vec<PathBuf>,
    /// Directories that were removed.
    pub directories: Vec<PathBuf>,
}

/// Kills every process in the node's cgroup, detaches every mount below its directories, and removes cgroups, run directory
/// and writable layers. Images and compiled code stay. Doing it again does nothing.
///
/// The caller must not be in the node's cgroup itself, and no agent may be running on the same directories.
///
/// # Errors
/// The first step that the node refuses; what was done stays done, and a second call goes on from there.
pub fn cleanup(config: &LocalConfig) -> io::Result<Report> {
    let layout = Layout::new(config);
    let group = Hierarchy::detect().and_then(|hierarchy| hierarchy.group(layout.cgroup_root())).map_err(io::Error::other)?;
    let mut report = Report { killed: group.procs().map_err(io::Error::other)?.len(), ..Report::default() };
    group.kill_all().map_err(io::Error::other)?;
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
    group.remove().map_err(io::Error::other)?;
    for dir in [config.run.clone(), layout.writable_layers()] {
        match std::fs::remove_dir_all(&dir) {
            Ok(()) => report.directories.push(dir),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(report)
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
fn unescaped(field: &str) -> String {
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
