//! What an Event must say: little as `v1`, more as `events.k8s.io/v1`, whose clients fill the newer fields.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::name;

/// Longest `reportingInstance`, `action` and `reason`, in bytes.
const WORD_MAX: usize = 128;
/// Longest `message`, in bytes.
const MESSAGE_MAX: usize = 1024;
/// Least count of a series: one event is no series.
const SERIES_MIN: i64 = 2;
/// Fields that only older clients set.
const OLD_FIELDS: &[&str] = &["firstTimestamp", "lastTimestamp", "count", "source"];
/// Fields that never change, in the order in which they are told: the reason twice, as Kubernetes does.
const IMMUTABLE: &[&str] = &[
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "reason",
    "type",
    "eventTime",
    "action",
    "related",
];

/// What holds for Events of every version. An Event with an `eventTime` is one of the newer form.
pub(super) fn common(object: &Value) -> Errors {
    let root = Field::root(object);
    let namespace = root.at("metadata").at("namespace").text();
    let about = root.at("involvedObject").at("namespace");
    let new = root.at("eventTime").is_set();
    let fits = match (about.text(), new) {
        ("", false) => matches!(namespace, "" | "default"),
        ("", true) => matches!(namespace, "default" | "kube-system"),
        (about, false) => about == namespace,
        (_, true) => true,
    };
    let mut errors = Errors::new();
    errors.extend((!fits).then(|| about.invalid_part(about.text(), "does not match event.namespace")));
    if new {
        errors.extend(newer(&root));
    }
    let told = root.at("metadata").at("namespace").told_as("namespace");
    errors.extend(name::subdomain(namespace).into_iter().map(|why| told.invalid_part(namespace, why)));
    errors
}

/// What holds for Events of the newer form.
fn newer(root: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let controller = root.at("reportingComponent").called("reportingController");
    errors.extend(controller.is_empty().then(|| controller.required("")));
    errors.extend(
        name::qualified(controller.text()).into_iter().map(|why| controller.invalid_part(controller.text(), why)),
    );
    for (word, needed, most) in [
        ("reportingInstance", true, WORD_MAX),
        ("action", true, WORD_MAX),
        ("reason", true, WORD_MAX),
        ("message", false, MESSAGE_MAX),
    ] {
        let field = root.at(word);
        errors.extend((needed && field.is_empty()).then(|| field.required("")));
        let long = field.text().len() > most;
        errors.extend(long.then(|| field.invalid_part("", format!("can have at most {most} characters"))));
    }
    errors
}

/// What holds beyond that for a new Event of `events.k8s.io/v1`.
pub(super) fn strict(object: &Value) -> Errors {
    let root = Field::root(object);
    let mut errors = series(&root.at("series"));
    let (time, kind) = (root.at("eventTime"), root.at("type"));
    errors.extend((!time.is_set()).then(|| time.required("")));
    let known = matches!(kind.text(), "Normal" | "Warning");
    errors.extend((!known).then(|| kind.invalid_part("", format!("has invalid value: {}", kind.text()))));
    for old in OLD_FIELDS {
        let field = root.at(old);
        let set = !field.is_empty() && *field.value != 0;
        errors.extend(set.then(|| field.invalid_part("", "needs to be unset")));
    }
    errors
}

/// What a change by a client of `events.k8s.io/v1` must leave as it is.
pub(super) fn unchanged(object: &Value, old: &Value) -> Errors {
    let root = Field::root(object);
    let mut errors = if object["series"] == old["series"] { Errors::new() } else { series(&root.at("series")) };
    errors.extend(IMMUTABLE.iter().filter_map(|field| root.at(field).unchanged(&old[*field])));
    let controller = root.at("reportingComponent").called("reportingController");
    errors.extend(controller.unchanged(&old["reportingComponent"]));
    errors.extend(root.at("reportingInstance").unchanged(&old["reportingInstance"]));
    errors
}

fn series(series: &Field<'_>) -> Errors {
    if !series.is_set() {
        return Errors::new();
    }
    let (count, last) = (series.at("count"), series.at("lastObservedTime"));
    let few = count.integer().unwrap_or_default() < SERIES_MIN;
    let mut errors = Errors::new();
    errors.extend(few.then(|| count.invalid_part("", format!("should be at least {SERIES_MIN}"))));
    errors.extend((!last.is_set()).then(|| last.required("")));
    errors
}
