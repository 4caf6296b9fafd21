//! What a write changes, in the version of each manager.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use serde_json::Value;

use super::Set;
use super::compare::{Comparison, compare};
use super::manager::Managers;
use super::write::Write;

/// A change from one state of an object to another, both given as they are stored.
pub(super) struct Change<'a> {
    write: &'a Write<'a>,
    seen: BTreeMap<&'a str, Comparison>,
}

impl<'a> Change<'a> {
    /// The change as the writer sees it, and everybody among the managers. Who wrote in a version in which the two cannot be
    /// compared sees no change.
    ///
    /// # Errors
    /// Why they cannot be compared in the writer's own version.
    pub(super) fn of(write: &'a Write<'a>, before: &Value, after: &Value, managers: &Managers) -> Result<Self, String> {
        let seen_in = |version: &super::Version| {
            let changes = compare(version.place(), &version.shown(before), &version.shown(after))?;
            Ok(changes.filtered(|set| write.reach.filter(set)))
        };
        let mut seen = BTreeMap::from([(write.version.api_version(), seen_in(write.version)?)]);
        for entry in managers.0.values() {
            let Some(version) = write.served(&entry.version) else { continue };
            if let Slot::Vacant(slot) = seen.entry(version.api_version())
                && let Ok::<_, String>(changes) = seen_in(version)
            {
                slot.insert(changes);
            }
        }
        Ok(Self { write, seen })
    }

    /// As the writer sees it.
    pub(super) fn own(&self) -> &Comparison {
        &self.seen[self.write.version.api_version()]
    }

    /// The paths that are given a value, in a version.
    pub(super) fn given(&self, version: &str) -> Set {
        self.seen.get(version).map(Comparison::given).unwrap_or_default()
    }

    /// The paths that are given a value or taken away, in a version.
    pub(super) fn touched(&self, version: &str) -> Set {
        self.seen.get(version).map(|changes| changes.given().union(&changes.removed)).unwrap_or_default()
    }
}
