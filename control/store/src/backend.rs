//! redb over a file of the seam.

use std::io;
use std::path::Path;

use redb::{Builder, Database, StorageBackend};
use seam::{Disk, File};

/// Pages that one database keeps in memory, in bytes: what is hot is in our own memory already.
const CACHE_BYTES: usize = 16 << 20;

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

/// Opens a database, made when it is missing. Exclusive use is the directory lock's business.
pub(crate) fn open(disk: &Disk, path: &Path) -> io::Result<Database> {
    if !disk.exists(path)? {
        create(disk, path)?;
    }
    open_at(disk, path)
}

/// Makes an empty database beside its place and renames it: a power cut half way leaves a file that no reader understands.
fn create(disk: &Disk, path: &Path) -> io::Result<()> {
    let beside = path.with_extension("new");
    disk.open(&beside)?.set_len(0)?;
    drop(open_at(disk, &beside)?);
    disk.rename(&beside, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new(".")))
}

fn open_at(disk: &Disk, path: &Path) -> io::Result<Database> {
    Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(Backend(disk.open(path)?)).map_err(other)
}

/// Any error of redb as the system's error that it is or stands for.
pub(crate) fn other(error: impl Into<redb::Error>) -> io::Error {
    match error.into() {
        redb::Error::Io(error) => error,
        error @ redb::Error::Corrupted(_) => io::Error::new(io::ErrorKind::InvalidData, error),
        error => io::Error::other(error),
    }
}
