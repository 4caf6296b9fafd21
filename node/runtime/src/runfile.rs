//! Run files: small versioned JSON files by which a later agent learns what an earlier one, or a shim, did.
//!
//! A file holds `{"version": n, "body": …}`. It is written whole to a neighbour and renamed, so that a reader sees the old
//! text or the new one. What tells of processes is not synced: it outlives every process that is killed, and when the
//! machine loses power the processes are gone with it (an agent removes what it cannot read). What tells of files is synced.
//!
//! This release writes version 1 and reads version 1; a release that writes n must read n, n-1 and n-2, because shims of the
//! two previous releases may still be running.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version that this release writes.
pub const VERSION: u32 = 1;
/// The oldest version that this release reads.
pub const OLDEST: u32 = 1;
/// Largest run file that is read: a sandbox's hosts and resolver lines are its largest part.
const SIZE_LIMIT: u64 = 4 << 20;

/// Why a run file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RunFileError {
    /// The file system refused.
    #[error("{verb} run file {}", path.display())]
    Io {
        /// `read` or `write`.
        verb: &'static str,
        /// Which file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// It is not what we write.
    #[error("run file {} is damaged", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },
    /// It is of a release that this one does not read.
    #[error("run file {} has version {version}; this release reads {OLDEST} to {VERSION}", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    body: &'a T,
}

#[derive(Deserialize)]
struct Stored {
    version: u32,
    body: serde_json::Value,
}

/// What a run file has to outlive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlives {
    Processes,
    PowerCuts,
}

/// Writes a run file about processes, replacing an earlier one in one step. A power cut may damage it.
///
/// # Errors
/// [`RunFileError::Io`], [`RunFileError::Damaged`] when the value has no JSON form.
pub fn write<T: Serialize>(path: &Path, body: &T) -> Result<(), RunFileError> {
    replace(path, body, Outlives::Processes)
}

/// Writes a run file about files, replacing an earlier one in one step. A power cut leaves the old text or the new one.
///
/// # Errors
/// As [`write`].
pub fn write_durably<T: Serialize>(path: &Path, body: &T) -> Result<(), RunFileError> {
    replace(path, body, Outlives::PowerCuts)
}

fn replace<T: Serialize>(path: &Path, body: &T, outlives: Outlives) -> Result<(), RunFileError> {
    let text = serde_json::to_vec(&Written { version: VERSION, body })
        .map_err(|source| RunFileError::Damaged { path: path.to_owned(), source })?;
    let rename = || {
        let neighbour = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&neighbour)?;
        file.write_all(&text)?;
        if outlives == Outlives::PowerCuts {
            file.sync_all()?;
        }
        std::fs::rename(&neighbour, path)
    };
    rename().map_err(|source| RunFileError::Io { verb: "write", path: path.to_owned(), source })
}

/// Reads a run file; `None` when there is none.
///
/// # Errors
/// [`RunFileError`].
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RunFileError> {
    let io_error = |source| RunFileError::Io { verb: "read", path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(error)),
    };
    let mut text = Vec::new();
    let _read = file.take(SIZE_LIMIT).read_to_end(&mut text).map_err(io_error)?;
    let damaged = |source| RunFileError::Damaged { path: path.to_owned(), source };
    let stored: Stored = serde_json::from_slice(&text).map_err(damaged)?;
    if !(OLDEST..=VERSION).contains(&stored.version) {
        return Err(RunFileError::Version { path: path.to_owned(), version: stored.version });
    }
    serde_json::from_value(stored.body).map(Some).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_file_is_replaced_whole_and_refused_when_newer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("exit.json");
        assert_eq!(read::<String>(&path).unwrap(), None);
        write(&path, &"first").unwrap();
        write(&path, &"second").unwrap();
        assert_eq!(read::<String>(&path).unwrap().as_deref(), Some("second"));

        std::fs::write(&path, r#"{"version": 2, "body": "third"}"#).unwrap();
        let refused = read::<String>(&path).unwrap_err().to_string();
        assert!(refused.ends_with("has version 2; this release reads 1 to 1"), "{refused}");
    }
}
