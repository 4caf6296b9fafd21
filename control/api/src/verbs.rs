//! How our own components read and write: the traits that the server implements.

use async_trait::async_trait;

use crate::change::Change;
use crate::meta::{Epoch, Key, Revision};
use crate::requester::Requester;
use crate::status::Status;
use crate::view::{Event, View};

/// The feed cannot be followed from that revision any more; take a new view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot follow changes from revision {asked}: history begins at {oldest}")]
pub struct TooOld {
    /// Where the reader was.
    pub asked: Revision,
    /// The oldest revision whose following events are known.
    pub oldest: Revision,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The object that changed; its name is new when it was generated.
    pub key: Key,
    /// The revision of the write; wait for a view at least this new before deciding about the object again.
    pub revision: Revision,
}

/// Reads from, and writes through, the server's verbs, without a socket.
#[async_trait]
pub trait Verbs: Send + Sync + std::fmt::Debug {
    /// The newest applied state.
    fn view(&self) -> View;

    /// Waits until something happened after `after`, then returns all of it, oldest first.
    ///
    /// # Errors
    /// When `after` is older than the history kept.
    async fn events(&self, after: Revision) -> Result<Vec<Event>, TooOld>;

    /// Carries changes out in order, each on its own; a refused one does not stop the next. Neighbours that cannot matter to
    /// each other go side by side: changes of one sort to different objects of one kind. Bindings that stand side by side go
    /// to the store in one proposal. Of several changes that were decided about one revision of an object, each is for what
    /// the one before left: they do not refuse each other.
    ///
    /// `epoch` is the leadership under which the changes were decided; under a newer one they are refused.
    async fn carry_out(
        &self,
        requester: &Requester,
        epoch: Option<Epoch>,
        changes: Vec<Change>,
    ) -> Vec<Result<Done, Status>>;
}
