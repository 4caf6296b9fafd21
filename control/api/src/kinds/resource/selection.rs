//! What classes and claims share: which devices, and how they are set up.

use crate::cel::{self, Limit, Outcome, Scope, Shape};
use crate::field::{Errors, Field};
use crate::kinds::storage::driver;
use crate::validate::FieldError;

/// Most selectors and settings of one class or request.
const SELECTORS_MAX: usize = 32;
const SETTINGS_MAX: usize = 32;
/// Most bytes of an expression, and of what is handed to a driver.
const EXPRESSION_MAX: usize = 10 * 1024;
const PARAMETERS_MAX: usize = 10 * 1024;

/// What a selector knows.
const DEVICE: &[(&str, &str)] = &[("device", "kubernetes.DRADevice")];

/// Most attributes and capacities of a device, and so most entries of any map of them.
const ENTRIES_MAX: u64 = 32;
/// Most characters of the domain that a name is of, of the name itself, of a text that an attribute holds, and of a driver's
/// name.
const DOMAIN: Shape = Shape::Value(63);
const ID: Shape = Shape::Value(32);
const ATTRIBUTE: Shape = Shape::Value(64);
const DRIVER: Shape = Shape::Value(63);

/// Attributes, or capacities, by domain and name. Quantities are no texts, and so of no size.
const ATTRIBUTES: Shape = Shape::Map { most: ENTRIES_MAX, keys: &ID, values: &ATTRIBUTE, named: true };
const CAPACITIES: Shape = Shape::Map { most: ENTRIES_MAX, keys: &ID, values: &Shape::Value(0), named: false };
const DEVICE_SHAPE: Shape = Shape::Object(&[
    ("driver", &DRIVER),
    ("attributes", &Shape::Map { most: ENTRIES_MAX, keys: &DOMAIN, values: &ATTRIBUTES, named: false }),
    ("capacity", &Shape::Map { most: ENTRIES_MAX, keys: &DOMAIN, values: &CAPACITIES, named: false }),
]);

/// What a selector may cost, in units of cel-go, as kube-apiserver has it.
const LIMIT: Limit = Limit { most: 1_000_000, shapes: &[("device", &DEVICE_SHAPE)] };

/// Everything wrong with selectors of devices.
pub(super) fn selectors(selectors: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for cel in selectors.items().map(|one| one.at("cel")) {
        let expression = cel.at("expression");
        if !cel.is_set() {
            errors.push(cel.required(""));
        } else if expression.text().len() > EXPRESSION_MAX {
            errors.push(expression.too_long(EXPRESSION_MAX));
        } else {
            errors.extend(expression.must());
            errors.extend(cel::check(&expression, &Scope::new(DEVICE, Outcome::TruthOrUnknown).within(LIMIT)));
        }
    }
    errors.extend(selectors.too_many(SELECTORS_MAX));
    errors
}

/// Everything wrong with settings for drivers, each of which may say more.
pub(super) fn settings(settings: &Field<'_>, more: impl Fn(&Field<'_>) -> Errors) -> Errors {
    let mut errors = Errors::new();
    for one in settings.items() {
        errors.extend(more(&one));
        let opaque = one.at("opaque");
        if opaque.is_set() {
            errors.extend(driver::csi(&opaque.at("driver")));
            errors.extend(object(&opaque.at("parameters"), PARAMETERS_MAX));
        } else {
            errors.push(opaque.required(""));
        }
    }
    errors.extend(settings.too_many(SETTINGS_MAX));
    errors
}

/// An error when what somebody else reads is no object, or takes more bytes than that.
pub(super) fn object(data: &Field<'_>, most: usize) -> Option<FieldError> {
    if !data.is_set() {
        return Some(data.required(""));
    }
    if data.value.to_string().len() > most {
        return Some(data.too_long(most));
    }
    (!data.value.is_object()).then(|| data.invalid_part("<value omitted>", "must be a valid JSON object"))
}

/// An error for every item whose key stands before it.
pub(super) fn repeated(list: &Field<'_>, key: &str) -> Errors {
    let mut seen = std::collections::BTreeSet::new();
    let text = |one: &Field<'_>| if key.is_empty() { one.value.clone() } else { one.value[key].clone() };
    let again = list.items().filter(|one| !seen.insert(text(one).to_string()));
    again.map(|one| one.duplicate_of(&text(&one))).collect()
}
