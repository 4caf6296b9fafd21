//! The replicated log on disk: what it takes, and what it gives back after a restart.

mod redb;
mod store;

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;

use crate::format::{Ballot, Position};

pub(crate) use redb::RedbLog;
pub(crate) use store::{LogReader, LogStore};

/// One change of the log. Changes become durable in the order given; votes stand in the same order as entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogChange {
    /// Adds a sealed entry at the end.
    Append { index: u64, sealed: Bytes },
    /// Removes entries from that index on.
    Truncate { from: u64 },
    /// Removes entries up to that one.
    Purge { up_to: Position },
    /// Remembers a vote.
    Vote(Ballot),
    /// Remembers how far the cluster had committed. A hint: losing it costs nothing but time.
    Committed(Option<Position>),
}

/// All that the log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogImage {
    pub(crate) entries: BTreeMap<u64, Bytes>,
    pub(crate) ballot: Option<Ballot>,
    pub(crate) committed: Option<Position>,
    pub(crate) purged: Option<Position>,
}

/// A log on disk. Blocks; runs on a worker.
pub(crate) trait Log: Send + 'static {
    /// Makes all changes durable together: when it returns, they are.
    ///
    /// # Errors
    /// What the disk says. After an error the log must not be written again: nobody knows what it holds.
    fn write(&mut self, changes: &[LogChange]) -> io::Result<()>;
}
