//! The objects of `metrics.k8s.io`, made of what a node says and what the API knows.

use api::kind::Kind;
use api::meta::Timestamp;
use api::quantity::Quantity;
use api::record::Record;
use api::view::View;
use api::{duration, time};
use serde_json::{Map, Value, json};

use super::runs;
use super::summary::{Figures, Pod, Summary};

/// Namespace, name and the object.
type Found = (String, String, Value);

/// What objects are made of beside what a node says.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) kind: &'a Kind,
    pub(super) now: Timestamp,
    pub(super) state: &'a View,
}

impl Of<'_> {
    /// The object of a node; none before it has measured itself twice.
    pub(super) fn node(self, name: &str, summary: &Summary) -> Option<Found> {
        let node = self.state.find("", "nodes", "", name)?;
        let figures = summary.node.figures()?;
        let mut object = self.object(node, &figures);
        object["usage"] = usage(&figures);
        Some((String::new(), name.to_owned(), object))
    }

    /// The objects of pods that run on a node, each when all its running containers have been measured twice.
    pub(super) fn pods(self, node: &str, summary: &Summary) -> Vec<Found> {
        summary.pods.iter().filter_map(|pod| self.pod(node, pod)).collect()
    }

    fn pod(self, node: &str, pod: &Pod) -> Option<Found> {
        let record = self.state.find("", "pods", &pod.pod_ref.namespace, &pod.pod_ref.name)?;
        let is_here = record.header.facts.pod()?.node.as_deref() == Some(node);
        if !is_here || !runs(record) || record.header.uid.as_str() != pod.pod_ref.uid {
            return None;
        }
        let figures = pod.containers.iter().map(|one| Some((&*one.name, one.measured.figures()?)));
        let figures: Vec<(&str, Figures)> = figures.collect::<Option<_>>()?;
        let (_, oldest) = figures.iter().min_by(|(_, a), (_, b)| a.time.cmp(&b.time))?;
        let mut object = self.object(record, oldest);
        let container = |(name, figures): &(&str, Figures)| json!({"name": name, "usage": usage(figures)});
        object["containers"] = figures.iter().map(container).collect();
        Some((pod.pod_ref.namespace.clone(), pod.pod_ref.name.clone(), object))
    }

    /// All but the usage. It is as young as the question, and has the labels of what it is about, so that those select it.
    fn object(self, about: &Record, figures: &Figures) -> Value {
        let mut metadata = json!({"name": about.key.name(), "creationTimestamp": time::text(self.now)});
        if !about.key.namespace().is_empty() {
            metadata["namespace"] = about.key.namespace().into();
        }
        let labels = about.header.labels.iter().map(|(name, value)| (name.to_string(), Value::from(&**value)));
        let labels: Map<String, Value> = labels.collect();
        if !labels.is_empty() {
            metadata["labels"] = labels.into();
        }
        json!({
            "apiVersion": self.kind.api_version(), "kind": &*self.kind.kind, "metadata": metadata,
            "timestamp": figures.time, "window": duration::text(figures.window),
        })
    }
}

/// A `ResourceList`.
fn usage(figures: &Figures) -> Value {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (cpu, memory) = (Quantity::from_nano(signed(figures.nano_cores)), Quantity::from_bytes(signed(figures.memory)));
    json!({"cpu": cpu.to_string(), "memory": memory.to_string()})
}
