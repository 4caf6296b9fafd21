//! What containers ask for and may use.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::json;
use crate::name;
use crate::quantity::Quantity;

/// Native resources of a container; others carry a domain or are huge pages.
const NATIVE: &[&str] = &["cpu", "memory", "ephemeral-storage"];

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
pub(super) fn canonical_field(object: &mut Value, name: &str) {
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
    let Some(requests) = json::section(resources, "requests") else { return };
    for (name, amount) in limits {
        requests.entry(name).or_insert(amount);
    }
}

/// Everything wrong with a container's `resources`.
pub(super) fn resources(resources: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let (limits, requests) = (resources.at("limits"), resources.at("requests"));
    for list in [&limits, &requests] {
        errors.extend(amounts(list));
    }
    for (name, request) in requests.entries() {
        let Ok(asked) = Quantity::from_value(request.value) else { continue };
        let limit = limits.value.get(name).and_then(|limit| Quantity::from_value(limit).ok());
        match limit {
            Some(limit) if asked > limit => {
                let shown = asked.to_string();
                errors.push(
                    requests.invalid_part(shown, format!("must be less than or equal to {name} limit of {limit}")),
                );
            }
            Some(limit) if asked != limit && !overcommits(name) => {
                errors.push(
                    requests.invalid_part(asked.to_string(), format!("must be equal to {name} limit of {limit}")),
                );
            }
            None if !overcommits(name) => {
                errors.push(limits.required("Limit must be set for non overcommitable resources"));
            }
            Some(_) | None => {}
        }
    }
    errors
}

/// Whether a limit may be larger than the request.
fn overcommits(name: &str) -> bool {
    NATIVE.contains(&name)
}

/// Everything wrong with a `ResourceList` of a container.
pub(crate) fn amounts(list: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for (name, amount) in list.entries() {
        errors.extend(name::qualified(name).into_iter().map(|why| amount.invalid_part(name, why)));
        let native = NATIVE.contains(&name) || name.starts_with("hugepages-");
        if !native && !name.contains('/') {
            errors.push(amount.invalid_part(name, "must be a standard resource type or fully qualified"));
        }
        errors.extend(quantity(&amount));
        let whole = Quantity::from_value(amount.value).is_ok_and(Quantity::is_whole);
        if name.contains('/') && !whole {
            errors.push(amount.invalid("must be an integer"));
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
