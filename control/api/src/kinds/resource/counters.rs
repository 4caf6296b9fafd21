//! What devices share and count: sets of counters, and how much of them a device takes.

use super::selection::repeated;
use crate::field::{Errors, Field};
use crate::name;

/// Most sets from which a device takes, and most counters of a set.
const CONSUMED_MAX: usize = 2;
const COUNTERS_MAX: usize = 32;

/// Everything wrong with a set of counters.
pub(super) fn set(set: &Field<'_>) -> Errors {
    named(set, "name")
}

/// Everything wrong with what a device takes.
pub(super) fn consumed(list: &Field<'_>) -> Errors {
    if let Some(error) = list.too_many(CONSUMED_MAX) {
        return vec![error];
    }
    let each = list.items().flat_map(|one| named(&one, "counterSet"));
    each.chain(repeated(list, "counterSet")).collect()
}

/// Everything wrong with counters and the field that names their set.
fn named(of: &Field<'_>, field: &str) -> Errors {
    let counters = of.at("counters");
    let count = counters.entries().count();
    let mut errors = of.at(field).must_be_named(name::label);
    if count == 0 {
        errors.push(counters.required(""));
    } else if count > COUNTERS_MAX {
        errors.push(counters.too_many_entries(count, COUNTERS_MAX));
    } else {
        let wrong = counters.entries().flat_map(|(key, _)| name::label(key).into_iter().map(move |why| (key, why)));
        errors.extend(wrong.map(|(key, why)| counters.invalid_part(key, why)));
    }
    errors
}
