//! The only reader and writer of control group files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use super::CgroupError;

/// No control file that is read here comes near this; `cgroup.procs` of 100,000 processes has 700 KiB.
const FILE_MAX: u64 = 4 << 20;

pub(super) fn read(path: &Path) -> Result<String, CgroupError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_MAX).read_to_string(&mut text))
        .map_err(|source| CgroupError::io("read", path, source))?;
    Ok(text)
}

/// One value in one write, as the kernel wants it.
pub(super) fn write(path: &Path, value: &str) -> Result<(), CgroupError> {
    raw_write(path, value).map_err(|source| CgroupError::io(format!("write {value:?} to"), path, source))
}

/// As [`write`]; a missing file counts as done.
pub(super) fn write_if_present(path: &Path, value: &str) -> Result<(), CgroupError> {
    match raw_write(path, value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|source| CgroupError::io(format!("write {value:?} to"), path, source)),
    }
}

fn raw_write(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

/// The value of `key` in a flat keyed file (`key value` lines).
pub(super) fn keyed(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

/// Names of the directories inside a directory; none when it is gone.
pub(super) fn children(dir: &Path) -> Result<Vec<std::path::PathBuf>, CgroupError> {
    let failed = |source| CgroupError::io("list", dir, source);
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
