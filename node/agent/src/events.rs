//! Events about pods and the node: what `kubectl describe` shows.
//!
//! The same event again raises the count of the first one. Many that differ in their words only become one, and an object that
//! produces too many is silenced, as the kubelet's own recorder does, so that a broken pod cannot fill the store: see [`book`].

mod book;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use seam::{Seam, Timestamp};
use tokio::sync::mpsc;

use crate::cluster::{Cluster, ClusterError};
use crate::events::book::Book;
use crate::policy;
use crate::status::seconds;

/// Events waiting to be written. What comes while the queue is full is dropped: events are best effort by their contract.
const QUEUE_MAX: usize = 1024;
/// Tries to write one event to a server that is busy or away, and the time between two. The kubelet's recorder makes twelve too.
const TRIES: u32 = 12;
const TRY_AGAIN: Duration = Duration::from_secs(1);

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

impl Note {
    /// About the node itself, whose events are of its name as the kubelet's are.
    pub(crate) fn about_node(node: &str, weight: Weight, reason: &'static str, message: String) -> Self {
        Self {
            namespace: "default".to_owned(),
            kind: "Node",
            name: node.to_owned(),
            uid: node.to_owned(),
            field: None,
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
            let mut book = Book::new(node);
            while let Some(note) = notes.recv().await {
                let suffix = own.uuid().simple().to_string();
                let Some((event, again)) = book.write(note, own.now(), &suffix) else { continue };
                record(&own, &*cluster, &event, again).await;
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

/// Writes an event, more than once when the server is not to be had at the moment.
async fn record(seam: &Seam, cluster: &dyn Cluster, event: &Event, again: bool) {
    for _ in 1..TRIES {
        match cluster.record(event, again).await {
            Err(error) if error.passes() => {
                tracing::debug!(%error, reason = event.reason, "event not written, will try again");
                seam.sleep(TRY_AGAIN).await;
            }
            outcome => return told(outcome, event),
        }
    }
    told(cluster.record(event, again).await, event);
}

fn told(outcome: Result<(), ClusterError>, event: &Event) {
    let Err(error) = outcome else { return };
    let object = &event.involved_object.name;
    if error.passes() {
        tracing::warn!(%error, reason = event.reason, object, "event lost");
    } else {
        // Such as one about a pod whose namespace is going.
        tracing::debug!(%error, reason = event.reason, object, "event refused");
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
