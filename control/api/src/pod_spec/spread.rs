//! Rules of how pods are spread over domains (`topologySpreadConstraints`).

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::validate::FieldError;

use super::affinity::{label_key, label_selector};

/// What to do when pods cannot be spread, in the order of error messages.
const ACTIONS: &[&str] = &["DoNotSchedule", "ScheduleAnyway"];

/// Everything wrong with the constraints of a pod.
pub(super) fn constraints(constraints: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for (nth, one) in constraints.items().enumerate() {
        let (skew, topology, action) = (one.at("maxSkew"), one.at("topologyKey"), one.at("whenUnsatisfiable"));
        let number = skew.integer().unwrap_or_default();
        errors.extend((number <= 0).then(|| skew.invalid_part(number, "must be greater than zero")));
        errors.extend(topology.is_empty().then(|| topology.required("can not be empty")));
        if !ACTIONS.contains(&action.text()) {
            errors.push(FieldError::not_supported(action.path(), action.text(), ACTIONS));
        }
        let same = |other: &Field<'_>| {
            other.at("topologyKey").text() == topology.text() && other.at("whenUnsatisfiable").text() == action.text()
        };
        if constraints.items().skip(nth + 1).any(|other| same(&other)) {
            let pair = format!("{{{}, {}}}", topology.text(), action.text());
            errors.push(one.at("{topologyKey, whenUnsatisfiable}").duplicate_of(&pair.into()));
        }
        errors.extend(domains(&one.at("minDomains"), action.text()));
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            errors.extend(one.at(policy).one_of(&["Honor", "Ignore"]));
        }
        errors.extend(matched_keys(&one));
        errors.extend(label_selector(&one.at("labelSelector")));
    }
    errors
}

fn domains(least: &Field<'_>, action: &str) -> Errors {
    let mut errors = Errors::new();
    let Some(number) = least.integer() else { return errors };
    errors.extend((number <= 0).then(|| least.invalid("must be greater than zero")));
    if action != "DoNotSchedule" {
        let why = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
        errors.push(least.invalid(why));
    }
    errors
}

/// Everything wrong with keys whose values are those of the pod itself (KEP-3243).
fn matched_keys(constraint: &Field<'_>) -> Errors {
    let (keys, selector) = (constraint.at("matchLabelKeys"), constraint.at("labelSelector"));
    let mut errors = Errors::new();
    if keys.is_empty() {
        return errors;
    }
    if !selector.is_set() {
        errors.push(keys.forbidden("must not be specified when labelSelector is not set"));
    }
    let mut taken: BTreeSet<&str> = selector.at("matchLabels").entries().map(|(key, _)| key).collect();
    taken.extend(selector.at("matchExpressions").items().map(|one| one.at("key").text()));
    for key in keys.items() {
        errors.extend(label_key(&key));
        if taken.contains(key.text()) {
            errors.push(key.invalid("exists in both matchLabelKeys and labelSelector"));
        }
    }
    errors
}
