//! Reading a checkpoint back into memory.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ::redb::{ReadTransaction, ReadableDatabase, ReadableTable};
use api::meta::{Key, Revision};
use api::record::Record;
use api::view::{Event, View};
use seam::Disk;

use super::{CACHE_BYTES, Checkpoint, HISTORY, META, OBJECTS, REQUESTS, SUMMARY};
use crate::backend::{self, other};
use crate::command::RequestId;
use crate::format::{self, StoredPast, StoredRecord, StoredRequest, Summary};
use crate::history::History;
use crate::machine::State;
use crate::requests::Requests;
use crate::truth::Image;

impl Checkpoint {
    /// Opens the file and reads all of it.
    ///
    /// # Errors
    /// What the disk says; `InvalidData` when the file contradicts itself.
    pub(crate) fn open(disk: &Disk, path: &Path) -> io::Result<(Self, Image)> {
        let database = backend::open(disk, path, CACHE_BYTES)?;
        let transaction = database.begin_read().map_err(other)?;
        let summary = read_summary(&transaction)?;
        let mut view = read_objects(&transaction)?;
        view.advance(summary.revision);
        let events = read_history(&transaction, &view)?;
        let requests = read_requests(&transaction, &summary)?;
        drop(transaction);
        let state = State {
            history: History::restore(summary.history_limits, summary.history_floor, events),
            view,
            epoch: summary.epoch,
            requests,
        };
        let image = Image { applied: summary.applied, members: summary.members.clone(), state };
        let requests_next = image.state.requests.next();
        Ok((Self { database, summary, requests_next }, image))
    }
}

fn read_summary(transaction: &ReadTransaction) -> io::Result<Summary> {
    let meta = transaction.open_table(META).map_err(other)?;
    let missing = || io::Error::new(io::ErrorKind::InvalidData, "a checkpoint without its summary");
    let sealed = meta.get(SUMMARY).map_err(other)?.ok_or_else(missing)?;
    Ok(format::unseal(format::SUMMARY, sealed.value())?)
}

fn read_objects(transaction: &ReadTransaction) -> io::Result<View> {
    let mut view = View::new();
    for row in transaction.open_table(OBJECTS).map_err(other)?.iter().map_err(other)? {
        let (key, sealed) = row.map_err(other)?;
        let key = Key::parse(key.value()).map_err(invalid)?;
        let record: StoredRecord = format::unseal(format::RECORD, sealed.value())?;
        view.put(Arc::new(record.into_record(key)?));
    }
    Ok(view)
}

/// Undoes the objects from the newest event back: the state after an event is the state before the next one of that object.
fn read_history(transaction: &ReadTransaction, newest: &View) -> io::Result<Vec<Event>> {
    let mut undone: BTreeMap<Key, Option<Arc<Record>>> = BTreeMap::new();
    let mut events = Vec::new();
    for row in transaction.open_table(HISTORY).map_err(other)?.iter().map_err(other)?.rev() {
        let (place, sealed) = row.map_err(other)?;
        let StoredPast { key, before } = format::unseal(format::PAST, sealed.value())?;
        let before = before.map(|stored| stored.into_record(key.clone())).transpose()?.map(Arc::new);
        let after = match undone.get(&key) {
            Some(after) => after.clone(),
            None => newest.get(&key).cloned(),
        };
        undone.insert(key, before.clone());
        events.push(Event { revision: Revision(place.value().0), before, after });
    }
    events.reverse();
    Ok(events)
}

fn read_requests(transaction: &ReadTransaction, summary: &Summary) -> io::Result<Requests> {
    let mut requests = Requests::new(summary.requests_max, summary.requests_forgotten);
    for row in transaction.open_table(REQUESTS).map_err(other)?.iter().map_err(other)? {
        let (_, sealed) = row.map_err(other)?;
        let StoredRequest { request, revision } = format::unseal(format::REQUEST, sealed.value())?;
        requests.push(RequestId(request), revision);
    }
    Ok(requests)
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
