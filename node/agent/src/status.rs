//! What the API should be told about a pod: a pure function from what is known to the `PodStatus` a kubelet would write.

mod condition;
mod container;
mod message;
mod phase;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, HostIP, Pod, PodIP, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use seam::Timestamp;

use crate::observed::{Life, Observed};
use crate::plan::Plan;
use crate::policy::{self, Role};
pub(crate) use crate::status::container::written_id;
use crate::status::phase::Phase;
use crate::verdict::{self, Verdict};

/// Whole seconds: the resolution of `metav1.Time`.
pub(crate) fn seconds(moment: Timestamp) -> Time {
    Time(Timestamp::from_second(moment.as_second()).unwrap_or(moment))
}

/// Everything a status follows from.
pub(crate) struct Facts<'a> {
    /// The pod as the API has it.
    pub pod: &'a Pod,
    /// Status that was last reported: conditions keep their transition times.
    pub before: &'a PodStatus,
    /// What is known.
    pub seen: &'a Observed,
    /// What is planned: why containers wait.
    pub plan: &'a Plan,
    /// Addresses of the node.
    pub node: &'a [IpAddr],
    /// Now.
    pub now: Timestamp,
}

/// Writes the status.
pub(crate) fn status(facts: &Facts<'_>) -> PodStatus {
    let mut status = facts.before.clone();
    let Some(spec) = &facts.pod.spec else { return status };
    let verdict = verdict::verdict(facts.pod, facts.seen, facts.now);
    let ended = !matches!(verdict, Verdict::Run);
    let alive = facts.seen.containers.values().any(Life::alive);
    containers(facts, spec, ended, &mut status);
    message::shorten(spec, &mut status);
    phase(facts, &verdict, alive, &mut status);
    status.conditions = Some(condition::conditions(facts, spec, &status));
    status.observed_generation = facts.pod.metadata.generation;
    status.host_ip = facts.node.first().map(ToString::to_string);
    status.host_ips = Some(facts.node.iter().map(|ip| HostIP { ip: ip.to_string() }).collect());
    if !facts.seen.addresses.is_empty() {
        status.pod_ip = facts.seen.addresses.first().map(ToString::to_string);
        status.pod_ips = Some(facts.seen.addresses.iter().map(|ip| PodIP { ip: ip.to_string() }).collect());
    }
    if status.start_time.is_none() {
        status.start_time = facts.seen.start.map(seconds);
    }
    status
}

/// The statuses of all containers: init containers in their order, the others by name, as the kubelet lists them.
fn containers(facts: &Facts<'_>, spec: &PodSpec, ended: bool, status: &mut PodStatus) {
    let init = policy::init(spec);
    // Whatever has init containers is said to wait for them.
    let idle = if init.is_empty() { "ContainerCreating" } else { "PodInitializing" };
    let by_name = |mut list: Vec<ContainerStatus>| {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Some(list).filter(|list| !list.is_empty())
    };
    let of = |container: &Container, role, idle| container::status(facts, container, role, idle, ended);
    if !init.is_empty() {
        status.init_container_statuses = Some(init.iter().map(|init| of(init, Role::of_init(init), idle)).collect());
    }
    status.container_statuses = by_name(spec.containers.iter().map(|main| of(main, Role::Main, idle)).collect());
    let looking = policy::ephemeral(spec).map(|ephemeral| of(&ephemeral, Role::Ephemeral, "ContainerCreating"));
    status.ephemeral_container_statuses = by_name(looking.collect());
}

/// The phase, with the reason and message that belong to it.
fn phase(facts: &Facts<'_>, verdict: &Verdict, alive: bool, status: &mut PodStatus) {
    let Some(spec) = &facts.pod.spec else { return };
    let before = facts.before.phase.as_deref().and_then(Phase::parse);
    let ends = matches!(verdict, Verdict::Deleted(_) | Verdict::Gone);
    let found = match verdict {
        Verdict::Failed { .. } => Phase::Failed,
        _ => match before.filter(|before| before.is_terminal()) {
            // What has ended does not begin again.
            Some(before) => before,
            None => Phase::of(spec, status, ends && !alive),
        },
    };
    let found = match found {
        // A deleted pod that comes to its end without having run has failed.
        Phase::Pending | Phase::Running if ends && !alive && facts.seen.torn_down() => Phase::Failed,
        found => found,
    };
    // A pod has not ended as long as anything of it may run and use what it holds.
    if found.is_terminal() && alive && !before.is_some_and(Phase::is_terminal) {
        status.phase = Some(before.unwrap_or(Phase::Pending).as_str().to_owned());
        return;
    }
    status.phase = Some(found.as_str().to_owned());
    if let Verdict::Failed { reason, message, .. } = verdict {
        status.reason = Some((*reason).to_owned());
        status.message = Some(message.clone());
    }
}
