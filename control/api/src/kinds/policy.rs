//! Kinds of the group `policy`: what may be done to pods.

pub(super) mod pod_disruption_budget;
pub(super) mod pod_disruption_budget_v1beta1;
