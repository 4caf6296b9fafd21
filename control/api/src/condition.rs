//! `metav1.Condition`: what holds of an object, as its status tells it.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::name;

/// Longest reason and longest message.
const REASON_MAX: usize = 1024;
const MESSAGE_MAX: usize = 32 * 1024;

/// Everything wrong with a list of conditions.
pub(crate) fn all(conditions: &Field<'_>) -> Errors {
    let mut kinds = BTreeSet::new();
    let mut errors = Errors::new();
    for one in conditions.items() {
        let kind = one.at("type");
        errors.extend(kind.is_empty().then(|| kind.required("is required")));
        errors.extend(kind.named(name::qualified));
        errors.extend(one.at("status").must_be_one_of(&["False", "True", "Unknown"]));
        errors.extend(one.at("observedGeneration").not_negative());
        errors.extend(one.at("lastTransitionTime").must());
        let (reason, message) = (one.at("reason"), one.at("message"));
        errors.extend(reason.must_be_named(name::condition_reason));
        errors.extend((reason.text().len() > REASON_MAX).then(|| reason.too_long(REASON_MAX)));
        errors.extend((message.text().len() > MESSAGE_MAX).then(|| message.too_long(MESSAGE_MAX)));
        if !kind.is_empty() && !kinds.insert(kind.text()) {
            errors.push(kind.duplicate());
        }
    }
    errors
}
