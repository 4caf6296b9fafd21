//! Kinds of the group `flowcontrol.apiserver.k8s.io`: whose requests wait for whose.

mod condition;
pub(super) mod flow_schema;
pub(super) mod priority_level_configuration;

/// Name of the group.
const GROUP: &str = "flowcontrol.apiserver.k8s.io";

/// What everybody who writes one is told.
fn not_applied(plural: &str) -> Vec<String> {
    vec![format!("{plural}.{GROUP} are stored, but this server does not order requests by them yet")]
}
