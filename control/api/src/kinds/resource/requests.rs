//! What a claim asks for: devices, how they belong together, and how they are set up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::selection::{repeated, selectors, settings};
use crate::field::{Errors, Field};
use crate::{json, name};

/// Most requests of a claim, choices of a request, and constraints.
const REQUESTS_MAX: usize = 32;
const CHOICES_MAX: usize = 8;
const CONSTRAINTS_MAX: usize = 32;

/// Fills what the requests of a claim's `devices` do not say.
pub(super) fn default(devices: &mut Value) {
    for request in json::items_mut(devices, "requests") {
        if let Some(exactly) = request.get_mut("exactly") {
            default_request(exactly);
        }
        json::items_mut(request, "firstAvailable").iter_mut().for_each(default_request);
    }
}

fn default_request(request: &mut Value) {
    json::fill(request, "allocationMode", "ExactCount");
    if request["allocationMode"] == "ExactCount" {
        json::fill_zero(request, "count", 1);
    }
    for toleration in json::items_mut(request, "tolerations") {
        json::fill(toleration, "operator", "Equal");
    }
}

/// Names of requests, each with those of its choices.
pub(super) type Names<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Everything wrong with a claim's `devices`.
pub(super) fn validate(devices: &Field<'_>) -> Errors {
    let (requests, constraints) = (devices.at("requests"), devices.at("constraints"));
    let names = names(devices);
    let mut errors: Errors = requests.items().flat_map(|one| request(&one)).collect();
    errors.extend(requests.too_many(REQUESTS_MAX));
    errors.extend(repeated(&requests, "name"));
    errors.extend(constraints.items().flat_map(|one| constraint(&one, &names)));
    errors.extend(constraints.too_many(CONSTRAINTS_MAX));
    errors.extend(settings(&devices.at("config"), |one| references(&one.at("requests"), &names)));
    errors
}

/// Names of the requests in a claim's `devices`.
pub(super) fn names<'a>(devices: &Field<'a>) -> Names<'a> {
    devices.at("requests").items().map(|one| (one.at("name").text(), choices(&one))).collect()
}

fn choices<'a>(request: &Field<'a>) -> BTreeSet<&'a str> {
    request.at("firstAvailable").items().map(|choice| choice.at("name").text()).collect()
}

fn labelled(field: &Field<'_>) -> Errors {
    name::label(field.text()).into_iter().map(|why| field.invalid_part(field.text(), why)).collect()
}

fn request(request: &Field<'_>) -> Errors {
    let (exactly, choices) = (request.at("exactly"), request.at("firstAvailable"));
    let mut errors = labelled(&request.at("name"));
    let why = "exactly one of `exactly` or `firstAvailable` is required";
    match (exactly.is_set(), !choices.is_empty()) {
        (false, false) => errors.push(request.required(why)),
        (true, true) => errors.push(request.invalid_part("null", format!("{why}, but multiple fields are set"))),
        (true, false) => errors.extend(wanted(&exactly)),
        (false, true) => {
            for choice in choices.items() {
                errors.extend(labelled(&choice.at("name")));
                errors.extend(wanted(&choice));
            }
            errors.extend(choices.too_many(CHOICES_MAX));
            errors.extend(repeated(&choices, "name"));
        }
    }
    errors
}

/// Everything wrong with which devices are wanted, and how many.
fn wanted(request: &Field<'_>) -> Errors {
    let (mode, count) = (request.at("allocationMode"), request.at("count"));
    let number = count.integer().unwrap_or_default();
    let mut errors = request.at("deviceClassName").must_be_named(name::subdomain);
    errors.extend(selectors(&request.at("selectors")));
    match mode.text() {
        "All" if number != 0 => errors.push(count.invalid("must not be specified when allocationMode is 'All'")),
        "ExactCount" if number <= 0 => errors.push(count.invalid_part(number, "must be greater than zero")),
        "All" | "ExactCount" => {}
        _ => errors.push(mode.not_one_of(&["All", "ExactCount"])),
    }
    errors.extend(request.at("tolerations").items().flat_map(|one| toleration(&one)));
    errors
}

pub(super) fn toleration(toleration: &Field<'_>) -> Errors {
    let [key, value, operator, effect] = ["key", "value", "operator", "effect"].map(|name| toleration.at(name));
    let mut errors = key.named(name::qualified);
    match operator.text() {
        "Exists" if !value.is_empty() => errors.push(value.invalid("must be empty for operator `Exists`")),
        "Equal" => errors.extend(value.named(name::label_value)),
        "Exists" => {}
        _ => errors.extend(operator.must_be_one_of(&["Equal", "Exists"])),
    }
    errors.extend((!effect.is_empty()).then(|| effect.one_of(&["NoExecute", "NoSchedule", "None"])).flatten());
    errors
}

fn constraint(constraint: &Field<'_>, names: &Names<'_>) -> Errors {
    let mut errors = references(&constraint.at("requests"), names);
    let attributes = ["matchAttribute", "distinctAttribute"].map(|name| constraint.at(name));
    match attributes.iter().find(|one| one.is_set()) {
        Some(attribute) => errors.extend(full_name(attribute)),
        None => {
            let why =
                "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set";
            errors.push(constraint.required(why));
        }
    }
    errors
}

/// Everything wrong with the name of an attribute, which has a domain.
fn full_name(attribute: &Field<'_>) -> Errors {
    let Some((domain, own)) = attribute.text().split_once('/') else {
        return vec![attribute.invalid("must include a domain")];
    };
    let mut errors: Errors =
        name::subdomain(domain).into_iter().map(|why| attribute.invalid_part(domain, why)).collect();
    let letter = |c: char| c == '_' || c.is_ascii_alphabetic();
    if !own.starts_with(letter) || !own.chars().all(|c| letter(c) || c.is_ascii_digit()) {
        let why = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric \
                   characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is \
                   '[A-Za-z_][A-Za-z0-9_]*')";
        errors.push(attribute.invalid_part(own, why));
    }
    errors
}

/// Everything wrong with names of requests that something is about; without any it is about all.
pub(super) fn references(list: &Field<'_>, names: &Names<'_>) -> Errors {
    let mut errors: Errors = list.items().flat_map(|one| reference(&one, names)).collect();
    errors.extend(list.too_many(REQUESTS_MAX));
    errors.extend(repeated(list, ""));
    errors
}

/// Everything wrong with the name of a request, or of one and of a choice of it.
pub(super) fn reference(one: &Field<'_>, names: &Names<'_>) -> Errors {
    let why = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    let parts: Vec<&str> = one.text().split('/').collect();
    let known = match parts.as_slice() {
        [request] => names.contains_key(request),
        [request, choice] => names.get(request).is_some_and(|choices| choices.contains(choice)),
        _ => return vec![one.invalid(why)],
    };
    let mut errors = Errors::new();
    for part in parts {
        errors.extend(name::label(part).into_iter().map(|why| one.invalid_part(part, why)));
    }
    errors.extend((!known).then(|| one.invalid_part(one.text(), why)));
    errors
}
