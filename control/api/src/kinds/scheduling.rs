//! Kinds of the group `scheduling.k8s.io`: whose pods come first.

pub(super) mod priority_class;
