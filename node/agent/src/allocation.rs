//! What the node promised its pods: cpu and memory of each container, decided for one pod at a time and written down, so that
//! a resize that was accepted is still accepted after a restart of the agent (KEP-1287).

mod book;
mod share;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use runtime::runfile::{self, RunFileError};
use seam::Timestamp;
use tokio::sync::watch;

use crate::allocation::book::{Book, Entry};
pub(crate) use crate::allocation::book::{Lack, Pending, Room};
pub(crate) use crate::allocation::share::{Shares, as_allocated, resizable};
use crate::config::Capacity;
use crate::given::Given;
use crate::policy;

/// The file in a pod's directory.
const FILE: &str = "allocation.json";

/// How a pod's wish for resources stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// What its containers may have.
    pub shares: Shares,
    /// Why that is not what the specification asks for.
    pub pending: Option<Pending>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Allocations {
    pods: PathBuf,
    book: Mutex<Book>,
    turns: watch::Sender<()>,
}

impl Allocations {
    /// Nothing is promised yet. `pods` has a directory for each pod.
    pub(crate) fn new(pods: PathBuf, capacity: &Capacity) -> Self {
        let room = Room {
            cpu_milli: capacity.cpu_milli,
            memory: capacity.memory,
            storage: capacity.ephemeral_storage,
            pods: capacity.pods.into(),
        };
        Self { pods, book: Mutex::new(Book::new(room)), turns: watch::Sender::new(()) }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, uid: &str) -> PathBuf {
        self.pods.join(uid).join(FILE)
    }

    /// Takes up what an agent before this one promised a pod that it already ran. What its containers still have instead.
    pub(crate) fn recall(&self, pod: &Pod) -> Option<(Shares, Shares)> {
        let uid = policy::uid(pod);
        match runfile::read::<share::Record>(&self.file(uid)) {
            Ok(Some(record)) => {
                self.book().recall(uid, pod, &record);
                Some((record.allocated, record.lagging))
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, pod = uid, "what was promised to the pod is forgotten; it has what it asks for");
                None
            }
        }
    }

    /// Asks for what the pod's specification says.
    pub(crate) fn settle(&self, pod: &Pod, now: Timestamp) -> Settled {
        let uid = policy::uid(pod);
        let (settled, changed) = {
            let mut book = self.book();
            let changed = book.ask(uid, pod, now);
            (book.settled(uid), changed)
        };
        self.record(&changed);
        settled
    }

    /// A container has what it was promised.
    pub(crate) fn applied(&self, uid: &str, container: &str, given: &Given) {
        let caught_up = self.book().applied(uid, container, given);
        if caught_up {
            self.record(&[uid.to_owned()]);
        }
    }

    /// Writes down the first promise to a pod, in its directory, before anything of it runs.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, uid: &str) -> Result<(), RunFileError> {
        let record = self.book().entry(uid).map(Entry::record);
        record.map_or(Ok(()), |record| runfile::write(&self.file(uid), &record))
    }

    /// What the node lacks for a pod that it sees for the first time.
    pub(crate) fn lack(&self, pod: &Pod) -> Option<Lack> {
        self.book().lack(policy::uid(pod), pod)
    }

    /// A pod that is still known holds nothing any more; others may get what they wait for.
    pub(crate) fn ended(&self, uid: &str) {
        let changed = self.book().ended(uid);
        self.record(&changed);
    }

    /// A pod needs nothing any more; others may get what they wait for.
    pub(crate) fn release(&self, uid: &str) {
        let changed = self.book().release(uid);
        self.record(&changed);
    }

    /// Tells whenever pods that wait have another answer.
    pub(crate) fn turns(&self) -> watch::Receiver<()> {
        self.turns.subscribe()
    }

    /// Writes down what was promised anew, and tells those who wait.
    fn record(&self, changed: &[String]) {
        if changed.is_empty() {
            return;
        }
        for uid in changed.iter().filter(|uid| self.file(uid).exists()) {
            if let Err(error) = self.write(uid) {
                tracing::error!(%error, "what a pod was promised is only in memory");
            }
        }
        self.turns.send_replace(());
    }
}
