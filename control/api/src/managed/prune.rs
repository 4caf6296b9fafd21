//! What a manager applied the last time and does not apply now.

use std::collections::BTreeMap;

use serde_json::Value;

use super::extract::{paths, remove, with_declared};
use super::manager::{Entry, Managers};
use super::write::Write;
use super::{Set, Version};

/// The merged object, as it is stored, without what its applier applied the last time, does not apply now, and nobody else owns.
/// What nobody ever applied stays, even where it lies below something that goes.
pub(super) fn prune(write: &Write<'_>, merged: Value, last: &Entry, managers: &Managers) -> Value {
    let Some(version) = write.served(&last.version) else { return merged };
    let place = version.place();
    let gone = with_declared(place, &last.fields);
    let mut left = version.stored(remove(place, &version.shown(&merged), &gone));
    let mut owned: BTreeMap<&str, Set> = BTreeMap::new();
    for entry in managers.0.values() {
        let all = owned.entry(&entry.version).or_default();
        *all = all.union(&entry.fields);
    }
    // The version of what went comes first: its fields may be needed to tell those of others.
    let first = owned.remove_entry(version.api_version());
    for (name, set) in first.into_iter().chain(owned) {
        if let Some(version) = write.served(name) {
            left =
                without(version, &merged, &left, |missing| missing.difference(&with_declared(version.place(), &set)));
        }
    }
    without(version, &merged, &left, |missing| missing.intersection(&gone))
}

/// The whole object without those of its paths that `which` chooses among the ones that are missing from what is left of it. All
/// but the paths is as it is stored.
fn without(version: &Version, whole: &Value, left: &Value, which: impl FnOnce(Set) -> Set) -> Value {
    let place = version.place();
    let (whole, left) = (version.shown(whole), version.shown(left));
    let declared = |object: &Value| with_declared(place, &paths(place, object));
    version.stored(remove(place, &whole, &which(declared(&whole).difference(&declared(&left)))))
}
