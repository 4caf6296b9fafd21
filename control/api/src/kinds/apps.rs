//! Kinds of the group `apps`: what keeps pods of one template.

pub(super) mod deployment;
pub(super) mod replica_set;
