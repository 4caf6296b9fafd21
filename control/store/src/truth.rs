//! The state machine of this member as its threads share it: one applies, all read, the checkpoint takes what is new.

use std::sync::{Mutex, PoisonError, RwLock};

use api::meta::{Epoch, Revision};
use api::verbs::TooOld;
use api::view::{Event, View};
use seam::Moment;
use tokio::sync::watch;

use crate::command::{Applied, Command, Refused};
use crate::format::{Members, Position};
use crate::machine::{self, State};
use crate::views::Views;

/// Events not yet in the checkpoint that ask for one at once, in bytes.
const CHECKPOINT_BYTES: u64 = 8 << 20;

/// Events not yet in the checkpoint beyond which applying waits for it, in bytes: bounds memory when the disk is slow.
const PENDING_BYTES_MAX: u64 = 64 << 20;

/// A whole state and where it stands in the log: what a checkpoint and a snapshot hold.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) state: State,
    pub(crate) applied: Option<Position>,
    pub(crate) members: Members,
}

/// What an entry of the log asks of the state machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// A leader of that epoch begins.
    Lead(Epoch),
    /// A command.
    Command(&'a Command),
    /// The cluster's members from here on.
    Members(&'a Members),
}

/// How urgent the next checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// When it is time.
    None,
    /// Now, beside further work.
    Now,
    /// Before further work.
    First,
}

/// What the checkpoint does not hold yet.
#[derive(Debug, Default)]
struct Pending {
    events: Vec<Event>,
    bytes: u64,
    /// Everything is new: the state was replaced as a whole.
    replaced: bool,
    /// Whether anything was applied at all.
    dirty: bool,
}

/// What a checkpoint has to write to hold the state of one moment.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) what: What,
    /// Requests from the number asked for on.
    pub(crate) requests: Vec<(u64, crate::command::RequestId, Revision)>,
    pub(crate) applied: Option<Position>,
    pub(crate) members: Members,
    pub(crate) revision: Revision,
    pub(crate) epoch: Epoch,
    pub(crate) history_floor: Revision,
    pub(crate) requests_forgotten: u64,
}

/// Which objects and history are new.
#[derive(Debug)]
pub(crate) enum What {
    /// These events, on top of what the checkpoint holds.
    Events(Vec<Event>),
    /// All of it.
    Everything(View, Vec<Event>),
}

#[derive(Debug)]
struct Inner {
    image: Image,
    pending: Pending,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Truth {
    inner: RwLock<Inner>,
    /// The newest view, apart, so that readers never wait for a batch being applied.
    view: RwLock<View>,
    views: Mutex<Views>,
    revision: watch::Sender<Revision>,
    /// Why this member cannot go on.
    failure: watch::Sender<Option<String>>,
}

impl Truth {
    pub(crate) fn new(image: Image) -> Self {
        let view = image.state.view.clone();
        Self {
            revision: watch::Sender::new(view.revision()),
            view: RwLock::new(view),
            views: Mutex::default(),
            failure: watch::Sender::new(None),
            inner: RwLock::new(Inner { image, pending: Pending::default() }),
        }
    }

    fn read<T>(&self, read: impl FnOnce(&Inner) -> T) -> T {
        read(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn view(&self) -> View {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn view_at(&self, revision: Revision) -> Option<View> {
        let newest = self.view();
        if newest.revision() == revision {
            return Some(newest);
        }
        let views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        self.read(|inner| views.at(revision, &inner.image.state.history))
    }

    pub(crate) fn events(&self, after: Revision, max: usize) -> Result<Vec<Event>, TooOld> {
        // The history grows a moment before the view is shown. Whoever decides about an event must find it in the view, or
        // would decide without it and never be asked again.
        let shown = self.view().revision();
        let mut events = self.read(|inner| inner.image.state.history.after(after, max))?;
        events.truncate(events.partition_point(|event| event.revision <= shown));
        Ok(events)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Revision> {
        self.revision.subscribe()
    }

    pub(crate) fn applied(&self) -> (Option<Position>, Members) {
        self.read(|inner| (inner.image.applied, inner.image.members.clone()))
    }

    pub(crate) fn image(&self) -> Image {
        self.read(|inner| inner.image.clone())
    }

    /// Applies entries in order, then shows the result to all readers at once.
    pub(crate) fn apply<'a>(
        &self,
        now: Moment,
        steps: impl Iterator<Item = (Position, Step<'a>)>,
    ) -> (Vec<Option<Result<Applied, Refused>>>, Urgency) {
        let (outcomes, urgency, view) = self.change(|inner| {
            let outcomes = steps.map(|(at, step)| inner.step(at, step)).collect();
            let urgency = match inner.pending.bytes {
                PENDING_BYTES_MAX.. => Urgency::First,
                CHECKPOINT_BYTES.. => Urgency::Now,
                _ => Urgency::None,
            };
            (outcomes, urgency, inner.image.state.view.clone())
        });
        self.show(now, view);
        (outcomes, urgency)
    }

    /// Puts another state in place of this one.
    pub(crate) fn replace(&self, now: Moment, image: Image) {
        let view = image.state.view.clone();
        self.change(|inner| {
            inner.image = image;
            inner.pending = Pending { replaced: true, dirty: true, ..Pending::default() };
        });
        self.show(now, view);
    }

    fn show(&self, now: Moment, view: View) {
        let revision = view.revision();
        self.views.lock().unwrap_or_else(PoisonError::into_inner).offer(now, &view);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
        self.revision.send_if_modified(|newest| std::mem::replace(newest, revision) != revision);
    }

    /// Takes what the checkpoint lacks, of one moment; nothing when it lacks nothing.
    pub(crate) fn take_news(&self, requests_from: u64) -> Option<News> {
        self.change(|inner| {
            let Inner { image: Image { state, applied, members }, pending } = inner;
            let Pending { events, replaced, dirty, bytes: _ } = std::mem::take(pending);
            let what = if replaced {
                What::Everything(state.view.clone(), state.history.iter().cloned().collect())
            } else {
                What::Events(events)
            };
            let requests_from = if replaced { 0 } else { requests_from };
            dirty.then(|| News {
                what,
                requests: state.requests.from(requests_from).collect(),
                applied: *applied,
                members: members.clone(),
                revision: state.view.revision(),
                epoch: state.epoch,
                history_floor: state.history.floor(),
                requests_forgotten: state.requests.forgotten(),
            })
        })
    }

    /// This member cannot go on: its checkpoint cannot be written.
    pub(crate) fn fail(&self, why: String) {
        self.failure.send_replace(Some(why));
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }
}

impl Inner {
    fn step(&mut self, at: Position, step: Step<'_>) -> Option<Result<Applied, Refused>> {
        self.image.applied = Some(at);
        self.pending.dirty = true;
        match step {
            Step::Lead(epoch) => {
                self.image.state.lead(epoch);
                None
            }
            Step::Members(members) => {
                self.image.members = members.clone();
                None
            }
            Step::Command(command) => {
                let (outcome, events) = machine::apply(&mut self.image.state, command);
                self.pending.bytes += events.iter().map(crate::history::cost).sum::<u64>();
                self.pending.events.extend(events);
                Some(outcome)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Limits;
    use crate::testing::{command, put, text};

    #[test]
    fn an_event_is_told_with_the_view_that_holds_it_and_not_before() {
        let state = State::new(Limits { bytes: 1 << 20, events: 100 }, 100);
        let truth = Truth::new(Image { state, applied: None, members: Members::default() });
        let write = command(1, vec![], vec![put("a", "new")]);
        // As far as `apply` comes before it shows the view.
        let view = truth.change(|inner| {
            let outcome = inner.step(Position { term: 1, index: 1 }, Step::Command(&write));
            assert!(matches!(outcome, Some(Ok(_))), "{outcome:?}");
            inner.image.state.view.clone()
        });
        assert!(truth.events(Revision::ZERO, 10).unwrap().is_empty());
        truth.show(Moment::default(), view);
        let told = truth.events(Revision::ZERO, 10).unwrap();
        assert_eq!((told.len(), text(&truth.view(), "a").as_deref()), (1, Some("new")));
    }
}
