//! What a device says of itself to whoever places pods: taints, and conditions that must come first.

use std::collections::BTreeSet;

use super::selection::repeated;
use crate::field::{Errors, Field};
use crate::name;

/// Most taints of a device, and most conditions of each sort.
const TAINTS_MAX: usize = 16;
const CONDITIONS_MAX: usize = 4;
/// What a taint does.
const EFFECTS: &[&str] = &["NoExecute", "NoSchedule", "None"];

/// Everything wrong with the taints of a device.
pub(super) fn taints(taints: &Field<'_>) -> Errors {
    if let Some(error) = taints.too_many(TAINTS_MAX) {
        return vec![error];
    }
    let mut errors = Errors::new();
    for taint in taints.items() {
        let key = taint.at("key");
        errors.extend(name::qualified(key.text()).into_iter().map(|why| key.invalid_part(key.text(), why)));
        errors.extend(taint.at("value").named(name::label_value));
        errors.extend(taint.at("effect").must_be_one_of(EFFECTS));
    }
    errors
}

/// Everything wrong with conditions of a device that let a pod be bound, and those that make that fail: neither without the
/// other, and none in both.
pub(super) fn conditions(device: &Field<'_>) -> Errors {
    const LISTS: [&str; 2] = ["bindingConditions", "bindingFailureConditions"];
    let lists = LISTS.map(|name| device.at(name));
    let [wanted, failures] = &lists;
    let mut errors = Errors::new();
    for list in &lists {
        match list.too_many(CONDITIONS_MAX) {
            Some(error) => errors.push(error),
            None => errors.extend(list.items().flat_map(|one| {
                name::qualified(one.text()).into_iter().map(move |why| one.invalid(why)).collect::<Errors>()
            })),
        }
    }
    errors.extend(repeated(wanted, ""));
    errors.extend(repeated(failures, ""));
    let names: BTreeSet<&str> = wanted.items().map(|one| one.text()).collect();
    let both = failures.items().filter(|one| names.contains(one.text()));
    errors.extend(both.map(|one| one.invalid("bindingFailureConditions must not overlap with bindingConditions")));
    for (list, name, other) in [(wanted, LISTS[0], LISTS[1]), (failures, LISTS[1], LISTS[0])] {
        if list.is_empty() && !device.at(other).is_empty() {
            errors.push(list.invalid(format!("{name} are required to use {other}")));
        }
    }
    errors
}
