//! Who watches what, and what each is to be told.
//!
//! One task follows the store. For every batch of events it looks up the groups of watchers that can see one of them (by kind,
//! namespace, name or node, never by asking everybody), writes each event once for each form in which objects are taken, and
//! hands every group one piece of text. A watcher costs nothing while nothing happens that it sees.
//!
//! A group's ring is short. A watcher that falls out of it reads on in the store's history by itself, at its own pace, and
//! holds nobody up; see [`super::follow`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::meta::{Revision, Timestamp};
use api::view::Event;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use seam::{Metrics, Seam};
use store::Store;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::board::{Board, Round};
use super::frame::Form;
use crate::select::Selection;

/// See the module.
#[derive(Debug)]
pub(crate) struct Hub {
    board: Mutex<Board>,
    /// Every group was told everything up to this revision. Moves while the board is locked.
    position: AtomicU64,
    /// Events sent as they happen, by group, version and plural of their kind.
    sent: Family<[(&'static str, Arc<str>); 3], Counter>,
}

/// A watcher's place in its group.
#[derive(Debug)]
pub(super) struct Member {
    hub: Arc<Hub>,
    group: u64,
    pub(super) rounds: broadcast::Receiver<Round>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.hub.lock().leave(self.group);
    }
}

impl Hub {
    /// Begins where the store is.
    pub(crate) fn new(store: &Store, metrics: &Metrics) -> Arc<Self> {
        let position = AtomicU64::new(store.view().revision().0);
        let sent = Family::default();
        let help = "Events sent to watchers as they happened, by resource";
        metrics.register("apiserver_watch_events", help, sent.clone());
        Arc::new(Self { board: Mutex::default(), position, sent })
    }

    /// Every group was told everything up to this revision, or has it in its ring.
    pub(super) fn position(&self) -> Revision {
        Revision(self.position.load(Ordering::Acquire))
    }

    /// Becomes one who is told; also says from where on.
    pub(super) fn join(self: &Arc<Self>, selection: &Selection, form: Form) -> (Member, Revision) {
        let mut board = self.lock();
        let (group, rounds) = board.join(selection, form, || self.counter(selection));
        (Member { hub: Arc::clone(self), group, rounds }, self.position())
    }

    /// Follows the store until the server stops; then every watcher is told that it is over.
    pub(crate) async fn run(self: Arc<Self>, store: Store, seam: Seam, stop: CancellationToken) {
        loop {
            let events = tokio::select! {
                () = stop.cancelled() => break,
                events = store.events(self.position()) => events,
            };
            match events {
                // The store answers nothing only when it has closed.
                Ok(events) if events.is_empty() => break,
                Ok(events) => self.tell(&events, seam.now()),
                Err(old) => {
                    tracing::warn!(%old, "watches are cut off: the history went on without them");
                    let mut board = self.lock();
                    board.cut_off();
                    self.position.store(store.view().revision().0, Ordering::Release);
                }
            }
        }
        self.lock().close();
    }

    /// Tells every group what it sees of the events, which are the next ones and of whole revisions.
    fn tell(&self, events: &[Event], now: Timestamp) {
        let Some(through) = events.last().map(|event| event.revision) else { return };
        let mut board = self.lock();
        board.tell(events, self.position(), through, now);
        self.position.store(through.0, Ordering::Release);
    }

    fn counter(&self, selection: &Selection) -> Counter {
        let kind = selection.kind;
        let labels = [("group", &kind.group), ("version", &kind.version), ("resource", &kind.plural)];
        self.sent.get_or_create_owned(&labels.map(|(name, value)| (name, Arc::clone(value))))
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
