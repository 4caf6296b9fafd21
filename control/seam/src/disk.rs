//! Files: positional reads and writes, and a sync that means it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use crate::sim::disk::{SimDisk, SimFile, SimLock};

/// A disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct Disk(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Real,
    Simulated(SimDisk),
}

/// An open file. Clones are the same open file.
#[derive(Clone, Debug)]
pub struct File(Open);

#[derive(Clone, Debug)]
enum Open {
    Real(Arc<fs::File>),
    Simulated(SimFile),
}

/// A held lock file; dropping it, or the end of the process, gives it back.
#[derive(Debug)]
pub struct Lock {
    _held: Held,
}

#[derive(Debug)]
#[allow(dead_code, reason = "held for their destructors")]
enum Held {
    Real(fs::File),
    Simulated(SimLock),
}

/// Files are readable by their owner alone: the store holds secrets.
const MODE: u32 = 0o600;

impl Disk {
    /// The system's files.
    #[must_use]
    pub fn real() -> Self {
        Self(Kind::Real)
    }

    pub(crate) fn simulated(disk: SimDisk) -> Self {
        Self(Kind::Simulated(disk))
    }

    /// Makes a directory and those above it. A directory that exists is fine. New directories are closed to others.
    ///
    /// # Errors
    /// What the system says.
    pub fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        match &self.0 {
            Kind::Real => fs::DirBuilder::new().recursive(true).mode(0o700).create(dir),
            Kind::Simulated(_) => Ok(()),
        }
    }

    /// Whether a file of that name exists.
    ///
    /// # Errors
    /// What the system says.
    pub fn exists(&self, path: &Path) -> io::Result<bool> {
        match &self.0 {
            Kind::Real => fs::exists(path),
            Kind::Simulated(disk) => disk.exists(path),
        }
    }

    /// Opens a file to read and write; makes it when it is missing.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        Ok(File(match &self.0 {
            Kind::Real => {
                let mut options = fs::OpenOptions::new();
                let file = options.read(true).write(true).create(true).truncate(false).mode(MODE).open(path)?;
                Open::Real(Arc::new(file))
            }
            Kind::Simulated(disk) => Open::Simulated(disk.open(path)?),
        }))
    }

    /// The whole file.
    ///
    /// # Errors
    /// What the system says; `NotFound` when there is none.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match &self.0 {
            Kind::Real => fs::read(path),
            Kind::Simulated(disk) => disk.read(path),
        }
    }

    /// Puts a whole small file in place durably: written beside, synced, renamed, and its directory synced.
    ///
    /// # Errors
    /// What the system says; the old content, if any, is then still there.
    pub fn write_durably(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let beside = path.with_extension("new");
        let file = self.open(&beside)?;
        file.set_len(0)?;
        file.write_at(0, content)?;
        file.sync()?;
        self.rename(&beside, path)?;
        self.sync_dir(path.parent().unwrap_or(Path::new(".")))
    }

    /// Renames a file, replacing the target. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// What the system says.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match &self.0 {
            Kind::Real => fs::rename(from, to),
            Kind::Simulated(disk) => disk.rename(from, to),
        }
    }

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        match &self.0 {
            Kind::Real => fs::File::open(dir)?.sync_all(),
            Kind::Simulated(disk) => disk.sync_dir(),
        }
    }

    /// Takes a lock file, made when it is missing, and writes `content` into it. When somebody holds it already, returns what
    /// that one wrote.
    ///
    /// # Errors
    /// What the system says.
    pub fn lock(&self, path: &Path, content: &str) -> io::Result<Result<Lock, String>> {
        match &self.0 {
            Kind::Real => {
                let mut options = fs::OpenOptions::new();
                let mut file = options.read(true).write(true).create(true).truncate(false).mode(MODE).open(path)?;
                match file.try_lock() {
                    Ok(()) => {
                        file.set_len(0)?;
                        file.write_all(content.as_bytes())?;
                        Ok(Ok(Lock { _held: Held::Real(file) }))
                    }
                    Err(fs::TryLockError::WouldBlock) => {
                        let mut holder = String::new();
                        file.read_to_string(&mut holder)?;
                        Ok(Err(holder))
                    }
                    Err(fs::TryLockError::Error(error)) => Err(error),
                }
            }
            Kind::Simulated(disk) => Ok(disk.lock(path, content).map(|held| Lock { _held: Held::Simulated(held) })),
        }
    }
}

impl File {
    /// Length, in bytes.
    ///
    /// # Errors
    /// What the system says.
    pub fn len(&self) -> io::Result<u64> {
        match &self.0 {
            Open::Real(file) => Ok(file.metadata()?.len()),
            Open::Simulated(file) => file.len(),
        }
    }

    /// Whether the file has no byte.
    ///
    /// # Errors
    /// What the system says.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `out` from that offset on.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond the end; else what the system says.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &self.0 {
            Open::Real(file) => file.read_exact_at(out, offset),
            Open::Simulated(file) => file.read_at(offset, out),
        }
    }

    /// Writes all of `data` at that offset; the file grows as needed.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match &self.0 {
            Open::Real(file) => file.write_all_at(data, offset),
            Open::Simulated(file) => file.write_at(offset, data),
        }
    }

    /// Cuts the file, or makes it longer with zeros.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        match &self.0 {
            Open::Real(file) => file.set_len(len),
            Open::Simulated(file) => file.set_len(len),
        }
    }

    /// Returns when everything written is durable. After an error nothing is known about what was written since the last
    /// success, and trying again proves nothing.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        match &self.0 {
            Open::Real(file) => file.sync_data(),
            Open::Simulated(file) => file.sync(),
        }
    }
}
