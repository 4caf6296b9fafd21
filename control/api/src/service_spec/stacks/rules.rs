//! What does not go together among `clusterIP`, `clusterIPs`, `ipFamilies` and `ipFamilyPolicy`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::{Family, HEADLESS, Policy, is_headless};
use crate::field::{Errors, Field};
use crate::validate::FieldError;
use crate::{json, network};

/// A Service has one address of each family at most.
const ADDRESSES_MAX: usize = 2;
const UNCHANGED: &str = "may not change once set";

/// Everything wrong with the addresses and families of a Service, of which some may still be missing.
pub(crate) fn rules(spec: &Field<'_>) -> Errors {
    if spec.at("type").text() == "ExternalName" {
        return Errors::new();
    }
    let (one, list) = (spec.at("clusterIP"), spec.at("clusterIPs"));
    let mut errors = Errors::new();
    if one.is_empty() {
        let alone = !list.is_empty();
        errors.extend(alone.then(|| list.invalid("must be empty when `clusterIP` is not specified")));
    } else if list.is_empty() {
        errors.push(list.required(""));
    } else if list.nth(0).text() != one.text() {
        errors.push(list.invalid("first value must match `clusterIP`"));
    }
    let mut seen = BTreeSet::new();
    for family in spec.at("ipFamilies").items() {
        errors.extend(family.one_of(&["IPv4", "IPv6"]));
        errors.extend((!seen.insert(family.text())).then(|| family.duplicate()));
    }
    errors.extend(spec.at("ipFamilyPolicy").one_of(&["PreferDualStack", "RequireDualStack", "SingleStack"]));
    let wrong = addresses(&list);
    let sound = wrong.is_empty();
    errors.extend(wrong);
    let count = list.items().count();
    if count > ADDRESSES_MAX {
        errors.push(list.invalid(format!("may only hold up to {ADDRESSES_MAX} values")));
    }
    if sound {
        errors.extend(families(spec, &list));
    }
    errors
}

/// Everything wrong with each address for itself.
fn addresses(list: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let count = list.items().count();
    for (nth, address) in list.items().enumerate() {
        if nth == 0 && address.text() == HEADLESS {
            errors.extend((count > 1).then(|| list.invalid("'None' must be the first and only value")));
        } else {
            errors.extend(network::address(&address));
        }
    }
    errors
}

/// Everything wrong with sound addresses together, and beside the families that were named.
fn families(spec: &Field<'_>, list: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let of = |address: &Field<'_>| address.text().parse::<IpAddr>().ok().map(Family::of);
    let found: Vec<Option<Family>> = list.items().map(|address| of(&address)).collect();
    if found.len() > 1 && [Family::V4, Family::V6].iter().any(|family| !found.contains(&Some(*family))) {
        errors.push(list.invalid("may specify no more than one IP for each IP family"));
    }
    for (nth, (family, address)) in spec.at("ipFamilies").items().zip(list.items()).enumerate() {
        let Some(found) = of(&address) else { continue };
        if Family::parse(family.text()).is_some_and(|named| named != found) {
            let why = format!("expected an {} value as indicated by `ipFamilies[{nth}]`", family.text());
            errors.push(address.invalid(why));
        }
    }
    errors
}

/// Everything wrong with a change: a second address and family may come and go, the first stay while there is one at all.
pub(crate) fn update(spec: &Field<'_>, before: &Value) -> Errors {
    let alias = |spec: &Value| spec["type"] == "ExternalName";
    if alias(spec.value) || alias(before) {
        return Errors::new();
    }
    let (now, then) = (is_headless(spec.value), is_headless(before));
    let mut errors = Errors::new();
    if !(now && then) {
        errors.extend(addresses_changed(spec, before));
    }
    if !(now || then) {
        errors.extend(families_changed(spec, before));
    }
    errors
}

fn addresses_changed(spec: &Field<'_>, before: &Value) -> Errors {
    let list = spec.at("clusterIPs");
    let (now, then) = (json::items(list.value, ""), json::items(before, "/clusterIPs"));
    let told = |nth: usize, why: &str| list.nth(nth).invalid_part(list.value.clone(), why);
    let moved: Vec<usize> = (0..now.len().min(then.len())).filter(|nth| now[*nth] != then[*nth]).collect();
    if now.len() == then.len() {
        return moved.into_iter().map(|nth| told(nth, UNCHANGED)).collect();
    }
    let mut errors = Errors::new();
    if now.is_empty() {
        errors.push(told(0, "primary clusterIP can not be unset"));
    }
    errors.extend(moved.contains(&0).then(|| told(0, UNCHANGED)));
    if now.len() < then.len() && now.len() == 1 {
        errors.extend(not_single(spec, "secondary clusterIP"));
    }
    errors
}

fn families_changed(spec: &Field<'_>, before: &Value) -> Errors {
    let list = spec.at("ipFamilies");
    let (now, then) = (json::items(list.value, ""), json::items(before, "/ipFamilies"));
    // Kubernetes tells every change of a family of the first place, and shows addresses when their number changed too.
    let told = |shown: &Field<'_>, why: &str| list.nth(0).invalid_part(shown.value.clone(), why);
    if now.len() == then.len() {
        let moved = now.iter().zip(then).filter(|(now, then)| now != then);
        return moved.map(|_| told(&list, UNCHANGED)).collect();
    }
    let mut errors = Errors::new();
    let addresses = spec.at("clusterIPs");
    if now.len() < then.len() && addresses.is_empty() {
        errors.push(told(&list, "primary ipFamily can not be unset"));
    }
    if let (Some(now), Some(then)) = (now.first(), then.first())
        && now != then
    {
        errors.push(told(&addresses, UNCHANGED));
    }
    if now.len() < then.len() && now.len() == 1 {
        errors.extend(not_single(spec, "secondary ipFamily"));
    }
    errors
}

fn not_single(spec: &Field<'_>, what: &str) -> Option<FieldError> {
    let policy = spec.at("ipFamilyPolicy");
    let why = format!("must be set to 'SingleStack' when releasing the {what}");
    (policy.text() != Policy::Single.name()).then(|| policy.invalid(why))
}
