//! Deployment: pods of one template, replaced step by step when the template changes.

use serde_json::Value;

use super::{AGE, NAME, base, cells, column, wide};
use crate::kind::{Column, Flags, Kind, Strategy, Subresource};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[
    NAME,
    column("Ready", "string", "Number of ready pods of those desired."),
    column("Up-to-date", "integer", "Number of pods of the current template."),
    column("Available", "integer", "Number of pods that have been ready for minReadySeconds."),
    AGE,
    wide("Containers", "string", "Names of the template's containers."),
    wide("Images", "string", "Images of the template's containers."),
    wide("Selector", "string", "Labels of its pods."),
];

pub(super) fn kind() -> Kind {
    Kind {
        short: &["deploy"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Scale],
        columns: COLUMNS,
        flags: Flags::default(),
        schema: "io.k8s.api.apps.v1.Deployment",
        ..base("apps", "Deployment", "deployments", &Deployment)
    }
}

#[derive(Debug)]
struct Deployment;

impl Strategy for Deployment {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let status = |name: &str| cells::integer(object, &format!("/status/{name}"));
        let [containers, images, selector] = cells::template(object);
        vec![
            cells::name(object),
            format!("{}/{}", status("readyReplicas"), cells::integer(object, "/spec/replicas")).into(),
            status("updatedReplicas").into(),
            status("availableReplicas").into(),
            cells::age(object, now),
            containers,
            images,
            selector,
        ]
    }
}
