//! What a pod is made of: defaults, rules and sums shared by Pods and by the templates of what makes Pods.

mod affinity;
mod annotations;
mod container;
mod context;
mod defaults;
mod environment;
mod ephemeral;
mod gated;
mod image;
mod mount;
mod network;
mod pod_resources;
mod probe;
mod projection;
mod requests;
mod resize;
mod resources;
mod restart;
mod rules;
mod security;
mod spread;
mod template;
mod tolerations;
mod update;
mod volume;
mod volume_defaults;
mod warnings;
mod windows;

pub(crate) use affinity::{label_selector, node_selector};
pub(crate) use defaults::{GRACE, default_pod};
pub use defaults::{default_spec, default_template};
pub(crate) use ephemeral::only_added;
pub(crate) use requests::amount;
pub use requests::{QosClass, constrained, effective_requests, held_requests, qos_class};
pub(crate) use resize::{carry as carry_resize, changed as resize_changed};
pub(crate) use resources::{
    canonical as canonical_amounts, canonical_field as canonical_amount, default as default_resources, overhead,
    quantity as not_negative,
};
pub(crate) use rules::{new_pod, pod};
pub(crate) use template::{endless, selected_template, selector, selects, selects_all, template, template_with_claims};
pub(crate) use tolerations::{EFFECTS, toleration};
pub(crate) use update::immutable_but_a_few;
pub(crate) use volume_defaults::sources as default_sources;
pub(crate) use warnings::{OF_HOST, OF_PODS, name_warnings, parts_of_bytes, warnings};

/// Lists of containers in a pod's spec, in the order in which errors are told.
const CONTAINER_LISTS: [&str; 2] = ["containers", "initContainers"];
/// As [`CONTAINER_LISTS`], with those that are added to look into a pod.
const ALL_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
