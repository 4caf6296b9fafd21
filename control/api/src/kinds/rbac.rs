//! Kinds of the group `rbac.authorization.k8s.io`: who may do what.

mod binding;
pub(super) mod cluster_role;
pub(super) mod cluster_role_binding;
pub(super) mod role;
pub(super) mod role_binding;
mod rule;

/// Name of the group.
const GROUP: &str = "rbac.authorization.k8s.io";

/// What everybody who writes one is told.
fn grants_nothing(plural: &str) -> Vec<String> {
    vec![format!("{plural}.{GROUP} are stored, but this server grants nothing by them yet")]
}
