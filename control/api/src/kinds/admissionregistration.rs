//! Kinds of the group `admissionregistration.k8s.io`: who else is asked before a write.

mod client_config;
mod conditions;
pub(super) mod mutating_webhook_configuration;
mod rules;
pub(super) mod validating_webhook_configuration;
mod webhook;

/// Name of the group.
const GROUP: &str = "admissionregistration.k8s.io";

/// What everybody who writes one is told.
fn not_enforced(plural: &str) -> Vec<String> {
    vec![format!("{plural}.{GROUP} are stored, but this server does not enforce them yet")]
}

#[cfg(test)]
mod tests;
