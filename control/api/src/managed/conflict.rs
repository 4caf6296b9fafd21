//! What an apply would take from others.

use std::collections::BTreeMap;

use super::manager::Manager;
use super::{Element, Set};
use crate::status::{Cause, Details, Status};

/// Paths that would be given another value, by who owns them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conflicts(pub(super) BTreeMap<Manager, Set>);

impl Conflicts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The conflicts about paths that are not in the set.
    pub(super) fn beyond(self, allowed: &Set) -> Self {
        let left = self.0.into_iter().map(|(manager, set)| (manager, set.difference(allowed)));
        Self(left.filter(|(_, set)| !set.is_empty()).collect())
    }

    /// 409, one cause for each path.
    pub(super) fn status(&self) -> Status {
        let paths = |set: &Set| set.paths().iter().map(|path| text(path)).collect::<Vec<_>>();
        let all: Vec<_> = self.0.iter().map(|(manager, set)| (manager, paths(set))).collect();
        let count: usize = all.iter().map(|(_, paths)| paths.len()).sum();
        let message = match all.as_slice() {
            [(manager, paths)] if count == 1 => {
                format!("Apply failed with 1 conflict: conflict with {manager}: {}", paths.concat())
            }
            _ => {
                let lines = all.iter().flat_map(|(manager, paths)| {
                    let head = format!("conflicts with {manager}:");
                    std::iter::once(head).chain(paths.iter().map(|path| format!("- {path}")))
                });
                format!("Apply failed with {count} conflicts: {}", lines.collect::<Vec<_>>().join("\n"))
            }
        };
        let causes = all.into_iter().flat_map(|(manager, paths)| {
            paths.into_iter().map(move |field| Cause {
                reason: "FieldManagerConflict".into(),
                message: format!("conflict with {manager}"),
                field,
            })
        });
        let mut status = Status::new(409, "Conflict", message);
        status.details = Some(Box::new(Details { causes: causes.collect(), ..Details::default() }));
        status
    }
}

fn text(path: &[Element]) -> String {
    path.iter().map(ToString::to_string).collect()
}
