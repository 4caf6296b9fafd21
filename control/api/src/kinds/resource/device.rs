//! One device that a driver offers.

use super::{binding, capacity, counters};
use crate::field::{Errors, Field};
use crate::name;
use crate::pod_spec;

/// Most attributes and capacities of a device together, and most bytes of a value.
const FACTS_MAX: usize = 32;
const VALUE_MAX: usize = 64;
/// Longest domain and longest rest of the name of an attribute.
const DOMAIN_MAX: usize = 63;
const ID_MAX: usize = 32;
/// Fields of an attribute, of which exactly one is given.
const VALUES: [&str; 8] = ["bool", "int", "string", "version", "bools", "ints", "strings", "versions"];
/// Ways in which a device says where it is.
const PLACES: [&str; 3] = ["nodeName", "nodeSelector", "allNodes"];

/// Everything wrong with a device, which may say for itself where it is when the slice leaves that to devices.
pub(super) fn device(device: &Field<'_>, for_itself: bool) -> Errors {
    let (own, attributes, capacities) = (device.at("name"), device.at("attributes"), device.at("capacity"));
    let mut errors: Errors = name::label(own.text()).into_iter().map(|why| own.invalid_part(own.text(), why)).collect();
    let facts = attributes.entries().count() + capacities.entries().count();
    if facts > FACTS_MAX {
        let why = format!("the total number of attributes and capacities must not exceed {FACTS_MAX}");
        errors.push(device.invalid_part(facts, why));
    }
    for (key, value) in attributes.entries() {
        errors.extend(fact_name(&attributes, key));
        errors.extend(attribute(&value));
    }
    let shared = device.at("allowMultipleAllocations").is_true();
    for (key, value) in capacities.entries() {
        errors.extend(fact_name(&capacities, key));
        errors.extend(pod_spec::not_negative(&value.at("value")));
        errors.extend(capacity::capacity(&value, shared));
    }
    errors.extend(binding::taints(&device.at("taints")));
    errors.extend(counters::consumed(&device.at("consumesCounters")));
    errors.extend(place(device, for_itself));
    errors.extend(binding::conditions(device));
    errors
}

/// Everything wrong with the name of an attribute or capacity: an identifier, with a domain or not.
fn fact_name(map: &Field<'_>, key: &str) -> Errors {
    let field = map.entry(key);
    let (domain, own) = key.split_once('/').map_or((None, key), |(domain, own)| (Some(domain), own));
    let mut errors = Errors::new();
    if let Some(domain) = domain {
        errors.extend(domain.is_empty().then(|| field.invalid_part("", "the domain must not be empty")));
        errors.extend((domain.len() > DOMAIN_MAX).then(|| field.too_long(DOMAIN_MAX)));
        let wrong = if domain.is_empty() { Vec::new() } else { name::subdomain(domain) };
        errors.extend(wrong.into_iter().map(|why| field.invalid_part(domain, why)));
    }
    errors.extend(own.is_empty().then(|| field.invalid_part("", "the name must not be empty")));
    errors.extend((own.len() > ID_MAX).then(|| field.too_long(ID_MAX)));
    errors
}

fn attribute(attribute: &Field<'_>) -> Errors {
    let given: Vec<Field<'_>> = VALUES.iter().map(|name| attribute.at(name)).filter(Field::is_set).collect();
    let mut errors = Errors::new();
    for value in &given {
        let is_empty_list = value.value.as_array().is_some_and(Vec::is_empty);
        errors.extend(is_empty_list.then(|| value.invalid("must not be empty if specified")));
        let versions = value.path().ends_with(".version") || value.path().ends_with(".versions");
        let single = value.value.is_string().then(|| value.clone());
        for text in single.into_iter().chain(value.items()).filter(|one| one.value.is_string()) {
            let wrong = versions && !is_version(text.text());
            errors.extend(wrong.then(|| text.invalid("must be a string compatible with semver.org spec 2.0.0")));
            errors.extend((text.text().len() > VALUE_MAX).then(|| text.too_long(VALUE_MAX)));
        }
    }
    let why = "exactly one value must be specified";
    match given.len() {
        0 => errors.push(attribute.invalid_part("", why)),
        1 => {}
        _ => errors.push(attribute.invalid(why)),
    }
    errors
}

/// Whether a text is a version by semver.org 2.0.0.
fn is_version(text: &str) -> bool {
    let identifiers = |part: &str, no_padding: bool| {
        part.split('.').all(|one| {
            let digits = one.bytes().all(|c| c.is_ascii_digit());
            !one.is_empty()
                && one.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
                && !(no_padding && digits && one.len() > 1 && one.starts_with('0'))
        })
    };
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (numbers, early) = rest.split_once('-').map_or((rest, None), |(numbers, early)| (numbers, Some(early)));
    let numeric = |one: &str| one.bytes().all(|c| c.is_ascii_digit());
    numbers.split('.').count() == 3
        && numbers.split('.').all(numeric)
        && identifiers(numbers, true)
        && early.is_none_or(|early| identifiers(early, true))
        && build.is_none_or(|build| identifiers(build, false))
}

fn place(device: &Field<'_>, for_itself: bool) -> Errors {
    let all = "`nodeName`, `nodeSelector`";
    let mut errors = Errors::new();
    if !for_itself {
        let why = format!(
            "{all} and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec"
        );
        let given = PLACES.iter().any(|name| device.at(name).is_set());
        return given.then(|| device.invalid_part("null", why)).into_iter().collect();
    }
    let given: Vec<String> =
        PLACES.iter().filter(|name| says(&device.at(name))).map(|name| format!("`{name}`")).collect();
    let (node, everywhere) = (device.at("nodeName"), device.at("allNodes"));
    errors.extend(node.named(name::subdomain));
    errors.extend((node.is_set() && node.is_empty()).then(|| node.invalid("must not be empty")));
    errors.extend((everywhere.is_set() && !everywhere.is_true()).then(|| everywhere.invalid(ONLY_TRUE)));
    let why = format!(
        "exactly one of {all}, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec"
    );
    match given.len() {
        0 => errors.push(device.required(&why)),
        1 => {}
        _ => errors.push(device.invalid_part(format!("{{{}}}", given.join(", ")), why)),
    }
    errors
}

pub(super) const ONLY_TRUE: &str = "must be either unset or set to true";

/// Whether a field of a choice says something: text, an object, or the word that it is so.
pub(super) fn says(field: &Field<'_>) -> bool {
    field.is_true() || field.value.is_object() || !field.text().is_empty()
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn versions_are_semantic() {
        for text in ["1.2.3", "0.0.0", "1.2.3-a.1", "1.2.3-a+b.01", "10.20.30"] {
            assert!(is_version(text), "{text}");
        }
        for text in ["1.2", "1.2.3.4", "01.2.3", "1.2.3-01", "1.2.3-", "1.2.x", "", "1.2.3+"] {
            assert!(!is_version(text), "{text}");
        }
    }
}
