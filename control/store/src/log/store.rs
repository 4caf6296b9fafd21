//! The log as openraft sees it: readable at once from memory, durable through one writer.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, PoisonError, RwLock};

use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};
use seam::{Seam, Worker};
use tokio::sync::oneshot;

use super::{Log, LogChange, LogImage};
use crate::format::Position;
use crate::raft::{Entry, LogId, Types, Vote, decode_entry, encode_entry};

/// Changes that wait for the writer, at most; the core waits beyond, and with it whoever proposes. Enough for one batch of all
/// proposals in flight.
const QUEUE_MAX: usize = 1_024;

/// Bytes of entries that one replication message carries, about.
const MESSAGE_BYTES: usize = 1 << 20;

/// What to do when changes are durable, or will never be.
type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

struct Work {
    changes: Vec<LogChange>,
    done: Done,
}

/// What the log holds, in memory. It is short: see the purge in `store`.
#[derive(Debug, Default)]
struct Cache {
    entries: BTreeMap<u64, Entry>,
    bytes: u64,
    vote: Option<Vote>,
    purged: Option<LogId>,
}

/// Read access to the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogReader {
    cache: Arc<RwLock<Cache>>,
}

/// The log of one member.
pub(crate) struct LogStore {
    reader: LogReader,
    worker: Worker<Work>,
    committed: Option<LogId>,
    /// A newer `committed` that rides on the next append.
    hint: Option<Option<Position>>,
}

impl LogStore {
    /// Starts the writer of a log that holds the image.
    pub(crate) fn start<L: Log>(seam: &Seam, mut log: L, image: &LogImage) -> io::Result<Self> {
        let mut cache = Cache { vote: image.ballot.map(Vote::from), ..Cache::default() };
        cache.purged = image.purged.map(LogId::from);
        for sealed in image.entries.values() {
            cache.push(decode_entry(sealed)?);
        }
        let mut failed: Option<String> = None;
        let worker = seam.worker("log", QUEUE_MAX, move |batch: Vec<Work>| write(&mut log, &mut failed, batch))?;
        let committed = image.committed.map(LogId::from);
        Ok(Self { reader: LogReader { cache: Arc::new(RwLock::new(cache)) }, worker, committed, hint: None })
    }

    /// Read access that outlives this handle and does not keep the writer alive.
    pub(crate) fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    /// Waits for the writer's end.
    pub(crate) fn writer(&self) -> impl Future<Output = ()> + Send + 'static {
        self.worker.ended()
    }

    async fn queue(&self, changes: Vec<LogChange>, done: Done) -> io::Result<()> {
        self.worker.send(Work { changes, done }).await.map_err(io::Error::other)
    }

    /// Queues changes and waits until they are durable.
    async fn write(&self, changes: Vec<LogChange>) -> io::Result<()> {
        let (durable, wait) = oneshot::channel();
        let done: Done = Box::new(move |result| {
            if durable.send(result).is_err() {
                tracing::debug!("nobody waits for a change of the log any more");
            }
        });
        self.queue(changes, done).await?;
        wait.await.map_err(io::Error::other)?
    }
}

/// Makes a batch durable with one sync. After the first failure nothing is tried again: what the disk holds is unknown then.
fn write<L: Log>(log: &mut L, failed: &mut Option<String>, batch: Vec<Work>) {
    let (changes, dones): (Vec<_>, Vec<_>) = batch.into_iter().map(|work| (work.changes, work.done)).unzip();
    if failed.is_none()
        && let Err(error) = log.write(&changes.concat())
    {
        tracing::error!(%error, "the log cannot be written; this member stops");
        *failed = Some(error.to_string());
    }
    for done in dones {
        done(match failed {
            None => Ok(()),
            Some(why) => Err(io::Error::other(why.clone())),
        });
    }
}

impl Cache {
    fn push(&mut self, entry: Entry) {
        self.bytes += size(&entry) as u64;
        self.entries.insert(entry.log_id.index, entry);
    }
}

impl LogReader {
    fn read<T>(&self, read: impl FnOnce(&Cache) -> T) -> T {
        read(&self.cache.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Cache) -> T) -> T {
        change(&mut self.cache.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes and number of the entries kept.
    pub(crate) fn size(&self) -> (u64, usize) {
        self.read(|cache| (cache.bytes, cache.entries.len()))
    }

    /// The last entry that can go when about that many bytes of the newest entries stay.
    pub(crate) fn last_before_newest(&self, mut bytes: u64) -> Option<u64> {
        self.read(|cache| {
            let mut newest = cache.entries.iter().rev();
            newest.find_map(|(index, entry)| {
                let spare = bytes == 0;
                bytes = bytes.saturating_sub(size(entry) as u64);
                spare.then_some(*index)
            })
        })
    }
}

impl RaftLogReader<Types> for LogReader {
    async fn try_get_log_entries<R>(&mut self, range: R) -> io::Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let start = range.start_bound().cloned();
        let end = range.end_bound().cloned();
        let empty = matches!((start, end), (Bound::Included(start), Bound::Excluded(end)) if start >= end);
        if empty {
            return Ok(Vec::new());
        }
        Ok(self.read(|cache| cache.entries.range((start, end)).map(|(_, entry)| entry.clone()).collect()))
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.read(|cache| cache.vote))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        // The first entry goes whatever its size: an empty answer means that there is none.
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let fits = bytes < MESSAGE_BYTES;
            bytes += size(entry);
            fits
        };
        Ok(self
            .read(|cache| cache.entries.range(start..end).map(|(_, entry)| entry).take_while(fits).cloned().collect()))
    }
}

fn size(entry: &Entry) -> usize {
    match &entry.payload {
        openraft::EntryPayload::Normal(proposal) => proposal.encoded.len(),
        openraft::EntryPayload::Blank | openraft::EntryPayload::Membership(_) => 64,
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<R>(&mut self, range: R) -> io::Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.reader.try_get_log_entries(range).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.reader.read_vote().await
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        Ok(self.reader.read(|cache| {
            let last = cache.entries.values().next_back().map(|entry| entry.log_id);
            LogState { last_purged_log_id: cache.purged, last_log_id: last.or(cache.purged) }
        }))
    }

    async fn get_log_reader(&mut self) -> LogReader {
        self.reader.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.reader.change(|cache| cache.vote = Some(*vote));
        self.write(vec![LogChange::Vote(vote.into())]).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.hint = Some(committed.map(Position::from));
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut changes = Vec::new();
        changes.extend(self.hint.take().map(LogChange::Committed));
        for entry in entries {
            let (index, sealed) = (entry.log_id.index, encode_entry(&entry)?);
            self.reader.change(|cache| cache.push(entry));
            changes.push(LogChange::Append { index, sealed });
        }
        self.queue(changes, Box::new(|result| callback.io_completed(result))).await
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let from = last.map_or(0, |last| last.index + 1);
        self.reader.change(|cache| {
            let cut = cache.entries.split_off(&from);
            cache.bytes -= cut.values().map(|entry| size(entry) as u64).sum::<u64>();
        });
        self.write(vec![LogChange::Truncate { from }]).await
    }

    async fn purge(&mut self, up_to: LogId) -> io::Result<()> {
        self.reader.change(|cache| {
            cache.purged = Some(up_to);
            cache.entries = cache.entries.split_off(&(up_to.index + 1));
            cache.bytes = cache.entries.values().map(|entry| size(entry) as u64).sum();
        });
        self.write(vec![LogChange::Purge { up_to: up_to.into() }]).await
    }
}
