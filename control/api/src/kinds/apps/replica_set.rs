//! ReplicaSet: a number of equal pods.

use serde_json::{Value, json};

use crate::facts::{Facts, ReplicaSetFacts};
use crate::field::{Errors, Field};
use crate::kind::{Column, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, pod_spec};

use super::status;

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

pub(in crate::kinds) fn kind() -> Kind {
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
    fn default(&self, object: &mut Value) {
        let Some(spec) = json::part(object, "spec") else { return };
        json::fill(spec, "replicas", 1);
        pod_spec::default_template(spec);
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({"replicas": 0}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors = Errors::new();
        errors.extend(spec.at("replicas").not_negative());
        errors.extend(spec.at("minReadySeconds").not_negative());
        errors.extend(pod_spec::selected_template(&spec, "ReplicaSet"));
        errors
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let parts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
        let names = [&["replicas"][..], &parts, &["observedGeneration", "terminatingReplicas"]].concat();
        status::counts(object, old, &names, &parts, "cannot be greater than readyReplicas")
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let mut told = pod_spec::name_warnings(object, pod_spec::OF_PODS);
        told.extend(pod_spec::warnings(&Field::root(object).at("spec").at("template").at("spec")));
        told
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        Field::root(object).at("spec").at("selector").unchanged(&old["spec"]["selector"]).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let [containers, images, selector] = cells::template(object);
        vec![
            cells::name(object),
            json::integer(object, "/spec/replicas").into(),
            json::integer(object, "/status/replicas").into(),
            json::integer(object, "/status/readyReplicas").into(),
            cells::age(object, now),
            containers,
            images,
            selector,
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("status.replicas", json::integer(object, "/status/replicas").to_string())]
    }

    fn facts(&self, object: &Value) -> Facts {
        let count = |pointer| i32::try_from(json::integer(object, pointer)).unwrap_or(i32::MAX);
        let generation = json::integer(object, "/metadata/generation");
        Facts::ReplicaSet(ReplicaSetFacts {
            replicas: count("/spec/replicas"),
            current: count("/status/replicas"),
            ready: count("/status/readyReplicas"),
            available: count("/status/availableReplicas"),
            behind: generation.saturating_sub(json::integer(object, "/status/observedGeneration")),
        })
    }
}
