//! What a pod as a whole asks for and may use (KEP-2837).

use std::collections::BTreeMap;

use crate::field::{Errors, Field};
use crate::quantity::Quantity;
use crate::validate::FieldError;

use super::resources;

/// Resources that a pod as a whole can ask for, in the order of error messages.
const SUPPORTED: &[&str] = &["cpu", "hugepages-", "memory"];

/// Everything wrong with the `resources` of a spec.
pub(super) fn rules(spec: &Field<'_>) -> Errors {
    let own = spec.at("resources");
    if !own.is_set() {
        return Errors::new();
    }
    let mut errors = Errors::new();
    let claims = own.at("claims");
    if claims.is_set() {
        errors.push(claims.forbidden("claims cannot be set for Resources at pod-level"));
    }
    errors.extend(resources::rules(&own, named));
    errors.extend(covers_requests(spec, &own));
    errors.extend(covers_limits(spec, &own));
    errors
}

fn named(entry: &Field<'_>, name: &str) -> Errors {
    let errors = crate::resource_name::any(entry, name);
    let known =
        SUPPORTED.iter().any(|supported| name == *supported || supported.ends_with('-') && name.starts_with(supported));
    if errors.is_empty() && !known {
        return vec![FieldError::not_supported(entry.path(), name, SUPPORTED)];
    }
    errors
}

/// What a pod asks for is at least what its containers ask for together.
fn covers_requests(spec: &Field<'_>, own: &Field<'_>) -> Errors {
    let mut sums: BTreeMap<&str, Quantity> = BTreeMap::new();
    for (name, amount) in
        spec.at("containers").items().flat_map(|one| one.at("resources").at("requests").entries().collect::<Vec<_>>())
    {
        let amount = Quantity::from_value(amount.value).unwrap_or(Quantity::ZERO);
        let sum = sums.entry(name).or_insert(Quantity::ZERO);
        *sum = *sum + amount;
    }
    let mut errors = Errors::new();
    for (name, sum) in sums {
        let entry = own.at("requests").entry(name);
        let asked = Quantity::from_value(entry.value).unwrap_or(Quantity::ZERO);
        if sum > asked {
            let why = format!("must be greater than or equal to aggregate container requests of {sum}");
            errors.push(entry.invalid_part(asked.to_string(), why));
        }
    }
    errors
}

/// No container may use more than the pod.
fn covers_limits(spec: &Field<'_>, own: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for (nth, one) in spec.at("containers").items().enumerate() {
        for (name, limit) in one.at("resources").at("limits").entries() {
            let most = Quantity::from_value(own.at("limits").entry(name).value);
            let (Ok(most), Ok(limit)) = (most, Quantity::from_value(limit.value)) else { continue };
            if limit > most {
                let why = format!("must be less than or equal to pod limits of {most}");
                let told = own.at("containers").nth(nth).entry(name).at("limits");
                errors.push(told.invalid_part(limit.to_string(), why));
            }
        }
    }
    errors
}
