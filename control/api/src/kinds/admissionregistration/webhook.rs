//! What webhooks that change and webhooks that only judge share.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{client_config, conditions, rules, scopes};
use crate::field::{Errors, Field};
use crate::kind::Column;
use crate::kinds::{AGE, NAME, cells, column};
use crate::meta::Timestamp;
use crate::{json, name, pod_spec};

pub(super) const COLUMNS: &[Column] = &[NAME, column("Webhooks", "integer", "Number of webhooks."), AGE];
/// Whether a webhook may change what it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    Judges,
    Changes,
}

/// Seconds that a webhook has when nothing is said, and may have.
const TIMEOUT: i64 = 10;
const TIMEOUT_MAX: i64 = 30;

/// Fills what is not given.
pub(super) fn default(object: &mut Value, power: Power) {
    for webhook in json::items_mut(object, "webhooks") {
        json::fill(webhook, "failurePolicy", "Fail");
        json::fill(webhook, "matchPolicy", "Equivalent");
        json::fill(webhook, "namespaceSelector", json!({}));
        json::fill(webhook, "objectSelector", json!({}));
        if webhook["timeoutSeconds"].is_null() {
            json::fill(webhook, "timeoutSeconds", TIMEOUT);
        }
        if power == Power::Changes {
            json::fill(webhook, "reinvocationPolicy", "Never");
        }
        for rule in json::items_mut(webhook, "rules") {
            json::fill(rule, "scope", "*");
        }
        if let Some(service) = webhook.pointer_mut("/clientConfig/service") {
            json::fill(service, "port", 443);
        }
    }
}

/// Everything wrong with the webhooks of a configuration.
pub(super) fn validate(object: &Value, power: Power) -> Errors {
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for hook in Field::root(object).at("webhooks").items() {
        let own = hook.at("name");
        errors.extend(webhook(&hook, power));
        errors.extend(versions(&hook.at("admissionReviewVersions")));
        errors.extend((!own.is_empty() && !names.insert(own.text())).then(|| own.duplicate()));
    }
    errors
}

fn webhook(hook: &Field<'_>, power: Power) -> Errors {
    const HARMLESS: &[&str] = &["None", "NoneOnDryRun"];
    let mut errors = full_name(&hook.at("name"));
    errors.extend(hook.at("rules").items().flat_map(|rule| rules::rule(&rule)));
    errors.extend(hook.at("failurePolicy").one_of(&["Fail", "Ignore"]));
    errors.extend(hook.at("matchPolicy").one_of(&["Equivalent", "Exact"]));
    let effects = hook.at("sideEffects");
    if effects.is_set() {
        errors.extend(effects.one_of(HARMLESS));
    } else {
        errors.push(effects.required(&format!("must specify one of {}", HARMLESS.join(", "))));
    }
    let timeout = hook.at("timeoutSeconds");
    if timeout.integer().is_some_and(|seconds| !(1..=TIMEOUT_MAX).contains(&seconds)) {
        errors.push(timeout.invalid(format!("the timeout value must be between 1 and {TIMEOUT_MAX} seconds")));
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        errors.extend(pod_spec::label_selector(&hook.at(selector)));
    }
    if power == Power::Changes {
        errors.extend(hook.at("reinvocationPolicy").one_of(&["IfNeeded", "Never"]));
    }
    errors.extend(client_config::client_config(&hook.at("clientConfig")));
    errors.extend(conditions::conditions(&hook.at("matchConditions"), &scopes::condition(None)));
    errors
}

/// Everything wrong with a name that must have a domain of its own.
fn full_name(own: &Field<'_>) -> Errors {
    const SEGMENTS_MIN: usize = 3;
    if own.is_empty() {
        return vec![own.required("")];
    }
    let wrong = name::subdomain(own.text());
    if !wrong.is_empty() {
        return vec![own.invalid(wrong.join(","))];
    }
    let short = own.text().split('.').count() < SEGMENTS_MIN;
    let why = "should be a domain with at least three segments separated by dots";
    short.then(|| own.invalid(why)).into_iter().collect()
}

/// Everything wrong with the versions of `AdmissionReview` that a webhook understands.
fn versions(versions: &Field<'_>) -> Errors {
    const KNOWN: [&str; 2] = ["v1", "v1beta1"];
    let known = KNOWN.join(", ");
    if versions.is_empty() {
        return vec![versions.required(&format!("must specify one of {known}"))];
    }
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for version in versions.items() {
        if seen.insert(version.text()) {
            errors.extend(name::label_1035(version.text()).into_iter().map(|why| version.invalid(why)));
        } else {
            errors.push(version.invalid("duplicate version"));
        }
    }
    if !KNOWN.iter().any(|version| seen.contains(version)) {
        errors.push(versions.invalid(format!("must include at least one of {known}")));
    }
    errors
}

/// Cells for [`COLUMNS`].
pub(super) fn cells(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![cells::name(object), json::items(object, "/webhooks").len().into(), cells::age(object, now)]
}
