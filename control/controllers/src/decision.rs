//! What a controller answers.

use api::change::Change;
use api::meta::{Key, Timestamp, Uid};

/// What to tell people about a change, once it is known what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tell {
    /// The object that the event is about.
    pub about: Key,
    /// Its uid.
    pub uid: Uid,
    /// Reason and sentence when the change was carried out; none when that is not worth a word.
    pub done: Option<(&'static str, String)>,
    /// Reason when it was refused, and what was attempted in words, before the refusal itself. `None` when the next try
    /// is all that a refusal needs.
    pub refused: Option<(&'static str, &'static str)>,
}

/// One change and what to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What should change.
    pub change: Change,
    /// What to tell, if anything.
    pub tell: Option<Tell>,
}

/// What should change now, and when to look again though nothing happens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Changes, in order.
    pub steps: Vec<Step>,
    /// When time alone makes the controller due again.
    pub look_again: Option<Timestamp>,
}

impl Decision {
    /// All is as it should be.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Adds a change that nobody needs to be told about.
    pub(crate) fn change(&mut self, change: Change) {
        self.steps.push(Step { change, tell: None });
    }

    /// Adds a change and what to tell about it.
    pub(crate) fn change_and_tell(&mut self, change: Change, tell: Tell) {
        self.steps.push(Step { change, tell: Some(tell) });
    }

    /// Moves the next look to `at` if that is earlier.
    pub(crate) fn look_at(&mut self, at: Timestamp) {
        self.look_again = Some(self.look_again.map_or(at, |known| known.min(at)));
    }
}

/// A stored object does not have the form of its kind: an incident, since every write was checked.
#[derive(Debug, thiserror::Error)]
#[error("cannot read stored object {key}")]
pub struct Damaged {
    /// The object.
    pub key: Key,
    /// Why.
    #[source]
    pub cause: serde_json::Error,
}
