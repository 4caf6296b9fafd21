//! Kinds of the group `networking.k8s.io`: who may reach what.

pub(super) mod ingress;
pub(super) mod ingress_class;
pub(super) mod ingress_v1beta1;
pub(super) mod ip_address;
pub(super) mod network_policy;
mod reference;
pub(super) mod service_cidr;
