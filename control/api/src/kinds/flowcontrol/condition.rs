//! Conditions in a status, told apart by their type.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};

/// Everything wrong with a list of conditions.
pub(super) fn conditions(conditions: &Field<'_>) -> Errors {
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for condition in conditions.items() {
        let kind = condition.at("type");
        errors.extend((!seen.insert(kind.text())).then(|| kind.duplicate_of(&kind.text().into())));
        errors.extend(kind.is_empty().then(|| kind.required("must not be empty")));
    }
    errors
}
