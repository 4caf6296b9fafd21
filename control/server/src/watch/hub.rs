//! Who watches what, and what each is to be told.
//!
//! One task follows the store. For every batch of events it looks up the groups of watchers that can see one of them (by kind,
//! namespace, name or node, never by asking everybody), writes each event once for each form in which objects are taken, and
//! hands every group one piece of text. A watcher costs nothing while nothing happens that it sees.
//!
//! A group's ring is short. A watcher that falls out of it reads on in the store's history by itself, at its own pace, and
//! holds nobody up; see [`super::follow`].

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::meta::{Key, Resource, Revision, Timestamp};
use api::record::Record;
use api::view::Event;
use bytes::Bytes;
use seam::Seam;
use store::Store;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::frame::{Form, Framer, Look};
use crate::select::{Filter, Happening, Scoped, Selection};

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

/// A part of a kind's objects, as it can be read off an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Kind(Resource),
    Namespace(Resource, Box<str>),
    Object(Key),
    Node(Arc<str>),
}

/// What distinguishes the groups of one place.
type Wish = (Filter, Look);

/// Watchers that are sent the same bytes.
#[derive(Debug)]
struct Group {
    place: Place,
    selection: Selection,
    form: Form,
    ring: broadcast::Sender<Round>,
    /// What the round under way has for it.
    pending: Vec<Bytes>,
}

#[derive(Debug, Default)]
struct Board {
    places: HashMap<Place, HashMap<Wish, u64>>,
    groups: HashMap<u64, Group>,
    next: u64,
    /// The server stops: whoever joins is told at once.
    closed: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Hub {
    board: Mutex<Board>,
    /// Every group was told everything up to this revision. Moves while the board is locked.
    position: AtomicU64,
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
    pub(crate) fn new(store: &Store) -> Arc<Self> {
        let position = AtomicU64::new(store.view().revision().0);
        Arc::new(Self { board: Mutex::default(), position })
    }

    /// Every group was told everything up to this revision, or has it in its ring.
    pub(super) fn position(&self) -> Revision {
        Revision(self.position.load(Ordering::Acquire))
    }

    /// Becomes one who is told; also says from where on.
    pub(super) fn join(self: &Arc<Self>, selection: &Selection, form: Form) -> (Member, Revision) {
        let mut board = self.lock();
        let (group, rounds) = board.join(selection, form);
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
        let mut board = self.lock();
        board.closed = true;
        board.cut_off();
    }

    /// Tells every group what it sees of the events, which are the next ones and of whole revisions.
    fn tell(&self, events: &[Event], now: Timestamp) {
        let Some(through) = events.last().map(|event| event.revision) else { return };
        let mut board = self.lock();
        board.tell(events, self.position(), through, now);
        self.position.store(through.0, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn join(&mut self, selection: &Selection, form: Form) -> (u64, broadcast::Receiver<Round>) {
        if self.closed {
            return (self.next, broadcast::channel(1).1);
        }
        let (place, wish) = (Place::of(selection), (selection.filter.clone(), Look::of(selection.kind, form)));
        let known = self.places.get(&place).and_then(|wishes| wishes.get(&wish)).copied();
        if let Some((id, group)) = known.and_then(|id| Some((id, self.groups.get(&id)?))) {
            return (id, group.ring.subscribe());
        }
        let id = self.next;
        self.next += 1;
        let (ring, rounds) = broadcast::channel(RING);
        self.places.entry(place.clone()).or_default().insert(wish, id);
        self.groups.insert(id, Group { place, selection: selection.clone(), form, ring, pending: Vec::new() });
        (id, rounds)
    }

    /// One of the group goes, whose receiver still counts.
    fn leave(&mut self, id: u64) {
        if self.groups.get(&id).is_some_and(|group| group.ring.receiver_count() <= 1) {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(group) = self.groups.remove(&id) else { return };
        if let Some(wishes) = self.places.get_mut(&group.place) {
            let look = Look::of(group.selection.kind, group.form);
            wishes.remove(&(group.selection.filter, look));
            if wishes.is_empty() {
                self.places.remove(&group.place);
            }
        }
    }

    /// Ends the rings: watchers find out by themselves what they can still be told.
    fn cut_off(&mut self) {
        self.places.clear();
        self.groups.clear();
    }

    fn tell(&mut self, events: &[Event], after: Revision, through: Revision, now: Timestamp) {
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
            let round = Round { after, through, text: joined(std::mem::take(&mut group.pending)) };
            if !damaged.contains(&id) && group.ring.send(round).is_err() {
                tracing::debug!("the last watcher of a group has just left");
            }
        }
        // Its watchers read the history themselves, and say what is wrong when they come to it.
        damaged.into_iter().for_each(|id| self.remove(id));
    }
}

impl Place {
    /// Where a selection lies.
    fn of(selection: &Selection) -> Self {
        let resource = &selection.resource;
        match selection.scoped() {
            Scoped::Whole => Self::Kind(resource.clone()),
            Scoped::Namespace(namespace) => Self::Namespace(resource.clone(), namespace.into()),
            Scoped::Node(node) => Self::Node(node.into()),
            Scoped::Object(namespace, name) => match Key::new(resource, namespace, name) {
                Ok(key) => Self::Object(key),
                // No object has such a name.
                Err(_) => Self::Namespace(resource.clone(), namespace.into()),
            },
        }
    }
}

/// Every place in which an event can be seen.
fn places(event: &Event) -> Vec<Place> {
    let Some(key) = event.key() else { return Vec::new() };
    let resource = key.resource();
    let mut places = vec![Place::Object(key.clone()), Place::Namespace(resource.clone(), key.namespace().into())];
    places.push(Place::Kind(resource));
    let (before, after) = (event.before.as_deref().and_then(node_of), event.after.as_deref().and_then(node_of));
    places.extend(before.filter(|before| Some(*before) != after).map(|node| Place::Node(Arc::clone(node))));
    places.extend(after.map(|node| Place::Node(Arc::clone(node))));
    places
}

fn node_of(record: &Record) -> Option<&Arc<str>> {
    record.header.facts.pod().and_then(|facts| facts.node.as_ref())
}

/// The texts of one event, each made when the first group asks for it.
#[derive(Default)]
struct Frames(Vec<((Happening, Look), Option<Bytes>)>);

impl Frames {
    /// `None` when the object is damaged.
    fn get(&mut self, framer: &Framer, happening: Happening, record: &Record, revision: Revision) -> Option<Bytes> {
        let wanted = (happening, Look::of(framer.kind, framer.form));
        if let Some((_, frame)) = self.0.iter().find(|(made, _)| *made == wanted) {
            return frame.clone();
        }
        let mut text = Vec::with_capacity(record.body.len() + 128);
        let frame = match framer.event(happening, record, revision, false, &mut text) {
            Ok(()) => Some(Bytes::from(text)),
            Err(status) => {
                tracing::error!(%status, "an event cannot be told");
                None
            }
        };
        self.0.push((wanted, frame.clone()));
        frame
    }
}

fn joined(mut frames: Vec<Bytes>) -> Bytes {
    if frames.len() == 1
        && let Some(frame) = frames.pop()
    {
        return frame;
    }
    frames.concat().into()
}
