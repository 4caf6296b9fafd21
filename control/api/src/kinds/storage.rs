//! Kinds of the group `storage.k8s.io`: where volumes come from.

pub(super) mod storage_class;
