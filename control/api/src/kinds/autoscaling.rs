//! Kinds of the group `autoscaling`: how many pods there should be.

pub(super) mod horizontal_pod_autoscaler;
mod metric;
pub(super) mod older;
mod targets;
