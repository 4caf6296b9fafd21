//! What webhooks that change and webhooks that only judge share.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{client_config, conditions, not_enforced, rules};
use crate::field::{Errors, Field};
use crate::kind::{Column, Strategy};
use crate::kinds::{AGE, NAME, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name, pod_spec};

pub(super) const COLUMNS: &[Column] = &[NAME, column("Webhooks", "integer", "Number of webhooks."), AGE];
/// Whether a webhook may change what it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    Judges,
    Changes,
}

/// What a webhook may do beside answering.
const EFFECTS: [&str; 4] = ["None", "NoneOnDryRun", "Some", "Unknown"];
/// The same for those that do nothing when nothing is to be stored.
const HARMLESS: [&str; 2] = ["None", "NoneOnDryRun"];
/// Versions of `AdmissionReview` that are sent.
const REVIEWS: [&str; 2] = ["v1", "v1beta1"];
/// Seconds that a webhook has when nothing is said, and may have.
const TIMEOUT: i64 = 10;
const TIMEOUT_MAX: i64 = 30;

/// What is demanded of webhooks beyond what ever was: versions before v1 demanded less, and what the webhooks of an old state
/// lacked is not demanded of a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demands {
    /// That they have no side effects.
    pub(super) harmless: bool,
    /// That each has another name.
    pub(super) unique: bool,
    /// That they understand a form of review that is sent.
    pub(super) understanding: bool,
}

impl Demands {
    pub(super) const ALL: Self = Self { harmless: true, unique: true, understanding: true };

    /// What is demanded of a configuration that takes the place of this one.
    fn after(self, old: &Value) -> Self {
        let hooks: Vec<_> = Field::root(old).at("webhooks").items().collect();
        let names: BTreeSet<_> = hooks.iter().map(|hook| hook.at("name").text().to_owned()).collect();
        let understands =
            |hook: &Field<'_>| hook.at("admissionReviewVersions").items().any(|one| REVIEWS.contains(&one.text()));
        Self {
            harmless: self.harmless && hooks.iter().all(|hook| HARMLESS.contains(&hook.at("sideEffects").text())),
            unique: self.unique && names.len() == hooks.len(),
            understanding: self.understanding && hooks.iter().all(understands),
        }
    }
}

/// What is a configuration's own, whichever kind and version.
#[derive(Debug)]
pub(super) struct Webhooks {
    pub(super) plural: &'static str,
    pub(super) power: Power,
    pub(super) demands: Demands,
}

impl Strategy for Webhooks {
    fn default(&self, object: &mut Value) {
        default(object, self.power);
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        validate(object, self.power, self.demands)
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        validate(object, self.power, self.demands.after(old))
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_enforced(self.plural)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json::items(object, "/webhooks").len().into(), cells::age(object, now)]
    }
}

/// Fills what is not given.
fn default(object: &mut Value, power: Power) {
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
fn validate(object: &Value, power: Power, demands: Demands) -> Errors {
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for hook in Field::root(object).at("webhooks").items() {
        let own = hook.at("name");
        errors.extend(webhook(&hook, power, demands));
        errors.extend(versions(&hook.at("admissionReviewVersions"), demands));
        let again = !own.is_empty() && !names.insert(own.text());
        errors.extend((again && demands.unique).then(|| own.duplicate()));
    }
    errors
}

fn webhook(hook: &Field<'_>, power: Power, demands: Demands) -> Errors {
    let mut errors = full_name(&hook.at("name"));
    errors.extend(hook.at("rules").items().flat_map(|rule| rules::rule(&rule)));
    errors.extend(hook.at("failurePolicy").one_of(&["Fail", "Ignore"]));
    errors.extend(hook.at("matchPolicy").one_of(&["Equivalent", "Exact"]));
    let effects = hook.at("sideEffects");
    match (effects.is_set(), demands.harmless) {
        (true, harmless) => errors.extend(effects.one_of(if harmless { &HARMLESS } else { &EFFECTS })),
        (false, true) => errors.push(effects.required(&format!("must specify one of {}", HARMLESS.join(", ")))),
        (false, false) => {}
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
    errors.extend(conditions::conditions(&hook.at("matchConditions")));
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
fn versions(versions: &Field<'_>, demands: Demands) -> Errors {
    let known = REVIEWS.join(", ");
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
    if demands.understanding && !REVIEWS.iter().any(|version| seen.contains(version)) {
        errors.push(versions.invalid(format!("must include at least one of {known}")));
    }
    errors
}
