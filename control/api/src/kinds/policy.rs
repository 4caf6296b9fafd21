//! Kinds of the group `policy`: what may be done to pods.

pub(super) mod pod_disruption_budget;
