//! `autoscaling/v1 Scale`: the number of pods of a workload, read and written alone.

use serde_json::{Map, Value, json};

use crate::field::Field;
use crate::kind::Column;
use crate::meta::Timestamp;
use crate::selector::LabelSelector;
use crate::validate::FieldError;
use crate::{json, time};

/// Columns of the Table of a Scale.
pub const COLUMNS: &[Column] = &[
    Column { name: "Name", kind: "string", format: "", description: "Name of the workload.", priority: 0 },
    Column { name: "Desired", kind: "integer", format: "", description: "Pods that are wanted.", priority: 0 },
    Column { name: "Available", kind: "integer", format: "", description: "Pods that are there.", priority: 0 },
    Column {
        name: "Age",
        kind: "string",
        format: "",
        description: "Time since the workload was created.",
        priority: 0,
    },
];

/// One value per [`COLUMNS`].
#[must_use]
pub fn cells(scale: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        json::text(scale, "/metadata/name").into(),
        json::integer(scale, "/spec/replicas").into(),
        json::integer(scale, "/status/replicas").into(),
        time::age(time::at(scale, "/metadata/creationTimestamp"), now).into(),
    ]
}

/// The Scale of a Deployment or ReplicaSet.
#[must_use]
pub fn of(workload: &Value) -> Value {
    let kept = ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"];
    let meta: Map<String, Value> = json::entries(workload, "/metadata")
        .filter(|(name, _)| kept.contains(name))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let selector = selector(&workload["spec"]["selector"]);
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": meta,
        "spec": {"replicas": json::integer(workload, "/spec/replicas")},
        "status": {"replicas": json::integer(workload, "/status/replicas"), "selector": selector.to_string()},
    })
}

/// The selector of a workload. A `ReplicationController` has a plain map of labels, which are texts; others have lists and maps.
fn selector(value: &Value) -> LabelSelector {
    if value.as_object().is_some_and(|labels| labels.values().all(Value::is_string)) {
        return LabelSelector::from_labels(value);
    }
    // A malformed selector was refused when the workload was written.
    LabelSelector::from_value(value).unwrap_or_default()
}

/// Writes a number out that is none at all, as Go would leave it out: who sets it to zero owns it.
pub fn default(scale: &mut Value) {
    json::fill(scale, "spec", json!({}));
    if let Some(spec) = scale.get_mut("spec") {
        json::fill(spec, "replicas", 0);
    }
}

/// Everything wrong with a Scale that somebody wrote.
#[must_use]
pub fn validate(scale: &Value) -> Vec<FieldError> {
    let replicas = Field::root(scale).at("spec").at("replicas");
    replicas.not_negative().into_iter().collect()
}

/// Writes the number of a Scale into its workload. A Scale without a number asks for none at all.
pub fn put(scale: &Value, workload: &mut Value) {
    if let Some(spec) = json::section(workload, "spec") {
        spec.insert("replicas".into(), json::integer(scale, "/spec/replicas").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_reads_as_the_recorded_one_and_writes_the_number_back() {
        let mut workload = json!({
            "kind": "Deployment", "apiVersion": "apps/v1",
            "metadata": {"name": "d1", "namespace": "default", "uid": "u", "resourceVersion": "225", "labels": {"a": "b"},
                "creationTimestamp": "2026-11-23T10:09:27Z"},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "d1"}}}, "status": {},
        });
        let mut scale = of(&workload);
        let recorded = json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "d1",
            "namespace": "default", "uid": "u", "resourceVersion": "225", "creationTimestamp": "2026-11-23T10:09:27Z"},
            "spec": {"replicas": 3}, "status": {"replicas": 0, "selector": "app=d1"}});
        assert_eq!(scale, recorded);
        scale["spec"]["replicas"] = 4.into();
        assert_eq!(validate(&scale), []);
        put(&scale, &mut workload);
        assert_eq!(workload["spec"]["replicas"], 4);
        workload["spec"]["selector"] = json!({"app": "rc", "tier": "web"});
        assert_eq!(of(&workload)["status"]["selector"], "app=rc,tier=web");
        scale["spec"]["replicas"] = (-1).into();
        assert_eq!(validate(&scale).len(), 1);
    }
}
