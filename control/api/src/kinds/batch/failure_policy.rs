//! What ends of pods make a Job fail, succeed, or take no notice: rules of `podFailurePolicy` and `successPolicy`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::indexes;
use crate::field::{Errors, Field};
use crate::json;
use crate::name;

/// Most rules of a policy, conditions of a rule, exit codes of a rule, and bytes of a text of indexes (KEP-3329, KEP-3998).
const RULES_MAX: usize = 20;
const CONDITIONS_MAX: usize = 20;
const CODES_MAX: usize = 255;
const INDEXES_MAX: usize = 64 * 1024;

const ACTIONS: &[&str] = &["Count", "FailIndex", "FailJob", "Ignore"];
const STATES: &[&str] = &["False", "True", "Unknown"];
const OPERATORS: &[&str] = &["In", "NotIn"];

/// Everything wrong with the `podFailurePolicy` of a spec.
pub(super) fn failure(spec: &Field<'_>) -> Errors {
    let rules = spec.at("podFailurePolicy").at("rules");
    let mut errors: Errors = rules.too_many(RULES_MAX).into_iter().collect();
    let pod = spec.at("template").at("spec");
    let lists = ["containers", "initContainers"].map(|list| pod.at(list));
    let containers: BTreeSet<&str> = lists.iter().flat_map(Field::items).map(|one| one.at("name").text()).collect();
    for rule in rules.items() {
        let action = rule.at("action");
        if action.text() == "FailIndex" && !spec.at("backoffLimitPerIndex").is_set() {
            errors.push(action.invalid("requires the backoffLimitPerIndex to be set"));
        }
        errors.extend(one_of(&action, ACTIONS));
        let (codes, conditions) = (rule.at("onExitCodes"), rule.at("onPodConditions"));
        if codes.is_set() {
            errors.extend(exit_codes(&codes, &containers));
        }
        errors.extend(pod_conditions(&conditions));
        match (codes.is_set(), !conditions.is_empty()) {
            (true, true) => {
                errors.push(rule.invalid_unshown("specifying both OnExitCodes and OnPodConditions is not supported"));
            }
            (false, false) => {
                errors.push(rule.invalid_unshown("specifying one of OnExitCodes and OnPodConditions is required"));
            }
            (true, false) | (false, true) => {}
        }
    }
    errors
}

/// An error that lists the words, as Go prints a list, when there is none, or when it is none of them.
fn one_of(field: &Field<'_>, words: &[&str]) -> Option<crate::validate::FieldError> {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    let missing = field.is_empty().then(|| field.required(&format!("valid values: [{}]", quoted.join(" "))));
    missing.or_else(|| field.one_of(words))
}

fn pod_conditions(conditions: &Field<'_>) -> Errors {
    let mut errors: Errors = conditions.too_many(CONDITIONS_MAX).into_iter().collect();
    for one in conditions.items() {
        let kind = one.at("type");
        errors.extend(name::qualified(kind.text()).into_iter().map(|why| kind.invalid_part(kind.text(), why)));
        errors.extend(one_of(&one.at("status"), STATES));
    }
    errors
}

fn exit_codes(codes: &Field<'_>, containers: &BTreeSet<&str>) -> Errors {
    let (operator, container, values) = (codes.at("operator"), codes.at("containerName"), codes.at("values"));
    let mut errors: Errors = one_of(&operator, OPERATORS).into_iter().collect();
    if container.is_set() && !containers.contains(container.text()) {
        errors.push(container.invalid("must be one of the container or initContainer names in the pod template"));
    }
    errors.extend(values.is_empty().then(|| values.invalid("at least one value is required")));
    errors.extend(values.too_many(CODES_MAX));
    let mut seen = BTreeSet::new();
    for value in values.items() {
        if operator.text() == "In" && *value.value == 0 {
            errors.push(value.invalid("must not be 0 for the In operator"));
        }
        if !seen.insert(value.integer()) {
            errors.push(value.duplicate());
        }
    }
    let numbers: Vec<Option<i64>> = values.items().map(|value| value.integer()).collect();
    errors.extend((!numbers.is_sorted()).then(|| values.invalid("must be ordered")));
    errors
}

/// Everything wrong with the `successPolicy` of a spec whose pods have indexes.
pub(super) fn success(spec: &Field<'_>) -> Errors {
    let rules = spec.at("successPolicy").at("rules");
    let completions = json::integer(spec.value, "/completions");
    let mut errors = Errors::new();
    if rules.is_empty() {
        errors.push(rules.required("at least one rules must be specified when the successPolicy is specified"));
    }
    errors.extend(rules.too_many(RULES_MAX));
    for rule in rules.items() {
        let (which, count) = (rule.at("succeededIndexes"), rule.at("succeededCount"));
        if !which.is_set() && !count.is_set() {
            errors.push(rule.required("at least one of succeededCount or succeededIndexes must be specified"));
        }
        errors.extend((which.text().len() > INDEXES_MAX).then(|| which.too_long(INDEXES_MAX)));
        let parsed = indexes::parse(which.text(), completions);
        let total = parsed.as_deref().map_or(0, indexes::count);
        errors.extend(parsed.err().map(|why| which.invalid(format!("error parsing succeededIndexes: {why}"))));
        errors.extend(count.not_negative());
        let number = count.integer().unwrap_or_default();
        if number > completions {
            errors.push(
                count.invalid(format!(
                    "must be less than or equal to {completions} (the number of specified completions)"
                )),
            );
        }
        if *which.value != Value::Null && number > total {
            errors.push(count.invalid(format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            )));
        }
    }
    errors
}
