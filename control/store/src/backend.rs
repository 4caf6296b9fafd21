//! redb over a file of the seam.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use redb::{Builder, Database, StorageBackend};
use seam::{Disk, File};

#[derive(Debug)]
struct Backend(File);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}

/// A database that is being made, before it has a place.
#[derive(Clone, Debug, Default)]
struct Draft(Arc<Mutex<Vec<u8>>>);

impl Draft {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where in memory a part of the draft lies.
fn range(offset: u64, length: usize) -> io::Result<Range<usize>> {
    let start = usize::try_from(offset).map_err(io::Error::other)?;
    Ok(start..start + length)
}

impl StorageBackend for Draft {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|bytes| bytes.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let range = range(offset, out.len())?;
        self.with(|bytes| bytes.get(range).map(|part| out.copy_from_slice(part)))
            .ok_or(io::ErrorKind::UnexpectedEof.into())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = range(len, 0)?.start;
        self.with(|bytes| bytes.resize(len, 0));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let range = range(offset, data.len())?;
        self.with(|bytes| bytes.get_mut(range).map(|part| part.copy_from_slice(data)))
            .ok_or(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Makes a database with its first content. It is made in memory and put in place as one small file: a power cut half way
/// through redb's own first writes would leave a file that no reader understands, and each of them costs a sync.
pub(crate) fn create(disk: &Disk, path: &Path, fill: impl FnOnce(&Database) -> io::Result<()>) -> io::Result<()> {
    let draft = Draft::default();
    let database = Builder::new().create_with_backend(draft.clone()).map_err(other)?;
    fill(&database)?;
    drop(database);
    disk.write_durably(path, &draft.with(std::mem::take))
}

/// Opens a database that was made before, which keeps so many bytes of its pages in memory. Exclusive use is the directory
/// lock's business.
pub(crate) fn open(disk: &Disk, path: &Path, cache: usize) -> io::Result<Database> {
    Builder::new().set_cache_size(cache).create_with_backend(Backend(disk.open(path)?)).map_err(other)
}

/// Any error of redb as the system's error that it is or stands for.
pub(crate) fn other(error: impl Into<redb::Error>) -> io::Error {
    match error.into() {
        redb::Error::Io(error) => error,
        error @ redb::Error::Corrupted(_) => io::Error::new(io::ErrorKind::InvalidData, error),
        error => io::Error::other(error),
    }
}
