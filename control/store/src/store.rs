//! The handle to the store.

mod open;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::meta::{Epoch, Revision};
use api::verbs::TooOld;
use api::view::{Event, View};
use openraft::error::{ClientWriteError, RaftError};
use seam::{Seam, Task, Worker};
use tokio::sync::{Semaphore, watch};

use crate::barrier::Barrier;
use crate::checkpoint::Request;
use crate::command::{Applied, Command, RequestId};
use crate::dir::Dir;
use crate::error::{CloseError, OpenError, ProposeError, RETRY_AFTER};
use crate::figures::Figures;
use crate::raft::{Outcome, Proposal, Raft};
use crate::truth::Truth;

/// Where the store lives and how much it keeps.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Directory of this member; made when it is missing.
    pub dir: PathBuf,
    /// Where other members reach this one; unused while it is alone.
    pub address: String,
    /// Watch history, in bytes of memory, at most. All members must trim alike, so the first start decides this limit and the
    /// two below; later starts keep what was decided.
    pub history_bytes: u64,
    /// Watch history, in events, at most.
    pub history_events: u64,
    /// Requests whose retry is recognised, at most.
    pub requests: u64,
}

impl StoreConfig {
    /// The defaults: 256 MiB and 1,000,000 events of history; 65,536 requests, which is seconds of the highest write rate.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, address: String::new(), history_bytes: 256 << 20, history_events: 1_000_000, requests: 65_536 }
    }
}

/// Longest command, in bytes: ten objects of the longest kind, or a batch of bindings of a thousand large pods.
const COMMAND_BYTES_MAX: usize = 16 << 20;

/// Commands proposed and not yet answered, at most; further ones wait. Bounds the memory of the log's queues.
const IN_FLIGHT_MAX: usize = 4_096;

/// Events that one call of [`Store::events`] returns, about: it keeps revisions whole.
const EVENTS_MAX: usize = 4_096;

/// How long openraft and the disk may take to end.
const CLOSE_MAX: Duration = Duration::from_secs(10);

/// Handle to one member's store. Cheap to clone; the store runs until [`Store::close`], or until the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Store {
    member: Arc<Running>,
}

/// What runs.
struct Running {
    seam: Seam,
    truth: Arc<Truth>,
    raft: Raft,
    barrier: Barrier,
    leadership: watch::Sender<Option<Epoch>>,
    in_flight: Semaphore,
    figures: Figures,
    tasks: Vec<Task>,
    /// Taken by whoever closes.
    disk: Mutex<Option<OnDisk>>,
}

/// What holds the directory.
struct OnDisk {
    checkpoint: Worker<Option<Request>>,
    log_ended: futures::future::BoxFuture<'static, ()>,
    dir: Dir,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("view", &self.truth.view()).finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(Task::abort);
    }
}

impl Store {
    /// Opens the store in its directory, made when missing. Returns when this member has recovered all it had and, alone in its
    /// cluster, leads.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(config: StoreConfig, seam: Seam) -> Result<Self, OpenError> {
        open::open(config, seam).await
    }

    /// The newest applied state.
    #[must_use]
    pub fn view(&self) -> View {
        self.member.truth.view()
    }

    /// The state at exactly that revision, while it is recent enough: for the next page of a list.
    #[must_use]
    pub fn view_at(&self, revision: Revision) -> Option<View> {
        self.member.truth.view_at(revision)
    }

    /// Writes a command; returns when it is durable on a majority and applied here. Dropping the future does not take the
    /// command back; propose it again with the same request id to learn what became of it.
    ///
    /// # Errors
    /// See [`ProposeError`].
    pub async fn propose(&self, command: Command) -> Result<Applied, ProposeError> {
        let begun = self.member.seam.moment();
        let pending = self.member.figures.begin();
        let outcome = self.propose_unmeasured(command).await;
        pending.end(&outcome, self.member.seam.moment().since(begun));
        outcome
    }

    async fn propose_unmeasured(&self, command: Command) -> Result<Applied, ProposeError> {
        let proposal = Proposal::new(command).map_err(|error| ProposeError::Stopped { why: error.to_string() })?;
        let bytes = proposal.encoded.len();
        if bytes > COMMAND_BYTES_MAX {
            return Err(ProposeError::TooLarge { bytes, max: COMMAND_BYTES_MAX });
        }
        let Ok(_slot) = self.member.in_flight.acquire().await else { return Err(closed()) };
        match Box::pin(self.member.raft.client_write(proposal)).await {
            Ok(response) => match response.data {
                Outcome::Command(outcome) => Ok(outcome?),
                Outcome::NoCommand => Err(ProposeError::Stopped { why: "a command was applied as none".to_owned() }),
            },
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_) | ClientWriteError::LogEntryDiscarded(_))) => {
                Err(ProposeError::Unavailable { retry_after: RETRY_AFTER })
            }
            Err(error) => Err(self.stopped(&error)),
        }
    }

    fn stopped(&self, error: &dyn std::error::Error) -> ProposeError {
        ProposeError::Stopped { why: self.member.truth.failure().unwrap_or_else(|| error.to_string()) }
    }

    /// Waits until something happened after `after`, then returns what did, oldest first, whole revisions, a bounded batch.
    ///
    /// # Errors
    /// When `after` is older than the history kept.
    pub async fn events(&self, after: Revision) -> Result<Vec<Event>, TooOld> {
        let mut newest = self.subscribe();
        loop {
            let events = self.member.truth.events(after, EVENTS_MAX)?;
            if !events.is_empty() || newest.wait_for(|newest| *newest > after).await.is_err() {
                return Ok(events);
            }
        }
    }

    /// The newest applied revision, as it moves.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Revision> {
        self.member.truth.subscribe()
    }

    /// `Some` while this member leads and has applied all that earlier leaders committed.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Option<Epoch>> {
        self.member.leadership.subscribe()
    }

    /// Waits until this member has applied everything that was acknowledged anywhere before the call: after it, [`Store::view`]
    /// is a linearizable read.
    ///
    /// # Errors
    /// [`ProposeError::Unavailable`] while there is no leader, [`ProposeError::Stopped`] at the end.
    pub async fn read_barrier(&self) -> Result<(), ProposeError> {
        self.member.barrier.pass(&self.member.seam, &self.member.raft).await
    }

    /// Why this member cannot go on, when it cannot: its disk refuses what it must write.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.member.truth.failure()
    }

    /// An id for one request and all its retries.
    #[must_use]
    pub fn new_request_id(&self) -> RequestId {
        RequestId(self.member.seam.random().u128())
    }

    /// Ends this member cleanly, with all of it in the checkpoint, and gives its directory back. Other handles find the store
    /// stopped; closing a second time does nothing.
    ///
    /// # Errors
    /// See [`CloseError`].
    pub async fn close(self) -> Result<(), CloseError> {
        let member = &*self.member;
        let disk = member.disk.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(OnDisk { checkpoint, log_ended, dir }) = disk else { return Ok(()) };
        member.in_flight.close();
        for task in &member.tasks {
            task.abort();
            task.ended().await;
        }
        let error = |doing, source| CloseError { doing, source };
        member.raft.shutdown().await.map_err(|gone| error("stop the replicated log", std::io::Error::other(gone)))?;
        member.leadership.send_replace(None);
        let (request, answer) = tokio::sync::oneshot::channel();
        let last = "write the last checkpoint";
        checkpoint.send(Some(request)).await.map_err(|ended| error(last, std::io::Error::other(ended)))?;
        let written = answer.await.map_err(|gone| error(last, std::io::Error::other(gone)))?;
        let ended = async {
            checkpoint.finish().await;
            log_ended.await;
        };
        let late =
            |late| error("wait for the disk's threads to end", std::io::Error::new(std::io::ErrorKind::TimedOut, late));
        member.seam.timeout(CLOSE_MAX, ended).await.map_err(late)?;
        drop(dir);
        drop(written.map_err(|source| error(last, source))?);
        Ok(())
    }
}

fn closed() -> ProposeError {
    ProposeError::Stopped { why: "it was closed".to_owned() }
}

#[cfg(test)]
mod tests;
