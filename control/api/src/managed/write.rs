//! A write, and what it may own.

use std::sync::LazyLock;

use super::manager::{Manager, Operation};
use super::{Set, Version};
use crate::meta::Timestamp;

/// A write by somebody.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The version of the request.
    pub version: &'a Version,
    /// `Deployment`.
    pub kind: &'a str,
    /// Who writes; see [`super::name`].
    pub manager: &'a str,
    /// The subresource that is written; empty for the object itself.
    pub subresource: &'a str,
    /// What such a write changes.
    pub reach: Reach,
    /// Every version in which the kind is served.
    pub served: &'a [Version],
    /// When.
    pub now: Timestamp,
}

/// Which parts of an object a write changes. What the server takes back is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All.
    Whole,
    /// All but what is below some paths of fields, such as `status`.
    But(&'static [&'static [&'static str]]),
    /// What is below one path of fields alone.
    Only(&'static [&'static str]),
}

impl Reach {
    pub(super) fn filter(self, set: &Set) -> Set {
        match self {
            Self::Whole => set.clone(),
            Self::But(paths) => paths.iter().fold(set.clone(), |set, path| set.without(&Set::of_fields(path))),
            Self::Only(path) => set.only(path),
        }
    }
}

impl<'a> Write<'a> {
    pub(super) fn manager(&self, operation: Operation) -> Manager {
        Manager::new(self.manager, operation, self.version.api_version(), self.subresource)
    }

    /// The version of that name, when the kind is served in it.
    pub(super) fn served(&self, api_version: &str) -> Option<&'a Version> {
        self.served.iter().find(|version| version.api_version() == api_version)
    }
}

/// What the server itself says of an object, so that nobody owns it.
const UNOWNED: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "selfLink"],
    &["metadata", "uid"],
    &["metadata", "clusterName"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
];

/// The set without what nobody owns.
pub(super) fn ownable(set: &Set) -> Set {
    static ALL: LazyLock<Set> =
        LazyLock::new(|| UNOWNED.iter().fold(Set::default(), |all, path| all.union(&Set::of_fields(path))));
    set.difference(&ALL)
}
