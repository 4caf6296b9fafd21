//! Housekeeping: a checkpoint about once a second, and a log that stays short.

use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use seam::{Seam, Worker};

use crate::checkpoint::Request;
use crate::log::LogReader;
use crate::raft::Raft;

/// Time between two checkpoints: what a restart replays at most, beside the 8 MiB after which one is written at once.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

/// A log longer than this is purged, in bytes. The log is in memory, and is read whole at start; as much news asks for a
/// checkpoint anyway.
const LOG_BYTES_MAX: u64 = 8 << 20;

/// A log longer than this is purged, in entries.
const LOG_ENTRIES_MAX: usize = 50_000;

/// Bytes of log that are kept behind the checkpoint, so that a follower that was away for a moment needs no snapshot.
const LOG_BYTES_KEPT: u64 = 2 << 20;

/// Runs until the checkpoint's worker or openraft ends.
pub(crate) async fn keep(seam: Seam, checkpoint: Worker<Option<Request>>, log: LogReader, raft: Raft) {
    loop {
        seam.sleep(CHECKPOINT_INTERVAL).await;
        if checkpoint.send(None).await.is_err() {
            return;
        }
        let (bytes, entries) = log.size();
        if bytes <= LOG_BYTES_MAX && entries <= LOG_ENTRIES_MAX {
            continue;
        }
        if let Err(error) = shorten(&log, &raft).await {
            tracing::debug!(%error, "the log is not purged any more");
            return;
        }
    }
}

/// Purges what the last snapshot, which is a durable checkpoint, covers; and asks for the next one.
async fn shorten(log: &LogReader, raft: &Raft) -> Result<(), String> {
    let covered = raft.metrics().borrow_watched().snapshot.map(|at| at.index);
    let spare = log.last_before_newest(LOG_BYTES_KEPT);
    if let (Some(covered), Some(spare)) = (covered, spare) {
        raft.trigger().purge_log(covered.min(spare)).await.map_err(|fatal| fatal.to_string())?;
    }
    raft.trigger().snapshot().await.map_err(|fatal| fatal.to_string())
}
