//! Expressions that must hold before a webhook or policy is asked.

use std::collections::BTreeSet;

use crate::cel::{self, Scope};
use crate::field::{Errors, Field};
use crate::name;

/// Most conditions of one webhook or policy.
const CONDITIONS_MAX: usize = 64;

/// Everything wrong with `matchConditions`, which may name what the scope says.
pub(super) fn conditions(conditions: &Field<'_>, scope: &Scope<'_>) -> Errors {
    let mut errors: Errors = conditions.too_many(CONDITIONS_MAX).into_iter().collect();
    let mut names = BTreeSet::new();
    for condition in conditions.items() {
        let (own, expression) = (condition.at("name"), condition.at("expression"));
        errors.extend(expression.text().trim().is_empty().then(|| expression.required("")));
        // Blanks around it are not part of it.
        let trimmed = expression.text().trim().into();
        errors.extend(cel::check(&expression.with(&trimmed), scope));
        errors.extend(own.must_be_named(name::qualified));
        errors.extend((!own.is_empty() && !names.insert(own.text())).then(|| own.duplicate()));
    }
    errors
}
