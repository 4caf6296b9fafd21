//! Kinds of the group `resource.k8s.io`: devices, and who has them.

mod binding;
mod capacity;
mod counters;
mod device;
pub(super) mod device_class;
mod requests;
pub(super) mod resource_claim;
pub(super) mod resource_claim_template;
pub(super) mod resource_slice;
mod selection;

/// Name of the group.
const GROUP: &str = "resource.k8s.io";

/// What everybody who writes one is told.
fn not_allocated(plural: &str) -> Vec<String> {
    vec![format!("{plural}.{GROUP} are stored, but this server gives no devices to pods yet")]
}
