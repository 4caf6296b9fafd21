//! Kinds of the group `certificates.k8s.io`: who is to be believed.

pub(super) mod certificate_signing_request;
