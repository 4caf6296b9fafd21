//! The state machine: pure `apply` of commands to the truth.

use std::sync::Arc;

use api::meta::{Epoch, Revision};
use api::record::Record;
use api::view::{Event, View};

use crate::command::{Applied, Command, Precondition, Refused, Write};
use crate::history::History;
use crate::requests::Requests;

/// The truth: what every member has after the same commands.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) view: View,
    pub(crate) history: History,
    pub(crate) requests: Requests,
    /// The newest leadership seen.
    pub(crate) epoch: Epoch,
}

impl State {
    /// Nothing yet.
    #[cfg(test)]
    pub(crate) fn new(limits: crate::history::Limits, requests_max: u64) -> Self {
        Self {
            view: View::new(),
            history: History::new(limits, Revision::ZERO),
            requests: Requests::new(requests_max, 0),
            epoch: Epoch::default(),
        }
    }

    /// A new leadership begins: what was decided under an older one is refused from here on.
    pub(crate) fn lead(&mut self, epoch: Epoch) {
        self.epoch = self.epoch.max(epoch);
    }
}

/// Applies one command. All its writes share the next revision; a command that changes nothing takes none.
///
/// A request that was applied before is not applied again: it gets the outcome it had.
pub(crate) fn apply(state: &mut State, command: &Command) -> (Result<Applied, Refused>, Vec<Event>) {
    if let Some(revision) = state.requests.find(command.request) {
        return (Ok(outcome_of(state, command, revision)), Vec::new());
    }
    if let Err(refused) = check(state, command) {
        return (Err(refused), Vec::new());
    }
    state.epoch = state.epoch.max(command.epoch.unwrap_or_default());
    let next = state.view.revision().next();
    let mut records = Vec::with_capacity(command.writes.len());
    let mut events = Vec::with_capacity(command.writes.len());
    for write in &command.writes {
        let (before, after) = match write {
            Write::Put { key, header, body } => {
                let record = Record { key: key.clone(), revision: next, header: header.clone(), body: body.clone() };
                let record = Arc::new(record);
                (state.view.put(Arc::clone(&record)), Some(record))
            }
            Write::Delete { key } if state.view.get(key).is_none() => (None, None),
            Write::Delete { key } => (state.view.remove(key, next), None),
        };
        if before.is_some() || after.is_some() {
            events.push(Event { revision: next, before, after: after.clone() });
        }
        records.push(after);
    }
    let revision = state.view.revision();
    state.history.push(&events);
    state.requests.forget_up_to(state.history.floor());
    state.requests.push(command.request, revision);
    (Ok(Applied { revision, records }), events)
}

/// Whether the command may be applied now.
fn check(state: &State, command: &Command) -> Result<(), Refused> {
    if let Some(epoch) = command.epoch.filter(|epoch| *epoch < state.epoch) {
        return Err(Refused::Epoch(epoch));
    }
    for (index, precondition) in command.preconditions.iter().enumerate() {
        let (Precondition::Absent(key) | Precondition::At(key, _) | Precondition::Is(key, _)) = precondition;
        let current = state.view.get(key);
        let holds = match precondition {
            Precondition::Absent(_) => current.is_none(),
            Precondition::At(_, revision) => current.is_some_and(|record| record.revision == *revision),
            Precondition::Is(_, uid) => current.is_some_and(|record| record.header.uid == *uid),
        };
        if !holds {
            return Err(Refused::Precondition { index, current: current.cloned() });
        }
    }
    Ok(())
}

/// What the command did when it was applied at that revision: its events, told apart by its own writes.
fn outcome_of(state: &State, command: &Command, revision: Revision) -> Applied {
    let mut put = state.history.at(revision).filter_map(|event| event.after.clone());
    let records = command
        .writes
        .iter()
        .map(|write| match write {
            Write::Put { .. } => put.next(),
            Write::Delete { .. } => None,
        })
        .collect();
    Applied { revision, records }
}

#[cfg(test)]
mod tests;
