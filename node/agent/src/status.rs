//! What the API should be told about a pod: a pure function from what is known to the `PodStatus` a kubelet would write.

mod condition;
mod container;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, HostIP, Pod, PodIP, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runtime::contract::ContainerState;
use seam::Timestamp;

use crate::observed::{Life, Observed};
use crate::plan::Plan;
use crate::policy;
use crate::status::container::Role;
pub(crate) use crate::status::container::written_id;
use crate::verdict::{self, Outcome, Verdict};

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
    let initialised = initialised(spec, facts.seen);

    let init = policy::init(spec);
    if !init.is_empty() {
        let written = init.iter().map(|c| {
            let role = if policy::is_sidecar(c) { Role::Serving } else { Role::Init };
            container::status(facts, c, role, "PodInitializing", ended)
        });
        status.init_container_statuses = Some(written.collect());
    }
    let why = if init.is_empty() || initialised { "ContainerCreating" } else { "PodInitializing" };
    let written = spec.containers.iter().map(|c| container::status(facts, c, Role::Serving, why, ended));
    status.container_statuses = Some(written.collect());

    let phase = phase(spec, facts.seen, &verdict, status.phase.as_deref());
    status.phase = Some(phase.to_owned());
    if let Verdict::Failed { reason, message } = &verdict {
        status.reason = Some((*reason).to_owned());
        status.message = Some(message.clone());
    }
    status.conditions = Some(condition::conditions(facts, &status, phase, initialised));
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

/// Whether the containers of the pod proper may run, or have.
fn initialised(spec: &PodSpec, seen: &Observed) -> bool {
    let begun = |container: &Container| {
        let life = seen.life(&container.name);
        life.current.is_some()
    };
    let done = |init: &Container| {
        let life = seen.life(&init.name);
        if policy::is_sidecar(init) {
            container::started(init, &life)
        } else {
            life.exit().is_some_and(|e| e.code == 0)
        }
    };
    spec.containers.iter().any(begun) || policy::init(spec).iter().all(done)
}

/// `status.phase`, by the rules of the kubelet's `getPhase`.
fn phase(spec: &PodSpec, seen: &Observed, verdict: &Verdict, before: Option<&str>) -> &'static str {
    let lives: Vec<Life> = spec.containers.iter().map(|container| seen.life(&container.name)).collect();
    match (verdict, before) {
        (Verdict::Finished(Outcome::Succeeded), _) | (_, Some("Succeeded")) => return "Succeeded",
        (Verdict::Finished(Outcome::Failed) | Verdict::Failed { .. }, _) | (_, Some("Failed")) => return "Failed",
        (Verdict::Deleted(_) | Verdict::Gone, _) if lives.iter().all(|life| life.exit().is_some()) => {
            let clean = lives.iter().all(|life| life.exit().is_some_and(|exit| exit.code == 0));
            return if clean { "Succeeded" } else { "Failed" };
        }
        _ => {}
    }
    let ever = |life: &Life| {
        let created = matches!(&life.current, Some(container) if container.state == ContainerState::Created);
        (life.current.is_some() && !created) || life.last.is_some()
    };
    if lives.iter().all(ever) && !lives.is_empty() { "Running" } else { "Pending" }
}
