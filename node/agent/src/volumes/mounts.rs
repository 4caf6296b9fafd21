//! Mounts of the agent: tmpfs for secrets and memory volumes, bind mounts for sub-paths.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Mounts a tmpfs of at most that many bytes, unless one is there already; whether it was mounted now. Without the right
/// to mount, the directory stays on disk and a warning says so: Wasm pods of an agent without root still get their volumes.
pub(super) fn tmpfs(path: &Path, limit: Option<u64>) -> io::Result<bool> {
    if is_mount(path)? {
        return Ok(false);
    }
    let options = limit.map(|limit| format!("size={limit},mode=0755")).unwrap_or_else(|| "mode=0755".to_owned());
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    match mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options.as_str())) {
        Ok(()) => Ok(true),
        Err(Errno::EPERM) => {
            tracing::warn!(path = %path.display(), "may not mount tmpfs: the volume stays on disk");
            Ok(false)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Whether something is mounted at that directory.
fn is_mount(path: &Path) -> io::Result<bool> {
    let Some(parent) = path.parent() else { return Ok(true) };
    Ok(fs::symlink_metadata(path)?.dev() != fs::symlink_metadata(parent)?.dev())
}

/// Shows `source` at `target`. Without the right to mount, [`Errno::EPERM`] is the caller's to handle.
pub(super) fn bind(source: &Path, target: &Path) -> nix::Result<()> {
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
}

/// Unmounts everything at and below a path, the innermost first.
pub(super) fn unmount_below(path: &Path) -> io::Result<()> {
    // What is mounted is named by its real path.
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let table = fs::read("/proc/self/mountinfo")?;
    for target in below(&table, &real).iter().rev() {
        match umount2(target.as_path(), MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(errno) => {
                return Err(io::Error::new(
                    io::Error::from(errno).kind(),
                    format!("unmount {}: {errno}", target.display()),
                ));
            }
        }
    }
    Ok(())
}

/// The mount points at and below a path, in the order in which they were mounted.
fn below(table: &[u8], path: &Path) -> Vec<PathBuf> {
    let point = |line: &[u8]| {
        let field = line.split(|&byte| byte == b' ').nth(4)?;
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(&unescape(field))))
    };
    table.split(|&byte| byte == b'\n').filter_map(point).filter(|point| point.starts_with(path)).collect()
}

/// The kernel writes spaces and the like as `\040`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let octal = |digits: &[u8]| {
            digits.iter().try_fold(0_u8, |n, d| n.checked_mul(8)?.checked_add(d.checked_sub(b'0').filter(|d| *d < 8)?))
        };
        match (first, tail.get(..3).and_then(octal)) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_mounted_below() {
        let table = b"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /p/a\\040b rw - tmpfs t rw\n3 1 0:2 / /p/a\\040b/c rw - tmpfs t rw\n4 1 0:2 / /px rw - tmpfs t rw\n";
        assert_eq!(below(table, Path::new("/p")), [PathBuf::from("/p/a b"), PathBuf::from("/p/a b/c")]);
    }
}
