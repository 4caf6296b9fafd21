//! ReplicaSet: a number of equal pods.

use serde_json::Value;

use super::{AGE, NAME, base, cells, column, wide};
use crate::facts::{Facts, ReplicaSetFacts};
use crate::kind::{Column, Kind, Strategy, Subresource};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[
    NAME,
    column("Desired", "integer", "Number of pods asked for."),
    column("Current", "integer", "Number of pods that exist."),
    column("Ready", "integer", "Number of pods that are ready."),
    AGE,
    wide("Containers", "string", "Names of the template's containers."),
    wide("Images", "string", "Images of the template's containers."),
    wide("Selector", "string", "Labels of its pods."),
];

pub(super) fn kind() -> Kind {
    Kind {
        short: &["rs"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Scale],
        columns: COLUMNS,
        selectable: &["status.replicas"],
        schema: "io.k8s.api.apps.v1.ReplicaSet",
        ..base("apps", "ReplicaSet", "replicasets", &ReplicaSet)
    }
}

#[derive(Debug)]
struct ReplicaSet;

impl Strategy for ReplicaSet {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let [containers, images, selector] = cells::template(object);
        vec![
            cells::name(object),
            cells::integer(object, "/spec/replicas").into(),
            cells::integer(object, "/status/replicas").into(),
            cells::integer(object, "/status/readyReplicas").into(),
            cells::age(object, now),
            containers,
            images,
            selector,
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("status.replicas", cells::integer(object, "/status/replicas").to_string())]
    }

    fn facts(&self, object: &Value) -> Facts {
        let count = |pointer| i32::try_from(cells::integer(object, pointer)).unwrap_or(i32::MAX);
        let generation = cells::integer(object, "/metadata/generation");
        Facts::ReplicaSet(ReplicaSetFacts {
            replicas: count("/spec/replicas"),
            current: count("/status/replicas"),
            ready: count("/status/readyReplicas"),
            available: count("/status/availableReplicas"),
            behind: generation - cells::integer(object, "/status/observedGeneration"),
        })
    }
}
