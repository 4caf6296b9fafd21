//! Metrics of `v2beta1`, which are also those of the annotations of `v1`: flat, where the stored ones have parts.

use serde_json::{Value, json};

use crate::json;

/// A kind of metric, and where each of its values stands: in the older form, and in the stored one.
type Metric = (&'static str, &'static [(&'static str, [&'static str; 2])]);

/// Before the name of a part of a target.
const TARGET: &str = "target";

/// What `spec.metrics` asks for.
pub(super) const SOURCES: &[Metric] = &[
    (
        "object",
        &[
            ("target", ["", "describedObject"]),
            ("metricName", ["metric", "name"]),
            ("selector", ["metric", "selector"]),
            ("targetValue", [TARGET, "value"]),
            ("averageValue", [TARGET, "averageValue"]),
        ],
    ),
    (
        "pods",
        &[
            ("metricName", ["metric", "name"]),
            ("selector", ["metric", "selector"]),
            ("targetAverageValue", [TARGET, "averageValue"]),
        ],
    ),
    (
        "resource",
        &[
            ("name", ["", "name"]),
            ("targetAverageUtilization", [TARGET, "averageUtilization"]),
            ("targetAverageValue", [TARGET, "averageValue"]),
        ],
    ),
    (
        "containerResource",
        &[
            ("name", ["", "name"]),
            ("container", ["", "container"]),
            ("targetAverageUtilization", [TARGET, "averageUtilization"]),
            ("targetAverageValue", [TARGET, "averageValue"]),
        ],
    ),
    (
        "external",
        &[
            ("metricName", ["metric", "name"]),
            ("metricSelector", ["metric", "selector"]),
            ("targetValue", [TARGET, "value"]),
            ("targetAverageValue", [TARGET, "averageValue"]),
        ],
    ),
];

/// What `status.currentMetrics` tells.
pub(super) const STATUSES: &[Metric] = &[
    (
        "object",
        &[
            ("target", ["", "describedObject"]),
            ("metricName", ["metric", "name"]),
            ("selector", ["metric", "selector"]),
            ("currentValue", ["current", "value"]),
            ("averageValue", ["current", "averageValue"]),
        ],
    ),
    (
        "pods",
        &[
            ("metricName", ["metric", "name"]),
            ("selector", ["metric", "selector"]),
            ("currentAverageValue", ["current", "averageValue"]),
        ],
    ),
    (
        "resource",
        &[
            ("name", ["", "name"]),
            ("currentAverageUtilization", ["current", "averageUtilization"]),
            ("currentAverageValue", ["current", "averageValue"]),
        ],
    ),
    (
        "containerResource",
        &[
            ("name", ["", "name"]),
            ("container", ["", "container"]),
            ("currentAverageUtilization", ["current", "averageUtilization"]),
            ("currentAverageValue", ["current", "averageValue"]),
        ],
    ),
    (
        "external",
        &[
            ("metricName", ["metric", "name"]),
            ("metricSelector", ["metric", "selector"]),
            ("currentValue", ["current", "value"]),
            ("currentAverageValue", ["current", "averageValue"]),
        ],
    ),
];

/// A list of metrics in the older form.
pub(super) fn to_older(list: &Value, known: &[Metric]) -> Value {
    each(list, known, |kind, stored, places| {
        let mut older = json!({});
        for (name, [part, field]) in places {
            let value = if part.is_empty() { stored.get(field) } else { stored.get(part).and_then(|part| part.get(field)) };
            if let Some(value) = value {
                json::set(&mut older, name, value.clone());
            }
        }
        if kind == "object" && places.iter().any(|(_, [part, _])| *part == TARGET) {
            // The older form cannot leave it out.
            json::fill(&mut older, "targetValue", "0");
        }
        older
    })
}

/// A list of metrics of the older form as it is stored.
pub(super) fn from_older(list: &Value, known: &[Metric]) -> Value {
    each(list, known, |kind, older, places| {
        let mut stored = json!({});
        for (name, [part, field]) in places {
            let Some(value) = older.get(name) else { continue };
            let place = if part.is_empty() { Some(&mut stored) } else { json::part(&mut stored, part) };
            if let Some(place) = place {
                json::set(place, field, value.clone());
            }
        }
        if places.iter().any(|(_, [part, _])| *part == TARGET)
            && let Some(target) = json::part(&mut stored, TARGET)
        {
            complete(target, kind);
        }
        stored
    })
}

/// Says what a target is about, which the older form leaves to be seen.
fn complete(target: &mut Value, kind: &str) {
    let has = |name: &str| target.get(name).is_some();
    let of = match kind {
        _ if has("averageUtilization") => "Utilization",
        "object" if !has("averageValue") => "Value",
        "external" if has("value") => "Value",
        _ => "AverageValue",
    };
    match (kind, of) {
        ("object", "Value") => json::fill(target, "value", "0"),
        ("object", _) if target["value"] == "0" => drop(target.as_object_mut().and_then(|fields| fields.remove("value"))),
        _ => {}
    }
    json::set(target, "type", of);
}

/// Turns the part of each metric that its kind is about.
fn each(list: &Value, known: &[Metric], turn: impl Fn(&str, &Value, &[(&str, [&str; 2])]) -> Value) -> Value {
    let one = |metric: &Value| {
        let mut out = json!({});
        if let Some(of) = metric.get("type") {
            json::set(&mut out, "type", of.clone());
        }
        for (kind, places) in known {
            if let Some(part) = metric.get(kind) {
                json::set(&mut out, kind, turn(kind, part, places));
            }
        }
        out
    };
    list.as_array().into_iter().flatten().map(one).collect()
}
