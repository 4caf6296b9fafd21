//! References to objects of any kind, by group, kind and name.

use crate::field::{Errors, Field};
use crate::name;

/// Everything wrong with the group, kind and name of a reference.
pub(super) fn reference(of: &Field<'_>) -> Errors {
    let group = of.at("apiGroup");
    let mut errors = Errors::new();
    if group.is_set() {
        errors.extend(name::subdomain(group.text()).into_iter().map(|why| group.invalid(why)));
    }
    errors.extend(["kind", "name"].iter().flat_map(|part| of.at(part).must_be_named(name::path_segment)));
    errors
}
