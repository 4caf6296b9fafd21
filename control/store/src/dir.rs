//! The directory of one member: who may open it, and which format it has.

use std::io;
use std::path::{Path, PathBuf};

use seam::Disk;
use seam::disk::Lock;

use crate::error::OpenError;

/// Version of the directory: its files and what they mean together. Each form in them has its own version besides.
const FORMAT: u32 = 1;
/// Oldest directory that this release reads.
const FORMAT_OLDEST: u32 = 1;
const FORMAT_TEXT: &str = "bireme store format ";

/// The checkpoint's file.
pub(crate) const STATE: &str = "state.redb";
/// The log's file.
pub(crate) const LOG: &str = "raft.redb";
const LOCK: &str = "lock";
const FORMAT_FILE: &str = "format";

/// A directory that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct Dir {
    path: PathBuf,
    _lock: Lock,
}

impl Dir {
    /// Takes the directory; makes it when it is missing, and one of the newest format when it is empty.
    pub(crate) fn open(disk: &Disk, path: &Path) -> Result<Self, OpenError> {
        let system = |doing| {
            let dir = path.to_owned();
            move |source| OpenError::System { dir, doing, source }
        };
        disk.create_dir_all(path).map_err(system("make the directory"))?;
        let lock = disk
            .lock(&path.join(LOCK), &format!("{}\n", std::process::id()))
            .map_err(system("take the lock file"))?
            .map_err(|holder| OpenError::InUse { dir: path.to_owned(), pid: holder.trim().parse().ok() })?;
        let format = path.join(FORMAT_FILE);
        match disk.read(&format) {
            Ok(text) => check_format(path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if disk.exists(&path.join(STATE)).map_err(system("look for the checkpoint"))? {
                    let what = format!("it is missing, while {STATE} is there");
                    return Err(OpenError::Damaged { dir: path.to_owned(), file: FORMAT_FILE, what });
                }
                let text = format!("{FORMAT_TEXT}{FORMAT}\n");
                disk.write_durably(&format, text.as_bytes()).map_err(system("write the format file"))?;
            }
            Err(source) => return Err(system("read the format file")(source)),
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// An error of one of its files: damage when the content contradicts itself, else the system's.
    pub(crate) fn error(&self, file: &'static str, doing: &'static str, source: io::Error) -> OpenError {
        let dir = self.path.clone();
        match source.kind() {
            io::ErrorKind::InvalidData => OpenError::Damaged { dir, file, what: source.to_string() },
            _ => OpenError::System { dir, doing, source },
        }
    }
}

fn check_format(path: &Path, text: &[u8]) -> Result<(), OpenError> {
    let text = String::from_utf8_lossy(text);
    let version = text.trim().strip_prefix(FORMAT_TEXT.trim()).and_then(|rest| rest.trim().parse().ok());
    match version {
        Some(FORMAT_OLDEST..=FORMAT) => Ok(()),
        Some(found) => {
            let dir = path.to_owned();
            Err(OpenError::OtherFormat { dir, found, oldest: FORMAT_OLDEST, newest: FORMAT })
        }
        None => {
            let what = format!("it says {text:?}");
            Err(OpenError::Damaged { dir: path.to_owned(), file: FORMAT_FILE, what })
        }
    }
}
