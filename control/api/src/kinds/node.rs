//! Kinds of the group `node.k8s.io`: what nodes can do.

pub(super) mod runtime_class;
