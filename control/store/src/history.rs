//! What happened lately: the events of the newest revisions, bounded by bytes and count.
//!
//! The history is replicated state: every member trims it by the same rule in `apply`, so that a watch resumes on any of
//! them, and refuses too old a revision alike.

use std::collections::VecDeque;

use api::meta::Revision;
use api::verbs::TooOld;
use api::view::Event;

/// How much history is kept. Part of the replicated state, set when the cluster is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Limits {
    /// Sum of [`cost`] over all events, at most.
    pub(crate) bytes: u64,
    /// Number of events, at most.
    pub(crate) events: u64,
}

/// What an event weighs beyond the bodies it keeps: header, keys, and its places in the trees.
const EVENT_OVERHEAD: u64 = 512;

/// The ring of events.
#[derive(Clone, Debug)]
pub(crate) struct History {
    events: VecDeque<Event>,
    limits: Limits,
    bytes: u64,
    /// Everything after this revision is known.
    floor: Revision,
}

impl History {
    /// No events yet; everything after `floor` will be known.
    #[cfg(test)]
    pub(crate) fn new(limits: Limits, floor: Revision) -> Self {
        Self { events: VecDeque::new(), limits, bytes: 0, floor }
    }

    /// The history that a checkpoint holds.
    pub(crate) fn restore(limits: Limits, floor: Revision, events: Vec<Event>) -> Self {
        Self { bytes: events.iter().map(cost).sum(), events: events.into(), limits, floor }
    }

    /// Everything after this revision is known.
    pub(crate) fn floor(&self) -> Revision {
        self.floor
    }

    /// All events, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter()
    }

    /// Adds the events of one revision, then forgets the oldest revisions until the limits hold. The newest revision stays
    /// whatever it weighs.
    pub(crate) fn push(&mut self, events: &[Event]) {
        for event in events {
            self.bytes += cost(event);
            self.events.push_back(event.clone());
        }
        let Some(newest) = events.last().map(|event| event.revision) else { return };
        while self.bytes > self.limits.bytes || self.events.len() as u64 > self.limits.events {
            let Some(oldest) = self.events.front().map(|event| event.revision).filter(|oldest| *oldest != newest)
            else {
                break;
            };
            self.forget(oldest);
        }
    }

    /// Forgets every event up to and with that revision.
    fn forget(&mut self, revision: Revision) {
        while let Some(event) = self.events.front().filter(|event| event.revision <= revision) {
            self.bytes -= cost(event);
            self.events.pop_front();
        }
        self.floor = self.floor.max(revision);
    }

    /// Events after a revision, oldest first; whole revisions, at least one if there is any, and then up to `max` events.
    pub(crate) fn after(&self, after: Revision, max: usize) -> Result<Vec<Event>, TooOld> {
        let start = self.start(after)?;
        let mut end = self.events.len().min(start.saturating_add(max));
        if let Some(last) = end.checked_sub(1).filter(|_| end > start).and_then(|at| self.events.get(at)) {
            end = self.events.partition_point(|event| event.revision <= last.revision);
        }
        Ok(self.events.range(start..end).cloned().collect())
    }

    /// Events after one revision, up to and with another.
    pub(crate) fn between(
        &self,
        after: Revision,
        through: Revision,
    ) -> Result<impl Iterator<Item = &Event> + '_, TooOld> {
        let start = self.start(after)?;
        Ok(self.events.range(start..).take_while(move |event| event.revision <= through))
    }

    /// Where the events after a revision begin.
    fn start(&self, after: Revision) -> Result<usize, TooOld> {
        if after < self.floor {
            return Err(TooOld { asked: after, oldest: self.floor });
        }
        Ok(self.events.partition_point(|event| event.revision <= after))
    }

    /// Events of one revision.
    pub(crate) fn at(&self, revision: Revision) -> impl Iterator<Item = &Event> {
        let start = self.events.partition_point(|event| event.revision < revision);
        self.events.range(start..).take_while(move |event| event.revision == revision)
    }
}

/// Upper bound of the memory that an event keeps alive.
pub(crate) fn cost(event: &Event) -> u64 {
    let bodies =
        [&event.before, &event.after].into_iter().flatten().map(|record| record.body.len() as u64).sum::<u64>();
    bodies + EVENT_OVERHEAD
}
