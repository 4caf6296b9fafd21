//! What the status of a Job may say, and may not say any more (KEP-4368).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::indexes;
use crate::field::{Errors, Field};
use crate::json;
use crate::time;

/// Conditions that never go again.
const FINAL: [&str; 3] = ["Failed", "Complete", "FailureTarget"];

/// Whether a condition of the status holds.
pub(super) fn holds(object: &Value, kind: &str) -> bool {
    json::items(object, "/status/conditions").iter().any(|one| one["type"] == kind && one["status"] == "True")
}

/// Everything wrong with a status, and with what it was changed from.
pub(super) fn rules(object: &Value, old: &Value) -> Errors {
    let status = Field::root(object).at("status");
    let mut errors = status.none_negative(&["active", "succeeded", "failed", "ready", "terminating"]);
    errors.extend(uncounted(&status.at("uncountedTerminatedPods")));
    errors.extend(conditions(object, &status));
    errors.extend(times(object, &status));
    errors.extend(finished(object, &status));
    errors.extend(of_indexes(object, &status));
    let ready = status.at("ready");
    if ready.integer().unwrap_or_default() > json::integer(object, "/status/active") {
        errors.push(ready.invalid("cannot set more ready pods than active"));
    }
    errors.extend(change(object, old, &status));
    errors
}

fn uncounted(pods: &Field<'_>) -> Errors {
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for uid in ["succeeded", "failed"].iter().flat_map(|list| pods.at(list).items()) {
        if uid.is_empty() {
            errors.push(uid.invalid("must not be empty"));
        } else if !seen.insert(uid.text()) {
            errors.push(uid.duplicate());
        }
    }
    errors
}

/// Conditions that exclude, or need, one another.
fn conditions(object: &Value, status: &Field<'_>) -> Errors {
    let holds = |kind: &str| holds(object, kind);
    let told = [
        (holds("Complete") && holds("Failed"), "cannot set Complete=True and Failed=true conditions"),
        (holds("Complete") && holds("FailureTarget"), "cannot set Complete=True and FailureTarget=true conditions"),
        (
            holds("Failed") && !holds("FailureTarget"),
            "cannot set Failed=True condition without the FailureTarget=true condition",
        ),
        (
            holds("Complete") && !holds("SuccessCriteriaMet"),
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
        (
            holds("SuccessCriteriaMet") && holds("Failed"),
            "cannot set SuccessCriteriaMet=True and Failed=true conditions",
        ),
        (
            holds("SuccessCriteriaMet") && holds("FailureTarget"),
            "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
        ),
    ];
    told.iter().filter(|(wrong, _)| *wrong).map(|(_, why)| status.at("conditions").invalid_unshown(*why)).collect()
}

fn times(object: &Value, status: &Field<'_>) -> Errors {
    let (start, end) = (status.at("startTime"), status.at("completionTime"));
    let mut errors = Errors::new();
    match (end.is_set(), holds(object, "Complete")) {
        (true, false) => {
            errors.push(end.invalid("cannot set completionTime when there is no Complete=True condition"));
        }
        (false, true) => errors.push(end.required("completionTime is required for Complete jobs")),
        (true, true) | (false, false) => {}
    }
    let moments = (time::at(object, "/status/startTime"), time::at(object, "/status/completionTime"));
    if matches!(moments, (Some(start), Some(end)) if end < start) {
        errors.push(end.invalid("must be equal to or after `startTime`"));
    }
    if is_finished(object) && !start.is_set() {
        errors.push(start.required("startTime is required for finished job"));
    }
    errors
}

/// Whether a Job has come to its end, good or bad.
fn is_finished(object: &Value) -> bool {
    holds(object, "Complete") || holds(object, "Failed")
}

/// What a Job that has come to its end has no more.
fn finished(object: &Value, status: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    if !is_finished(object) {
        return errors;
    }
    for name in ["active", "terminating"] {
        let count = status.at(name);
        if count.integer().unwrap_or_default() > 0 {
            errors.push(count.invalid(format!("{name}>0 is invalid for finished job")));
        }
    }
    let uncounted = status.at("uncountedTerminatedPods");
    if ["succeeded", "failed"].iter().any(|list| !uncounted.at(list).is_empty()) {
        errors.push(uncounted.invalid("must be empty for finished job"));
    }
    errors
}

fn of_indexes(object: &Value, status: &Field<'_>) -> Errors {
    let spec = &object["spec"];
    let (done, failed) = (status.at("completedIndexes"), status.at("failedIndexes"));
    let mut errors = Errors::new();
    if let Some(completions) = spec["completions"].as_i64() {
        let parsed = [&done, &failed].map(|field| {
            let parsed = indexes::parse(field.text(), completions);
            let name = field.path().rsplit('.').next().unwrap_or_default();
            errors.extend(parsed.as_ref().err().map(|why| field.invalid(format!("error parsing {name}: {why}"))));
            parsed.unwrap_or_default()
        });
        if let Some(index) = indexes::common(&parsed[0], &parsed[1]) {
            let why = format!("failedIndexes and completedIndexes overlap at index: {index}");
            errors.push(failed.invalid(why));
        }
    }
    if !done.is_empty() && spec["completionMode"] != "Indexed" {
        errors.push(done.invalid("cannot set non-empty completedIndexes when non-indexed completion mode"));
    }
    if failed.is_set() && spec["backoffLimitPerIndex"].is_null() {
        errors.push(failed.invalid("cannot set non-null failedIndexes when backoffLimitPerIndex is null"));
    }
    errors
}

/// What was said once and cannot be taken back.
fn change(object: &Value, old: &Value, status: &Field<'_>) -> Errors {
    let conditions = status.at("conditions");
    let lost = |kind: &&str| holds(old, kind) && !holds(object, kind);
    let mut errors: Errors = FINAL
        .iter()
        .filter(|kind| lost(kind))
        .map(|kind| conditions.invalid_unshown(format!("cannot disable the terminal {kind}=True condition")))
        .collect();
    for name in ["failed", "succeeded"] {
        let count = status.at(name);
        let number = count.integer().unwrap_or_default();
        if number < json::integer(old, &format!("/status/{name}")) {
            errors.push(count.invalid_part(json!(number), format!("cannot decrease the {name} counter")));
        }
    }
    let (start, end) = (status.at("startTime"), status.at("completionTime"));
    let before = |name: &str| old["status"].get(name).filter(|value| !value.is_null());
    if end.is_set() && before("completionTime").is_some_and(|before| before != end.value) {
        errors.push(end.invalid("field is immutable"));
    }
    if before("startTime").is_some_and(|before| before != start.value) && !json::boolean(object, "/spec/suspend") {
        errors.push(start.required("startTime cannot be removed for unsuspended job"));
    }
    if lost(&"SuccessCriteriaMet") {
        errors.push(conditions.invalid_unshown("cannot disable the SuccessCriteriaMet=True condition"));
    }
    errors
}
