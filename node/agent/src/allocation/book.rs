//! Who was promised what: a value that changes by pure steps.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use api::pod_spec::effective_requests;
use k8s_openapi::api::core::v1::Pod;
use seam::Timestamp;

use crate::allocation::Settled;
use crate::allocation::share::{Record, Shares, shares};
use crate::given::Given;

/// What pods hold, or what a node has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes of ephemeral storage.
    pub storage: u64,
    /// Places for pods.
    pub pods: u64,
}

impl Room {
    fn plus(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.saturating_add(other.cpu_milli),
            memory: self.memory.saturating_add(other.memory),
            storage: self.storage.saturating_add(other.storage),
            pods: self.pods.saturating_add(other.pods),
        }
    }
}

/// What a node has too little of for a pod that it was given nonetheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    /// The reason, in the kubelet's words.
    pub reason: &'static str,
    resource: &'static str,
    requested: u64,
    used: u64,
    capacity: u64,
}

impl std::fmt::Display for Lack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { resource, requested, used, capacity, .. } = self;
        write!(
            f,
            "Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, capacity: {capacity}"
        )
    }
}

/// Why a pod does not have what it asks for: the reason and message of its condition `PodResizePending`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// Others hold it now.
    Deferred(String),
    /// The node will never have as much.
    Infeasible(String),
}

impl Pending {
    /// The condition's reason and message.
    pub(crate) fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Deferred(message) => ("Deferred", message),
            Self::Infeasible(message) => ("Infeasible", message),
        }
    }
}

/// What a pod asks for beyond what it was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    shares: Shares,
    need: Room,
    /// Its turn among others that wait.
    turn: Turn,
    answer: Pending,
}

/// Who is asked first: who needs no more than before, then by priority, class, and time of the wish, as with the kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    grows: bool,
    priority: Reverse<i32>,
    class: u8,
    since: Timestamp,
}

/// What one pod was promised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    allocated: Shares,
    lagging: Shares,
    need: Room,
    wish: Option<Wish>,
}

impl Entry {
    pub(super) fn record(&self) -> Record {
        Record { allocated: self.allocated.clone(), lagging: self.lagging.clone() }
    }

    /// Promises other shares. Until a container has its new one, it has the old one.
    fn allocate(&mut self, shares: Shares, need: Room) {
        for (name, share) in &shares {
            if let Some(before) = self.allocated.get(name).filter(|before| *before != share) {
                self.lagging.entry(name.clone()).or_insert_with(|| before.clone());
            }
        }
        self.lagging.retain(|name, has| shares.get(name).is_some_and(|share| share != has));
        (self.allocated, self.need, self.wish) = (shares, need, None);
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Book {
    room: Room,
    pods: BTreeMap<String, Entry>,
}

impl Book {
    pub(super) fn new(room: Room) -> Self {
        Self { room, pods: BTreeMap::new() }
    }

    pub(super) fn entry(&self, uid: &str) -> Option<&Entry> {
        self.pods.get(uid)
    }

    /// Takes up what was written down.
    pub(super) fn recall(&mut self, uid: &str, pod: &Pod, record: &Record) {
        let need = need(&crate::allocation::as_allocated(&std::sync::Arc::new(pod.clone()), &record.allocated));
        let Record { allocated, lagging } = record.clone();
        self.pods.insert(uid.to_owned(), Entry { allocated, lagging, need, wish: None });
    }

    /// What the node lacks for a pod that it was not promised yet: the first thing, in the kubelet's order.
    pub(super) fn lack(&self, uid: &str, pod: &Pod) -> Option<Lack> {
        let (wanted, used, has) = (need(pod), self.used_beside(uid), self.room);
        let lack = |reason, resource, requested: u64, used: u64, capacity| {
            let lacks = requested > 0 && requested.saturating_add(used) > capacity;
            lacks.then_some(Lack { reason, resource, requested, used, capacity })
        };
        lack("OutOfpods", "pods", wanted.pods, used.pods, has.pods)
            .or_else(|| lack("OutOfcpu", "cpu", wanted.cpu_milli, used.cpu_milli, has.cpu_milli))
            .or_else(|| lack("OutOfmemory", "memory", wanted.memory, used.memory, has.memory))
            .or_else(|| lack("OutOfephemeral-storage", "ephemeral-storage", wanted.storage, used.storage, has.storage))
    }

    /// What all pods but this one hold.
    fn used_beside(&self, uid: &str) -> Room {
        let others = self.pods.iter().filter(|(other, _)| *other != uid).map(|(_, entry)| entry.need);
        others.fold(Room::default(), Room::plus)
    }

    /// Nothing of a pod runs any more, or ever will: it holds nothing. The pods that have another answer by that.
    pub(super) fn ended(&mut self, uid: &str) -> Vec<String> {
        let Some(entry) = self.pods.get_mut(uid) else { return Vec::new() };
        if entry.need == Room::default() && entry.wish.is_none() {
            return Vec::new();
        }
        (entry.need, entry.wish) = (Room::default(), None);
        self.next()
    }

    /// How a pod's wish stands.
    pub(super) fn settled(&self, uid: &str) -> Settled {
        let Some(entry) = self.pods.get(uid) else { return Settled::default() };
        let pending = entry.wish.as_ref().map(|wish| wish.answer.clone());
        Settled { shares: entry.allocated.clone(), pending }
    }

    /// A pod asks for what its specification says. The pods that were promised something else by that.
    pub(super) fn ask(&mut self, uid: &str, pod: &Pod, now: Timestamp) -> Vec<String> {
        let shares = shares(pod);
        let Some(entry) = self.pods.get_mut(uid) else {
            // What the scheduler bound, or an agent before this one ran, was counted by them.
            let entry = Entry { allocated: shares, need: need(pod), ..Entry::default() };
            self.pods.insert(uid.to_owned(), entry);
            return Vec::new();
        };
        if entry.allocated == shares {
            entry.wish = None;
            return Vec::new();
        }
        if entry.wish.as_ref().is_some_and(|wish| wish.shares == shares) {
            return Vec::new();
        }
        let need = need(pod);
        let grows = need.cpu_milli > entry.need.cpu_milli || need.memory > entry.need.memory;
        let turn = Turn { grows, priority: Reverse(priority(pod)), class: class(pod), since: now };
        entry.wish = Some(Wish { shares, need, turn, answer: Pending::Deferred(String::new()) });
        let mut changed = self.answer(uid);
        if !changed.is_empty() {
            // It may hold less than before.
            changed.extend(self.next());
        }
        changed
    }

    /// A container has what it was promised; whether that was news.
    pub(super) fn applied(&mut self, uid: &str, container: &str, given: &Given) -> bool {
        let Some(entry) = self.pods.get_mut(uid) else { return false };
        match entry.allocated.get(container) {
            Some(share) if share == given => entry.lagging.remove(container).is_some(),
            _ => false,
        }
    }

    /// A pod is gone. The pods that have another answer by that.
    pub(super) fn release(&mut self, uid: &str) -> Vec<String> {
        if self.pods.remove(uid).is_some() { self.next() } else { Vec::new() }
    }

    /// Answers those who wait, each in its turn. Those whose answer is another one.
    fn next(&mut self) -> Vec<String> {
        let waits = |(uid, entry): (&String, &Entry)| entry.wish.as_ref().map(|wish| (wish.turn, uid.clone()));
        let mut waiting: Vec<(Turn, String)> = self.pods.iter().filter_map(waits).collect();
        waiting.sort();
        let mut changed = Vec::new();
        for (_, uid) in waiting {
            let before = self.settled(&uid);
            self.answer(&uid);
            if self.settled(&uid) != before {
                changed.push(uid);
            }
        }
        changed
    }

    /// Answers a pod that waits; its uid when it gets what it wants.
    fn answer(&mut self, uid: &str) -> Vec<String> {
        let used = self.used_beside(uid);
        let room = self.room;
        let Some(entry) = self.pods.get_mut(uid) else { return Vec::new() };
        let Some(wish) = &mut entry.wish else { return Vec::new() };
        match refusal(wish.need, used, room) {
            Some(refused) => {
                wish.answer = refused;
                Vec::new()
            }
            None => {
                let (shares, need) = (wish.shares.clone(), wish.need);
                entry.allocate(shares, need);
                vec![uid.to_owned()]
            }
        }
    }
}

/// Why a node with that much room, of which others hold a part, cannot promise as much; in the kubelet's words.
fn refusal(need: Room, used: Room, room: Room) -> Option<Pending> {
    let never = |name: &str, requested: u64, capacity: u64| {
        let why = || format!("Node didn't have enough capacity: {name}, requested: {requested}, capacity: {capacity}");
        (requested > capacity).then(|| Pending::Infeasible(why()))
    };
    let now = |name: &str, requested: u64, used: u64, capacity: u64| {
        let lacks = requested > 0 && requested.saturating_add(used) > capacity;
        let why = || {
            format!(
                "Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}"
            )
        };
        lacks.then(|| Pending::Deferred(why()))
    };
    never("memory", need.memory, room.memory)
        .or_else(|| never("cpu", need.cpu_milli, room.cpu_milli))
        .or_else(|| now("cpu", need.cpu_milli, used.cpu_milli, room.cpu_milli))
        .or_else(|| now("memory", need.memory, used.memory, room.memory))
}

/// What a pod needs of the node, as the scheduler counts.
fn need(pod: &Pod) -> Room {
    // A specification that came from the API has a JSON form.
    let spec = serde_json::to_value(&pod.spec).unwrap_or_default();
    let amounts = effective_requests(&spec);
    Room { cpu_milli: amounts.cpu_milli, memory: amounts.memory, storage: amounts.storage, pods: amounts.pods.into() }
}

fn priority(pod: &Pod) -> i32 {
    pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or_default()
}

/// The place of a pod's class of service among those that wait.
fn class(pod: &Pod) -> u8 {
    match pod.status.as_ref().and_then(|status| status.qos_class.as_deref()) {
        Some("Guaranteed") => 0,
        Some("Burstable") => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests;
