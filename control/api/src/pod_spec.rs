//! What a pod is made of: defaults, rules and sums shared by Pods and by the templates of what makes Pods.

mod affinity;
mod container;
mod defaults;
mod environment;
mod ephemeral;
mod image;
mod probe;
mod requests;
mod resize;
mod resources;
mod rules;
mod security;
mod template;
mod update;
mod volume;
mod volume_defaults;
mod warnings;

pub(crate) use affinity::label_selector;
pub(crate) use defaults::{GRACE, default_pod};
pub use defaults::{default_spec, default_template};
pub(crate) use ephemeral::only_added;
pub(crate) use requests::amount;
pub use requests::{QosClass, constrained, effective_requests, qos_class};
pub(crate) use resize::{carry as carry_resize, changed as resize_changed};
pub(crate) use resources::{
    amounts, canonical as canonical_amounts, default as default_resources, quantity as not_negative,
};
pub(crate) use rules::{spec, toleration};
pub(crate) use template::{endless, selected_template, selector, selects, selects_all, template, template_with_claims};
pub(crate) use update::immutable_but_a_few;
pub(crate) use warnings::{OF_PODS, name_warnings, parts_of_bytes, warnings};

/// Lists of containers in a pod's spec, in the order in which errors are told.
const CONTAINER_LISTS: [&str; 2] = ["containers", "initContainers"];
