//! Kinds of the group `apiregistration.k8s.io`: who serves which part of the API.

pub(super) mod api_service;
