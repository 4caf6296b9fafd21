//! What a Job is to do: defaults and rules shared by Jobs and by the templates of CronJobs.

use serde_json::Value;

use super::failure_policy;
use crate::field::{Errors, Field};
use crate::{json, name, pod_spec};

/// How often a pod may fail when nobody says.
const BACKOFF: i64 = 6;
/// Most pods at once of a Job whose pods have indexes, and most indexes that may fail, so that their list stays short.
const INDEXED_MAX: i64 = 100_000;
/// Number of completions from which on the limits below hold when every index may fail on its own (KEP-3850).
const MANY: i64 = 100_000;
const PARALLELISM_OF_MANY: i64 = 10_000;
const FAILURES_OF_MANY: i64 = 10_000;
/// Longest name of who manages a Job.
const MANAGER_MAX: usize = 63;

/// Fills a `spec` of a Job. Those of templates are filled when a Job is made of them, but for the pod itself.
pub(super) fn default(spec: &mut Value) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        json::fill(spec, "completions", 1);
    }
    json::fill(spec, "parallelism", 1);
    let backoff = if spec["backoffLimitPerIndex"].is_null() { BACKOFF } else { i64::from(i32::MAX) };
    json::fill(spec, "backoffLimit", backoff);
    json::fill(spec, "completionMode", "NonIndexed");
    json::fill(spec, "suspend", false);
    json::fill(spec, "manualSelector", false);
    let rules = spec.pointer_mut("/podFailurePolicy/rules").and_then(Value::as_array_mut);
    for condition in rules.into_iter().flatten().flat_map(|rule| json::items_mut(rule, "onPodConditions")) {
        json::fill(condition, "status", "True");
    }
    let replacement = if spec["podFailurePolicy"].is_null() { "TerminatingOrFailed" } else { "Failed" };
    json::fill(spec, "podReplacementPolicy", replacement);
}

/// Everything wrong with a `spec`, its selector aside.
pub(super) fn rules(spec: &Field<'_>) -> Errors {
    let mut errors = spec.none_negative(&[
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ]);
    let (per_index, failures) = (spec.at("backoffLimitPerIndex"), spec.at("maxFailedIndexes"));
    if failures.is_set() && !per_index.is_set() {
        errors.push(per_index.required("when maxFailedIndexes is specified"));
    }
    errors.extend(manager(&spec.at("managedBy")));
    let mode = spec.at("completionMode");
    errors.extend(mode.one_of(&["NonIndexed", "Indexed"]));
    let indexed = mode.text() == "Indexed";
    if indexed {
        errors.extend(of_indexes(spec));
    } else if matches!(mode.text(), "" | "NonIndexed") {
        let set = [&per_index, &failures].into_iter().filter(|field| field.is_set());
        errors.extend(set.map(|field| field.invalid("requires indexed completion mode")));
    }
    let (on_failure, on_success) = (spec.at("podFailurePolicy"), spec.at("successPolicy"));
    if on_failure.is_set() {
        errors.extend(failure_policy::failure(spec));
    }
    match (on_success.is_set(), indexed) {
        (true, true) => errors.extend(failure_policy::success(spec)),
        (true, false) => errors.push(on_success.invalid("requires indexed completion mode")),
        (false, _) => {}
    }
    let replacements: &[&str] = if on_failure.is_set() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    errors.extend(spec.at("podReplacementPolicy").one_of(replacements));
    errors.extend(pod_spec::template(&spec.at("template")));
    errors.extend(restart(spec));
    errors
}

/// What holds when every pod has an index.
fn of_indexes(spec: &Field<'_>) -> Errors {
    let (completions, parallelism) = (spec.at("completions"), spec.at("parallelism"));
    let failures = spec.at("maxFailedIndexes");
    let number = |field: &Field<'_>| field.integer().unwrap_or_default();
    let mut errors = Errors::new();
    if !completions.is_set() {
        errors.push(completions.required("when completion mode is Indexed"));
    }
    if number(&parallelism) > INDEXED_MAX {
        let why = format!("must be less than or equal to {INDEXED_MAX} when completion mode is Indexed");
        errors.push(parallelism.invalid(why));
    }
    if completions.is_set() && number(&failures) > number(&completions) {
        errors.push(failures.invalid("must be less than or equal to completions"));
    }
    if number(&failures) > INDEXED_MAX {
        errors.push(failures.invalid(format!("must be less than or equal to {INDEXED_MAX}")));
    }
    if number(&completions) <= MANY || !spec.at("backoffLimitPerIndex").is_set() {
        return errors;
    }
    if !failures.is_set() {
        errors.push(failures.required(&format!("must be specified when completions is above {MANY}")));
    }
    for (field, most) in [(&parallelism, PARALLELISM_OF_MANY), (&failures, FAILURES_OF_MANY)] {
        if number(field) > most {
            errors.push(field.invalid(format!(
                "must be less than or equal to {most} when completions are above {MANY} and used with backoff limit per index"
            )));
        }
    }
    errors
}

/// Everything wrong with the name of who manages a Job: a domain, a slash and a path.
fn manager(manager: &Field<'_>) -> Errors {
    if !manager.is_set() {
        return Errors::new();
    }
    let text = manager.text();
    let mut errors = match text.split_once('/') {
        _ if text.is_empty() => vec![manager.required("")],
        Some((host, path)) if !host.is_empty() && !path.is_empty() => {
            let mut errors: Errors =
                name::subdomain(host).into_iter().map(|why| manager.invalid_part(host, why)).collect();
            errors.extend(name::http_path(path).into_iter().map(|why| manager.invalid_part(path, why)));
            errors
        }
        _ => vec![manager.invalid("must be a domain-prefixed path (such as \"acme.io/foo\")")],
    };
    errors.extend((text.len() > MANAGER_MAX).then(|| manager.too_long(MANAGER_MAX)));
    errors
}

/// A pod of a Job may not be started again for ever.
fn restart(spec: &Field<'_>) -> Errors {
    let policy = spec.at("template").at("spec").at("restartPolicy");
    match policy.text() {
        "" | "Always" => vec![policy.required("valid values: \"OnFailure\", \"Never\"")],
        "OnFailure" if spec.at("podFailurePolicy").is_set() => {
            vec![policy.invalid("only \"Never\" is supported when podFailurePolicy is specified")]
        }
        _ => policy.one_of(&["OnFailure", "Never"]).into_iter().collect(),
    }
}
