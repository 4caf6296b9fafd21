//! Kinds of the group `admissionregistration.k8s.io`: who else is asked before a write.

mod binding;
mod client_config;
mod conditions;
pub(super) mod configurations_v1beta1;
mod match_resources;
pub(super) mod mutating_admission_policy;
pub(super) mod mutating_admission_policy_binding;
pub(super) mod mutating_webhook_configuration;
mod policy;
mod rules;
mod scopes;
pub(super) mod validating_admission_policy;
pub(super) mod validating_admission_policy_binding;
pub(super) mod validating_webhook_configuration;
mod webhook;

use crate::kind::{Flags, Generation};

/// Name of the group.
const GROUP: &str = "admissionregistration.k8s.io";
/// Categories of every kind of the group.
const CATEGORIES: &[&str] = &["api-extensions"];

/// Traits of every kind of the group.
fn flags() -> Flags {
    Flags { needs_revision_on_update: true, generation: Generation::Always, ..Flags::default() }
}

/// What everybody who writes one is told.
fn not_enforced(plural: &str) -> Vec<String> {
    vec![format!("{plural}.{GROUP} are stored, but this server does not enforce them yet")]
}

#[cfg(test)]
mod tests;
