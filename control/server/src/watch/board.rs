//! The groups of watchers: who is told alike, and what of a batch of events each group sees.

use std::collections::{BTreeSet, HashMap, HashSet};

use api::meta::{Revision, Timestamp};
use api::view::Event;
use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::broadcast;

use super::frame::{Form, Framer, Frames};
use super::place::{Place, places};
use crate::select::{Filter, Selection};

/// Rounds that a group's ring holds: what a watcher may be behind before it has to read the history itself. A round is freed
/// as soon as the last watcher of the group has taken it.
const RING: usize = 16;

/// What a group is told of one batch of events.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// Everything that the group sees up to here was told before.
    pub(super) after: Revision,
    /// Everything that the group sees up to here is told with this.
    pub(super) through: Revision,
    /// Events, one a line.
    pub(super) text: Bytes,
}

/// What distinguishes the groups of one place: the API version in which objects are shown, which of them, and in what form.
type Wish = (String, Filter, Form);

/// Watchers that are sent the same bytes.
#[derive(Debug)]
struct Group {
    place: Place,
    selection: Selection,
    form: Form,
    ring: broadcast::Sender<Round>,
    /// What the round under way has for it.
    pending: Vec<Bytes>,
    /// Counts what its watchers are sent.
    sent: Counter,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Board {
    places: HashMap<Place, HashMap<Wish, u64>>,
    groups: HashMap<u64, Group>,
    next: u64,
    /// The server stops: whoever joins is told at once.
    closed: bool,
}

impl Board {
    /// The group of such watchers, made when there is none, and a seat in it.
    pub(super) fn join(
        &mut self,
        selection: &Selection,
        form: Form,
        sent: impl FnOnce() -> Counter,
    ) -> (u64, broadcast::Receiver<Round>) {
        if self.closed {
            return (self.next, broadcast::channel(1).1);
        }
        let (place, wish) = (Place::of(selection), wish(selection, form));
        let known = self.places.get(&place).and_then(|wishes| wishes.get(&wish)).copied();
        if let Some((id, group)) = known.and_then(|id| Some((id, self.groups.get(&id)?))) {
            return (id, group.ring.subscribe());
        }
        let id = self.next;
        self.next += 1;
        let (ring, rounds) = broadcast::channel(RING);
        self.places.entry(place.clone()).or_default().insert(wish, id);
        let (selection, sent) = (selection.clone(), sent());
        self.groups.insert(id, Group { place, selection, form, ring, pending: Vec::new(), sent });
        (id, rounds)
    }

    /// One of the group goes, whose receiver still counts.
    pub(super) fn leave(&mut self, id: u64) {
        if self.groups.get(&id).is_some_and(|group| group.ring.receiver_count() <= 1) {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(group) = self.groups.remove(&id) else { return };
        if let Some(wishes) = self.places.get_mut(&group.place) {
            wishes.remove(&wish(&group.selection, group.form));
            if wishes.is_empty() {
                self.places.remove(&group.place);
            }
        }
    }

    /// Nobody is told anything any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.cut_off();
    }

    /// Ends the rings: watchers find out by themselves what they can still be told.
    pub(super) fn cut_off(&mut self) {
        self.places.clear();
        self.groups.clear();
    }

    /// Tells every group what it sees of the events, which are all between two revisions.
    pub(super) fn tell(&mut self, events: &[Event], after: Revision, through: Revision, now: Timestamp) {
        let (mut touched, mut damaged) = (BTreeSet::new(), HashSet::new());
        for event in events {
            let mut frames = Frames::default();
            for place in places(event) {
                for id in self.places.get(&place).into_iter().flat_map(HashMap::values) {
                    let Some(group) = self.groups.get_mut(id) else { continue };
                    let Some((happening, record)) = group.selection.sees(event) else { continue };
                    let framer = Framer { kind: group.selection.kind, form: group.form, now };
                    match frames.get(&framer, happening, record, event.revision) {
                        Some(frame) => {
                            group.pending.push(frame);
                            touched.insert(*id);
                        }
                        None => {
                            damaged.insert(*id);
                        }
                    }
                }
            }
        }
        for id in touched {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            let pending = std::mem::take(&mut group.pending);
            let frames = pending.len();
            let round = Round { after, through, text: joined(pending) };
            if damaged.contains(&id) {
                continue;
            }
            match group.ring.send(round) {
                Ok(watchers) => drop(group.sent.inc_by(u64::try_from(frames * watchers).unwrap_or(u64::MAX))),
                Err(_) => tracing::debug!("the last watcher of a group has just left"),
            }
        }
        // Its watchers read the history themselves, and say what is wrong when they come to it.
        damaged.into_iter().for_each(|id| self.remove(id));
    }
}

fn wish(selection: &Selection, form: Form) -> Wish {
    (selection.kind.api_version(), selection.filter.clone(), form)
}

fn joined(mut frames: Vec<Bytes>) -> Bytes {
    if frames.len() == 1
        && let Some(frame) = frames.pop()
    {
        return frame;
    }
    frames.concat().into()
}
