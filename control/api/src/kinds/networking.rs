//! Kinds of the group `networking.k8s.io`: who may reach what.

pub(super) mod ingress;
pub(super) mod ingress_class;
pub(super) mod network_policy;
mod reference;
