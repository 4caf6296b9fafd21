//! What an autoscaler measures, and what the measure should be.

use serde_json::Value;

use super::horizontal_pod_autoscaler::reference;
use crate::field::{Errors, Field};
use crate::quantity::Quantity;
use crate::validate::FieldError;
use crate::{name, pod_spec};

/// Types of metrics, in the order of error messages, and the field of each.
const TYPES: &[&str] = &["ContainerResource", "External", "Object", "Pods", "Resource"];
/// Fields in the order in which they are looked at; only the first one given is checked.
const FIELDS: [&str; 5] = ["object", "external", "pods", "resource", "containerResource"];

/// Gives amounts their canonical form.
pub(super) fn default(metric: &mut Value) {
    for target in FIELDS.iter().map(|field| format!("/{field}/target")) {
        if let Some(target) = metric.pointer_mut(&target) {
            for amount in ["value", "averageValue"] {
                pod_spec::canonical_amount(target, amount);
            }
        }
    }
}

/// Everything wrong with one of `metrics`.
pub(super) fn rules(metric: &Field<'_>) -> Errors {
    let kind = metric.at("type");
    let mut errors = Errors::new();
    if kind.is_empty() {
        errors.push(kind.required("must specify a metric source type"));
    }
    let unknown = || FieldError::not_supported(kind.path(), kind.text(), TYPES);
    let wanted = field_of(kind.text());
    errors.extend(wanted.is_none().then(unknown));
    let given: Vec<Field<'_>> = FIELDS.iter().map(|field| metric.at(field)).filter(Field::is_set).collect();
    errors.extend(given.first().into_iter().flat_map(source));
    match wanted {
        Some(name) if !metric.at(name).is_set() => {
            errors.push(metric.at(name).required("must populate information for the given metric source"));
        }
        Some(_) => {}
        None => errors.push(unknown()),
    }
    if given.len() > 1 {
        let own = wanted.map(|name| metric.at(name).path().to_owned()).unwrap_or_default();
        let others = given.iter().filter(|one| one.path() != own);
        errors.extend(others.map(|one| one.forbidden("must populate the given metric source only")));
    }
    errors
}

fn field_of(kind: &str) -> Option<&'static str> {
    FIELDS.into_iter().find(|field| TYPES.contains(&kind) && field.eq_ignore_ascii_case(kind))
}

/// Everything wrong with what a metric of one type says.
fn source(source: &Field<'_>) -> Errors {
    let (target, name) = (source.at("target"), source.at("name"));
    let (value, average, percent) = (target.at("value"), target.at("averageValue"), target.at("averageUtilization"));
    let kind = source.path().rsplit('.').next().unwrap_or_default();
    let mut errors = Errors::new();
    match kind {
        "object" => {
            errors.extend(reference(&source.at("describedObject")));
            errors.extend(identifier(&source.at("metric")));
        }
        "external" | "pods" => errors.extend(identifier(&source.at("metric"))),
        _ => errors.extend(name.is_empty().then(|| name.required("must specify a resource name"))),
    }
    if kind == "containerResource" {
        let container = source.at("container");
        errors.extend(container.is_empty().then(|| container.required("must specify a container")));
        errors.extend(container.named(name::label));
    }
    errors.extend(target_rules(&target));
    let neither = |one: &Field<'_>, other: &Field<'_>| !one.is_set() && !other.is_set();
    match kind {
        "object" if neither(&value, &average) => {
            errors.push(average.required("must set either a target value or averageValue"));
        }
        "external" if neither(&value, &average) => {
            errors.push(average.required("must set either a target value for metric or a per-pod target"));
        }
        "external" if value.is_set() && average.is_set() => {
            errors.push(value.forbidden("may not set both a target value for metric and a per-pod target"));
        }
        "pods" if !average.is_set() => {
            errors.push(average.required("must specify a positive target averageValue"));
        }
        "resource" | "containerResource" if neither(&percent, &average) => {
            errors.push(percent.required("must set either a target raw value or a target utilization"));
        }
        "resource" | "containerResource" if percent.is_set() && average.is_set() => {
            errors.push(average.forbidden("may not set both a target raw value and a target utilization"));
        }
        _ => {}
    }
    errors
}

fn identifier(metric: &Field<'_>) -> Errors {
    let name = metric.at("name");
    if name.is_empty() { vec![name.required("must specify a metric name")] } else { name.named(name::path_segment) }
}

fn target_rules(target: &Field<'_>) -> Errors {
    let kind = target.at("type");
    let mut errors = Errors::new();
    if kind.is_empty() {
        errors.push(kind.required("must specify a metric target type"));
    }
    if !["Utilization", "Value", "AverageValue"].contains(&kind.text()) {
        errors.push(kind.invalid_part(kind.text(), "must be either Utilization, Value, or AverageValue"));
    }
    for amount in ["value", "averageValue"].map(|name| target.at(name)) {
        if amount.is_set() && Quantity::from_value(amount.value).is_ok_and(|amount| amount <= Quantity::ZERO) {
            errors.push(amount.invalid("must be positive"));
        }
    }
    let percent = target.at("averageUtilization");
    if percent.integer().is_some_and(|number| number < 1) {
        errors.push(percent.invalid("must be greater than 0"));
    }
    errors
}
