//! Kinds of the group `storage.k8s.io`: where volumes come from.

pub(super) mod csi_driver;
pub(super) mod csi_node;
pub(super) mod csi_storage_capacity;
pub(super) mod driver;
pub(super) mod storage_class;
pub(super) mod volume_attachment;
pub(super) mod volume_attributes_class;

/// Name of the group.
const GROUP: &str = "storage.k8s.io";
