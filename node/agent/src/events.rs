//! Events about pods and the node: what `kubectl describe` shows.
//!
//! The same event again raises the count of the first one. A pod that produces too many different ones is silenced, as
//! the kubelet's own recorder does, so that a broken pod cannot fill the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use seam::{Seam, Timestamp};
use tokio::sync::mpsc;

use crate::backoff::later;
use crate::cluster::Cluster;
use crate::policy;
use crate::status::seconds;

/// Events waiting to be written. What comes while the queue is full is dropped: events are best effort by their contract.
const QUEUE_MAX: usize = 1024;
/// Series that are remembered. The oldest are forgotten first, and a new event is then written.
const SERIES_MAX: usize = 4096;
/// A series that had no event for so long begins anew.
const SERIES_LASTS: Duration = Duration::from_mins(10);
/// Events per pod in a row, and the time in which one more is allowed.
const BURST: u32 = 25;
const REFILL: Duration = Duration::from_mins(5);

/// `Event.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// For information.
    Normal,
    /// Something is wrong.
    Warning,
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    /// Namespace of the event.
    pub namespace: String,
    /// Kind of the object.
    pub kind: &'static str,
    /// Name of the object.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Part of the object, such as `spec.containers{web}`.
    pub field: Option<String>,
    /// Weight.
    pub weight: Weight,
    /// Reason, one word.
    pub reason: &'static str,
    /// Message.
    pub message: String,
}

impl Note {
    /// About a pod, or one of its containers.
    pub(crate) fn about(
        pod: &Pod,
        container: Option<&str>,
        weight: Weight,
        reason: &'static str,
        message: String,
    ) -> Self {
        let list = |name: &str| pod.spec.as_ref().and_then(|spec| Some(policy::find(spec, name)?.0.list()));
        let field = container.map(|name| format!("spec.{}{{{name}}}", list(name).unwrap_or("containers")));
        Self {
            namespace: policy::namespace(pod).to_owned(),
            kind: "Pod",
            name: policy::name(pod).to_owned(),
            uid: policy::uid(pod).to_owned(),
            field,
            weight,
            reason,
            message,
        }
    }
}

/// Takes notes; a task of its own writes them.
#[derive(Clone, Debug)]
pub(crate) struct Events(mpsc::Sender<Note>);

impl Events {
    /// Starts the task.
    pub(crate) fn start(seam: &Seam, cluster: Arc<dyn Cluster>, node: String) -> (Self, seam::Task) {
        let (sender, mut notes) = mpsc::channel(QUEUE_MAX);
        let own = seam.clone();
        let task = seam.spawn("events", async move {
            let mut book = Book { node, series: BTreeMap::new(), budgets: BTreeMap::new() };
            while let Some(note) = notes.recv().await {
                let suffix = own.uuid().simple().to_string();
                let Some((event, again)) = book.write(note, own.now(), &suffix) else { continue };
                if let Err(error) = cluster.record(&event, again).await {
                    tracing::debug!(%error, reason = event.reason, "event lost");
                }
            }
        });
        (Self(sender), task)
    }

    /// Takes a note.
    pub(crate) fn note(&self, note: Note) {
        if let Err(error) = self.0.try_send(note) {
            tracing::debug!(%error, "event lost");
        }
    }
}

/// Remembers what was written.
struct Book {
    node: String,
    series: BTreeMap<Note, Event>,
    budgets: BTreeMap<String, (u32, Timestamp)>,
}

impl Book {
    /// The event to write, and whether it raises the count of one that exists; none when the object is silenced.
    fn write(&mut self, note: Note, now: Timestamp, suffix: &str) -> Option<(Event, bool)> {
        let lives =
            |event: &Event| event.last_timestamp.as_ref().is_some_and(|last| later(last.0, SERIES_LASTS) >= now);
        self.series.retain(|_, event| lives(event));
        if let Some(event) = self.series.get_mut(&note) {
            event.count = event.count.map(|count| count.saturating_add(1));
            event.last_timestamp = Some(seconds(now));
            return Some((event.clone(), true));
        }
        if !self.afford(&note.uid, now) {
            return None;
        }
        if self.series.len() >= SERIES_MAX {
            self.series.pop_first();
        }
        let event = event(&note, &self.node, now, suffix);
        self.series.insert(note, event.clone());
        Some((event, false))
    }

    /// Spends one event of an object's budget.
    fn afford(&mut self, uid: &str, now: Timestamp) -> bool {
        self.budgets.retain(|_, (left, since)| *left < BURST && later(*since, REFILL * BURST) > now);
        let (left, since) = self.budgets.entry(uid.to_owned()).or_insert((BURST, now));
        while *left < BURST && later(*since, REFILL) <= now {
            *left += 1;
            *since = later(*since, REFILL);
        }
        match left.checked_sub(1) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
}

fn event(note: &Note, node: &str, now: Timestamp, suffix: &str) -> Event {
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{}", note.name, suffix.get(..16).unwrap_or(suffix))),
            namespace: Some(note.namespace.clone()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some(note.kind.to_owned()),
            name: Some(note.name.clone()),
            namespace: (note.kind == "Pod").then(|| note.namespace.clone()),
            uid: Some(note.uid.clone()),
            field_path: note.field.clone(),
            resource_version: None,
        },
        type_: Some(if note.weight == Weight::Normal { "Normal" } else { "Warning" }.to_owned()),
        reason: Some(note.reason.to_owned()),
        message: Some(note.message.clone()),
        count: Some(1),
        first_timestamp: Some(seconds(now)),
        last_timestamp: Some(seconds(now)),
        source: Some(EventSource { component: Some("kubelet".to_owned()), host: Some(node.to_owned()) }),
        reporting_component: Some("kubelet".to_owned()),
        reporting_instance: Some(node.to_owned()),
        ..Event::default()
    }
}
