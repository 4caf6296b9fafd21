//! The durable checkpoint: what was true at one entry of the log, in one file, committed off the apply path.
//!
//! It holds the newest state of every object, the history as the states before it, the requests, and a summary. It may lag the
//! log by a second; the log is purged only up to it.

mod load;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ::redb::{Database, TableDefinition, WriteTransaction};
use api::meta::Key;
use api::record::Record;
use api::view::Event;
use seam::Disk;
use tokio::sync::oneshot;

use crate::backend::{self, other};
use crate::format::{self, Members, Position, StoredPast, StoredRecord, StoredRequest, Summary};
use crate::truth::{News, Truth, What};

/// Pages of the file that stay in memory, in bytes: inner nodes of its trees; objects are in our own memory already.
const CACHE_BYTES: usize = 16 << 20;

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const HISTORY: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("history");
const REQUESTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("requests");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const SUMMARY: &str = "summary";

/// The file, open.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    database: Database,
    summary: Summary,
    /// Number of the next request to write.
    requests_next: u64,
}

/// What a checkpoint reaches up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    /// The last entry in it.
    pub(crate) applied: Option<Position>,
    /// The members as of that entry.
    pub(crate) members: Members,
}

/// Somebody waits until all that is applied now is durable.
pub(crate) type Request = oneshot::Sender<io::Result<Covered>>;

impl Checkpoint {
    /// Makes a file of a state in which nothing has happened yet, unless there is a file.
    pub(crate) fn create(disk: &Disk, path: &Path, summary: impl FnOnce() -> Summary) -> io::Result<()> {
        if disk.exists(path)? {
            return Ok(());
        }
        backend::create(disk, path, |database| {
            let transaction = database.begin_write().map_err(other)?;
            write_summary(&transaction, &summary())?;
            drop(transaction.open_table(OBJECTS).map_err(other)?);
            drop(transaction.open_table(HISTORY).map_err(other)?);
            drop(transaction.open_table(REQUESTS).map_err(other)?);
            transaction.commit().map_err(other)
        })
    }

    /// What the file says beside its tables.
    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Writes what is new, once, for all who ask. A failure is final: the truth is told, nothing is tried again.
    pub(crate) fn serve(&mut self, truth: &Truth, requests: Vec<Option<Request>>) {
        let result = match truth.failure() {
            Some(why) => Err(why),
            None => self.write(truth).map_err(|error| {
                let why = format!("cannot write the checkpoint: {error}");
                tracing::error!(%error, "the checkpoint cannot be written; this member stops");
                truth.fail(why.clone());
                why
            }),
        };
        for request in requests.into_iter().flatten() {
            let covered = Covered { applied: self.summary.applied, members: self.summary.members.clone() };
            let answer = result.clone().map(|()| covered).map_err(io::Error::other);
            if request.send(answer).is_err() {
                tracing::debug!("nobody waits for a checkpoint any more");
            }
        }
    }

    /// Makes durable what the truth has and the file has not.
    pub(crate) fn write(&mut self, truth: &Truth) -> io::Result<()> {
        match truth.take_news(self.requests_next) {
            Some(news) => self.commit(news),
            None => Ok(()),
        }
    }

    fn commit(&mut self, news: News) -> io::Result<()> {
        let floor_moved = news.history_floor != self.summary.history_floor;
        self.summary = Summary {
            applied: news.applied,
            members: news.members,
            revision: news.revision,
            epoch: news.epoch,
            history_floor: news.history_floor,
            requests_forgotten: news.requests_forgotten,
            ..self.summary.clone()
        };
        let transaction = self.begin()?;
        match &news.what {
            What::Events(events) => {
                write_objects(&transaction, events)?;
                self.write_history(&transaction, events)?;
            }
            What::Everything(view, events) => {
                clear(&transaction)?;
                let mut objects = transaction.open_table(OBJECTS).map_err(other)?;
                for record in view.iter() {
                    put_object(&mut objects, record)?;
                }
                drop(objects);
                self.write_history(&transaction, events)?;
            }
        }
        if floor_moved {
            let mut history = transaction.open_table(HISTORY).map_err(other)?;
            history.retain_in(..=(self.summary.history_floor.0, u32::MAX), |_, _| false).map_err(other)?;
        }
        {
            let mut table = transaction.open_table(REQUESTS).map_err(other)?;
            for (number, request, revision) in &news.requests {
                let stored = StoredRequest { request: request.0, revision: *revision };
                table.insert(number, &*format::seal(format::REQUEST, &stored)?).map_err(other)?;
                self.requests_next = self.requests_next.max(number + 1);
            }
            table.retain_in(..self.summary.requests_forgotten, |_, _| false).map_err(other)?;
        }
        write_summary(&transaction, &self.summary)?;
        transaction.commit().map_err(other)
    }

    /// A transaction after which the file opens at once, even after a power cut.
    fn begin(&self) -> io::Result<WriteTransaction> {
        let mut transaction = self.database.begin_write().map_err(other)?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    fn write_history(&self, transaction: &WriteTransaction, events: &[Event]) -> io::Result<()> {
        let mut history = transaction.open_table(HISTORY).map_err(other)?;
        let mut nth = 0;
        let mut revision = None;
        for event in events.iter().filter(|event| event.revision > self.summary.history_floor) {
            nth = if revision == Some(event.revision) { nth + 1 } else { 0 };
            revision = Some(event.revision);
            let Some(key) = event.key() else { continue };
            let before = event.before.as_deref().map(StoredRecord::new);
            let past = StoredPast { key: key.clone(), before };
            history.insert((event.revision.0, nth), &*format::seal(format::PAST, &past)?).map_err(other)?;
        }
        Ok(())
    }
}

fn write_summary(transaction: &WriteTransaction, summary: &Summary) -> io::Result<()> {
    let mut meta = transaction.open_table(META).map_err(other)?;
    meta.insert(SUMMARY, &*format::seal(format::SUMMARY, summary)?).map_err(other)?;
    Ok(())
}

fn clear(transaction: &WriteTransaction) -> io::Result<()> {
    transaction.open_table(OBJECTS).map_err(other)?.retain(|_, _| false).map_err(other)?;
    transaction.open_table(HISTORY).map_err(other)?.retain(|_, _| false).map_err(other)?;
    transaction.open_table(REQUESTS).map_err(other)?.retain(|_, _| false).map_err(other)
}

/// Writes the last state of every object that the events touch, in key order.
fn write_objects(transaction: &WriteTransaction, events: &[Event]) -> io::Result<()> {
    let last: BTreeMap<&Key, Option<&Arc<Record>>> =
        events.iter().filter_map(|event| Some((event.key()?, event.after.as_ref()))).collect();
    let mut objects = transaction.open_table(OBJECTS).map_err(other)?;
    for (key, record) in last {
        match record {
            Some(record) => put_object(&mut objects, record)?,
            None => drop(objects.remove(key.as_str()).map_err(other)?),
        }
    }
    Ok(())
}

fn put_object(objects: &mut ::redb::Table<'_, &str, &[u8]>, record: &Record) -> io::Result<()> {
    let sealed = format::seal(format::RECORD, &StoredRecord::new(record))?;
    objects.insert(record.key.as_str(), &*sealed).map_err(other)?;
    Ok(())
}

#[cfg(test)]
mod tests;
