//! HorizontalPodAutoscaler of `v1`, `v2beta1` and `v2beta2`.
//!
//! `v1` knows one metric, and `v2beta1` no behaviour: what they have no field for stands in annotations as text, as in
//! Kubernetes, so that a client which writes back what it read loses nothing.

mod annotations;
mod metrics;

use serde_json::{Value, json};

use super::horizontal_pod_autoscaler;
use crate::json;
use crate::kind::{Directions, Kind};
use crate::kinds::forms::form;
use annotations::{CONDITIONS, CURRENT_METRICS, METRICS};
use metrics::Amounts;

const GROUP: &str = "autoscaling";

pub(in crate::kinds) fn v1() -> Kind {
    let directions = Directions { to_stored: from_v1, from_stored: to_v1, fields: &[] };
    of("v1", "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler", directions)
}

pub(in crate::kinds) fn v2beta1() -> Kind {
    let directions = Directions { to_stored: from_v2beta1, from_stored: to_v2beta1, fields: &[] };
    of("v2beta1", "io.k8s.api.autoscaling.v2beta1.HorizontalPodAutoscaler", directions)
}

pub(in crate::kinds) fn v2beta2() -> Kind {
    of("v2beta2", "io.k8s.api.autoscaling.v2beta2.HorizontalPodAutoscaler", Directions::SAME)
}

fn of(version: &str, schema: &'static str, directions: Directions) -> Kind {
    form(horizontal_pod_autoscaler::kind(), GROUP, version, schema, directions)
}

fn to_v2beta1(object: &mut Value) {
    annotations::clear(object);
    if let Some(behavior) = take(object, "spec", "behavior") {
        annotations::give_behavior(object, behavior);
    }
    if let Some(list) = object.pointer_mut("/spec/metrics") {
        *list = metrics::to_older(list, Amounts::Target);
    }
    if let Some(list) = object.pointer_mut("/status/currentMetrics") {
        *list = metrics::to_older(list, Amounts::Current);
    }
}

fn from_v2beta1(object: &mut Value) {
    if let Some(list) = object.pointer_mut("/spec/metrics") {
        *list = metrics::from_older(list, Amounts::Target);
    }
    if let Some(list) = object.pointer_mut("/status/currentMetrics") {
        *list = metrics::from_older(list, Amounts::Current);
    }
    restore(object, "spec", "behavior", annotations::take_behavior);
    annotations::clear(object);
}

fn to_v1(object: &mut Value) {
    annotations::clear(object);
    if let Some(behavior) = take(object, "spec", "behavior") {
        annotations::give_behavior(object, behavior);
    }
    if let Some(Value::Array(all)) = take(object, "spec", "metrics") {
        let target = all.iter().find(|metric| is_of_processor(metric)).map(|metric| &metric["resource"]["target"]);
        let target = target.and_then(|target| target.get("averageUtilization")).cloned();
        put(object, "spec", "targetCPUUtilizationPercentage", target);
        let others =
            all.into_iter().filter(|metric| !is_of_processor(metric) || utilization(metric, "target").is_null());
        give(object, METRICS, &metrics::to_older(&others.collect(), Amounts::Target));
    }
    if let Some(Value::Array(all)) = take(object, "status", "currentMetrics") {
        let mut current =
            all.iter().filter(|metric| is_of_processor(metric)).map(|metric| utilization(metric, "current"));
        let current = current.rfind(|current| !current.is_null()).cloned();
        put(object, "status", "currentCPUUtilizationPercentage", current);
        give(object, CURRENT_METRICS, &metrics::to_older(&all.into(), Amounts::Current));
    }
    if let Some(conditions) = take(object, "status", "conditions") {
        give(object, CONDITIONS, &conditions);
    }
}

fn from_v1(object: &mut Value) {
    let processor = |place: &str, amount: Value| {
        let target = if place == "target" {
            json!({"type": "Utilization", "averageUtilization": amount})
        } else {
            json!({"averageUtilization": amount})
        };
        json!({"type": "Resource", "resource": {"name": "cpu", place: target}})
    };
    let target = take(object, "spec", "targetCPUUtilizationPercentage").map(|amount| processor("target", amount));
    let others =
        annotations::take(object, METRICS, "spec", "metrics", |list| metrics::from_older(list, Amounts::Target));
    let mut all = others.and_then(|list| list.as_array().cloned()).unwrap_or_default();
    all.extend(target);
    put(object, "spec", "metrics", (!all.is_empty()).then(|| all.into()));
    let current =
        take(object, "status", "currentCPUUtilizationPercentage").map(|amount| json!([processor("current", amount)]));
    let told = annotations::take(object, CURRENT_METRICS, "status", "currentMetrics", |list| {
        metrics::from_older(list, Amounts::Current)
    });
    put(object, "status", "currentMetrics", told.or(current));
    restore(object, "status", "conditions", |object| {
        annotations::take(object, CONDITIONS, "status", "conditions", Value::clone)
    });
    restore(object, "spec", "behavior", annotations::take_behavior);
    annotations::clear(object);
}

fn is_of_processor(metric: &Value) -> bool {
    metric["type"] == "Resource" && metric["resource"]["name"] == "cpu"
}

fn utilization<'a>(metric: &'a Value, place: &str) -> &'a Value {
    &metric["resource"][place]["averageUtilization"]
}

/// Puts an annotation that says something.
fn give(object: &mut Value, name: &str, list: &Value) {
    if !json::is_empty(list) {
        annotations::give(object, name, list);
    }
}

fn take(object: &mut Value, part: &str, field: &str) -> Option<Value> {
    object.get_mut(part)?.as_object_mut()?.remove(field)
}

fn put(object: &mut Value, part: &str, field: &str, value: Option<Value>) {
    if let (Some(value), Some(fields)) = (value, json::section(object, part)) {
        fields.insert(field.to_owned(), value);
    }
}

/// Puts what an annotation tells where it belongs.
fn restore(object: &mut Value, part: &str, field: &str, told: impl Fn(&Value) -> Option<Value>) {
    let value = told(object);
    put(object, part, field, value);
}

#[cfg(test)]
mod tests;
