//! The log in a redb file: one transaction, one sync, per batch.

use std::io;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use seam::Disk;

use super::{Log, LogChange, LogImage};
use crate::backend::{self, other};
use crate::format::{self, LOG_META};

/// Pages of the file that stay in memory, in bytes: it is appended to and purged, and read only at start.
const CACHE_BYTES: usize = 4 << 20;

const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const BALLOT: &str = "ballot";
const COMMITTED: &str = "committed";
const PURGED: &str = "purged";

/// See the module.
#[derive(Debug)]
pub(crate) struct RedbLog {
    database: Database,
}

impl RedbLog {
    /// Opens the log, made when it is missing, and reads all of it: it is short, see the purge.
    pub(crate) fn open(disk: &Disk, path: &Path) -> io::Result<(Self, LogImage)> {
        if !disk.exists(path)? {
            backend::create(disk, path, |database| {
                let transaction = database.begin_write().map_err(other)?;
                drop(transaction.open_table(ENTRIES).map_err(other)?);
                drop(transaction.open_table(META).map_err(other)?);
                transaction.commit().map_err(other)
            })?;
        }
        let log = Self { database: backend::open(disk, path, CACHE_BYTES)? };
        let image = log.read()?;
        Ok((log, image))
    }

    fn read(&self) -> io::Result<LogImage> {
        let transaction = self.database.begin_read().map_err(other)?;
        let entries = transaction.open_table(ENTRIES).map_err(other)?;
        let meta = transaction.open_table(META).map_err(other)?;
        let mut image = LogImage::default();
        for entry in entries.iter().map_err(other)? {
            let (index, sealed) = entry.map_err(other)?;
            image.entries.insert(index.value(), sealed.value().to_vec().into());
        }
        if let Some(sealed) = meta.get(BALLOT).map_err(other)? {
            image.ballot = format::unseal(LOG_META, sealed.value())?;
        }
        if let Some(sealed) = meta.get(COMMITTED).map_err(other)? {
            image.committed = format::unseal(LOG_META, sealed.value())?;
        }
        if let Some(sealed) = meta.get(PURGED).map_err(other)? {
            image.purged = Some(format::unseal(LOG_META, sealed.value())?);
        }
        Ok(image)
    }
}

impl Log for RedbLog {
    fn write(&mut self, changes: &[LogChange]) -> io::Result<()> {
        let transaction = self.database.begin_write().map_err(other)?;
        {
            let mut entries = transaction.open_table(ENTRIES).map_err(other)?;
            let mut meta = transaction.open_table(META).map_err(other)?;
            for change in changes {
                match change {
                    LogChange::Append { index, sealed } => {
                        entries.insert(index, &**sealed).map_err(other)?;
                    }
                    LogChange::Truncate { from } => entries.retain_in::<u64, _>(from.., |_, _| false).map_err(other)?,
                    LogChange::Purge { up_to } => {
                        entries.retain_in::<u64, _>(..=up_to.index, |_, _| false).map_err(other)?;
                        meta.insert(PURGED, &*format::seal(LOG_META, up_to)?).map_err(other)?;
                    }
                    LogChange::Vote(ballot) => {
                        meta.insert(BALLOT, &*format::seal(LOG_META, &Some(ballot))?).map_err(other)?;
                    }
                    LogChange::Committed(position) => {
                        meta.insert(COMMITTED, &*format::seal(LOG_META, position)?).map_err(other)?;
                    }
                }
            }
        }
        transaction.commit().map_err(other)
    }
}
