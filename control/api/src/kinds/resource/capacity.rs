//! How much of a device's capacity a request may take, and how much it gets when it does not say.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::quantity::Quantity;

/// Most amounts from which a request may choose.
const VALUES_MAX: usize = 10;

/// Everything wrong with the capacity of a device, which several requests may share or not.
pub(super) fn capacity(capacity: &Field<'_>, shared: bool) -> Errors {
    let policy = capacity.at("requestPolicy");
    if !policy.is_set() {
        return Errors::new();
    }
    if !shared {
        return vec![policy.forbidden("allowMultipleAllocations must be true")];
    }
    let (values, range) = (policy.at("validValues"), policy.at("validRange"));
    if !values.is_empty() && range.is_set() {
        let why =
            "exactly one policy can be specified, cannot specify \"validValues\" and \"validRange\" at the same time";
        return vec![policy.forbidden(why)];
    }
    let Some(all) = amount(&capacity.at("value")) else { return Errors::new() };
    let given = policy.at("default");
    let required = |when: &str| vec![given.required(&format!("required when {when} is defined"))];
    match (amount(&given), !values.is_empty(), range.is_set()) {
        (None, true, _) => required("validValues"),
        (None, _, true) => required("validRange"),
        (Some(given), true, _) => choices(&values, given, all),
        (Some(given), _, true) => within(&range, given, all),
        (_, false, false) => Errors::new(),
    }
}

/// The amount of a field; what is none is told where the object is read.
fn amount(field: &Field<'_>) -> Option<Quantity> {
    Quantity::from_value(field.value).ok()
}

/// Everything wrong with amounts to choose from: in order, each once, none more than all there is, the default among them.
fn choices(values: &Field<'_>, default: Quantity, all: Quantity) -> Errors {
    let amounts: Vec<(Field<'_>, Quantity)> =
        values.items().filter_map(|one| Some((one.clone(), amount(&one)?))).collect();
    let pairs = amounts.iter().zip(amounts.iter().skip(1));
    let falls = pairs.filter(|((_, one), (_, next))| one > next);
    let mut errors: Errors =
        falls.map(|(_, (field, next))| told(field, *next, "values must be sorted in ascending order")).collect();
    if let Some(error) = values.too_many(VALUES_MAX) {
        errors.push(error);
    } else {
        let large = amounts.iter().filter(|(_, one)| *one > all);
        errors.extend(
            large.map(|(field, one)| told(field, *one, &format!("option is larger than capacity value: {all}"))),
        );
        let mut seen = BTreeSet::new();
        let again = amounts.iter().filter(|(_, one)| !seen.insert(*one));
        errors.extend(again.map(|(field, _)| field.duplicate()));
    }
    if !amounts.iter().any(|(_, one)| *one == default) {
        errors.push(told(values, default, "default value is not valid according to the requestPolicy"));
    }
    errors
}

/// Everything wrong with a range of amounts, in steps or not.
fn within(range: &Field<'_>, default: Quantity, all: Quantity) -> Errors {
    let [min, max, step, given] = ["min", "max", "step", "default"].map(|name| range.at(name));
    let Some(least) = amount(&min) else { return vec![min.required("required when validRange is defined")] };
    let most = amount(&max);
    let mut errors = Errors::new();
    let mut unless = |holds: bool, field: &Field<'_>, value: Quantity, why: String| {
        errors.extend((!holds).then(|| told(field, value, &why)));
    };
    unless(least <= all, &min, least, format!("min is larger than capacity value: {all}"));
    unless(default >= least, &given, default, format!("default is less than min: {least}"));
    if let Some(most) = most {
        unless(least <= most, &max, least, format!("min is larger than max: {most}"));
        unless(most <= all, &max, most, format!("max is larger than capacity value: {all}"));
        unless(default <= most, &given, default, format!("default is more than max: {most}"));
    }
    let Some(each) = amount(&step) else { return errors };
    if each <= Quantity::ZERO {
        unless(false, &step, each, "must be greater than zero".to_owned());
        return errors;
    }
    let one = least + each;
    unless(one <= all, &step, each, format!("one step {one} is larger than capacity value: {all}"));
    for value in [Some(default), most].into_iter().flatten() {
        let why = format!("value is not a multiple of a given step ({each}) from ({least})");
        unless((value - least).is_multiple_of(each), &step, value, why);
    }
    errors
}

fn told(field: &Field<'_>, value: Quantity, why: &str) -> crate::validate::FieldError {
    field.invalid_part(value.to_string(), why)
}
