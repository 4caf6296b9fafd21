//! What goes into the log: a closed, versioned form with preconditions.

use std::sync::Arc;

use api::meta::{Epoch, Key, Revision, Uid};
use api::record::{Body, Header, Record};
use serde::{Deserialize, Serialize};

/// Identity of one request, chosen by the proposing server; a retry of the same request carries the same one and is applied
/// once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u128);

/// What must hold when the command is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precondition {
    /// There is no object of that key.
    Absent(Key),
    /// The object exists and was last written at that revision.
    At(Key, Revision),
    /// The object exists and is that very object.
    Is(Key, Uid),
}

/// One write. All writes of a command share one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Write {
    /// Put the object, new or not.
    Put {
        /// Where.
        key: Key,
        /// What the proposing server extracted.
        header: Header,
        /// Wire bytes.
        body: Body,
    },
    /// Take the object away; nothing happens when it is gone.
    Delete {
        /// Where.
        key: Key,
    },
}

/// A command before it is given its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Deduplicates retries.
    pub request: RequestId,
    /// Leadership under which one of our own components decided this; `apply` refuses an older one than the newest seen.
    /// Absent for requests of users.
    pub epoch: Option<Epoch>,
    /// All must hold, or nothing is written.
    pub preconditions: Vec<Precondition>,
    /// Written together, at one revision.
    pub writes: Vec<Write>,
}

/// What `apply` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The revision of the writes; the current one when nothing changed.
    pub revision: Revision,
    /// State after each write, in order; `None` for a deletion.
    pub records: Vec<Option<Arc<Record>>>,
}

/// Why a command was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The precondition at that index did not hold; the object as it is now.
    #[error("precondition {index} does not hold")]
    Precondition {
        /// Index into [`Command::preconditions`].
        index: usize,
        /// The object of its key now.
        current: Option<Arc<Record>>,
    },
    /// A newer leadership has written since.
    #[error("decided under epoch {0:?}, which is over")]
    Epoch(Epoch),
}
