//! What containers ask for and may use.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::quantity::Quantity;
use crate::validate::FieldError;
use crate::{json as read, name, resource_name};

/// Gives every amount of a `ResourceList` its canonical form, with nothing finer than thousandths. What is no amount stays
/// as it is, for validation to tell.
pub(crate) fn canonical(list: &mut Value) {
    for amount in list.as_object_mut().into_iter().flat_map(|list| list.values_mut()) {
        if let Ok(quantity) = Quantity::from_value(amount) {
            *amount = quantity.rounded_to_milli().to_string().into();
        }
    }
}

/// Gives one amount its canonical form.
pub(crate) fn canonical_field(object: &mut Value, name: &str) {
    if let Some(amount) = object.get_mut(name)
        && let Ok(quantity) = Quantity::from_value(amount)
    {
        *amount = quantity.to_string().into();
    }
}

/// Fills a container's `resources`.
pub(crate) fn default(resources: &mut Value) {
    for list in ["limits", "requests"] {
        if let Some(list) = resources.get_mut(list) {
            canonical(list);
        }
    }
}

/// Requests what is limited and not requested.
pub(super) fn request_limits(resources: &mut Value) {
    let Some(limits) = resources["limits"].as_object().filter(|limits| !limits.is_empty()).cloned() else { return };
    let Some(requests) = read::section(resources, "requests") else { return };
    for (name, amount) in limits {
        requests.entry(name).or_insert(amount);
    }
}

/// Everything wrong with a container's `resources` in a pod with these claims to devices.
pub(super) fn container(resources: &Field<'_>, claims: &BTreeSet<&str>) -> Errors {
    let mut errors = rules(resources, resource_name::of_container);
    errors.extend(used_claims(&resources.at("claims"), claims));
    errors
}

/// Everything wrong with an `overhead`: it is told as limits, and stands by itself.
pub(crate) fn overhead(overhead: &Field<'_>) -> Errors {
    let limits = json!({"limits": overhead.value});
    rules(&overhead.with(&limits), resource_name::of_container)
}

/// Everything wrong with limits and requests whose names follow the rule.
pub(super) fn rules(resources: &Field<'_>, named: fn(&Field<'_>, &str) -> Errors) -> Errors {
    let mut errors = Errors::new();
    let (limits, requests) = (resources.at("limits"), resources.at("requests"));
    for (name, limit) in limits.entries() {
        errors.extend(named(&limit, name));
        errors.extend(amount(&limit, name));
    }
    for (name, request) in requests.entries() {
        errors.extend(named(&request, name));
        errors.extend(resource_name::amount(&request, name));
        errors.extend(within_limit(&limits, &requests, name));
        errors.extend(pages(&request, name));
    }
    let names = || limits.entries().chain(requests.entries()).map(|(name, _)| name);
    if names().any(resource_name::is_huge_pages) && !names().any(|name| matches!(name, "cpu" | "memory")) {
        errors.push(resources.forbidden("HugePages require cpu or memory"));
    }
    errors
}

fn amount(amount: &Field<'_>, name: &str) -> Errors {
    let mut errors = resource_name::amount(amount, name);
    errors.extend(pages(amount, name));
    errors
}

/// An error when an amount of large pages is no number of such pages.
fn pages(amount: &Field<'_>, name: &str) -> Option<FieldError> {
    let size: Quantity = name.strip_prefix("hugepages-")?.parse().ok()?;
    let asked = Quantity::from_value(amount.value).ok()?;
    let (size, bytes) = (size.bytes(), asked.bytes());
    let divisible = size > 0 && bytes % size == 0 && asked.is_whole();
    let why = format!("{asked} is not positive integer multiple of {name}");
    (!divisible).then(|| amount.invalid_part(asked.to_string(), why))
}

/// An error when more is asked for than allowed, or other than allowed of what cannot be shared.
fn within_limit(limits: &Field<'_>, requests: &Field<'_>, name: &str) -> Option<FieldError> {
    let given = |list: &Field<'_>| list.value.get(name).and_then(|amount| Quantity::from_value(amount).ok());
    let asked = given(requests)?;
    let shares = resource_name::overcommits(name);
    let told = |why: &str, limit: Quantity| {
        Some(requests.invalid_part(asked.to_string(), format!("{why} {name} limit of {limit}")))
    };
    match given(limits) {
        Some(limit) if asked != limit && !shares => told("must be equal to", limit),
        Some(limit) if asked > limit => told("must be less than or equal to", limit),
        None if !shares && limits.value.get(name).is_none() => {
            Some(limits.required("Limit must be set for non overcommitable resources"))
        }
        Some(_) | None => None,
    }
}

/// Everything wrong with the devices that a container uses.
fn used_claims(used: &Field<'_>, claims: &BTreeSet<&str>) -> Errors {
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for one in used.items() {
        let (own, request) = (one.at("name").text(), one.at("request").text());
        if own.is_empty() {
            errors.push(one.required(""));
            continue;
        }
        errors.extend(one.at("request").named(name::label));
        let key = if request.is_empty() { own.to_owned() } else { format!("{own}/{request}") };
        // The claim as a whole and a part of it cannot both be used.
        let prefix = format!("{own}/");
        let part = request.is_empty() && seen.iter().any(|known: &String| known.starts_with(&prefix));
        if seen.contains(own) || seen.contains(&key) || part {
            errors.push(one.duplicate_of(&key.clone().into()));
        }
        seen.insert(key);
        if !claims.contains(own) {
            let known = claims.iter().copied().collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { " which is empty".to_owned() } else { format!(": {known}") };
            errors
                .push(one.not_found_among(own, &format!("must be one of the names in pod.spec.resourceClaims{known}")));
        }
    }
    errors
}

/// Everything wrong with an amount that may not be negative.
pub(crate) fn quantity(amount: &Field<'_>) -> Errors {
    match Quantity::from_value(amount.value) {
        Err(why) => vec![amount.invalid(why.to_string())],
        Ok(quantity) if quantity.is_negative() => vec![amount.invalid("must be greater than or equal to 0")],
        Ok(_) => Errors::new(),
    }
}
