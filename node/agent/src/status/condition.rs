//! Conditions of a pod.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodCondition, PodSpec, PodStatus};

use crate::cluster::RESIZE_CONDITIONS;
use crate::ending::{BY_NODE, DISRUPTION};
use crate::observed::SandboxLife;
use crate::plan::start_over;
use crate::policy::{self, Role};
use crate::status::{Facts, seconds};

/// A condition without its times.
struct Finding {
    kind: &'static str,
    holds: bool,
    reason: Option<&'static str>,
    message: Option<String>,
}

impl Finding {
    fn new(kind: &'static str, holds: bool, why: Option<(&'static str, String)>) -> Self {
        let (reason, message) = why.unzip();
        Self { kind, holds, reason, message: message.filter(|message| !message.is_empty()) }
    }
}

/// The conditions that others have written, and after them those that a node writes, in the kubelet's order.
pub(super) fn conditions(facts: &Facts<'_>, spec: &PodSpec, status: &PodStatus) -> Vec<PodCondition> {
    let findings = findings(facts, spec, status);
    let before = facts.before.conditions.as_deref().unwrap_or_default();
    let ours = |condition: &PodCondition| {
        let kind = condition.type_.as_str();
        RESIZE_CONDITIONS.contains(&kind) || findings.iter().any(|finding| finding.kind == kind)
    };
    let foreign = before.iter().filter(|condition| !ours(condition)).cloned();
    foreign.chain(resizing(facts, before)).chain(findings.iter().map(|finding| date(facts, before, finding))).collect()
}

/// What is told of a resize; nothing when there is none, or when the pod has ended.
fn resizing<'a>(facts: &'a Facts<'_>, before: &'a [PodCondition]) -> impl Iterator<Item = PodCondition> + use<'a> {
    let resize = &facts.seen.resize;
    let ended = facts.seen.torn_down();
    let pending = resize.pending.as_ref().map(|pending| {
        let (reason, message) = pending.words();
        date(facts, before, &Finding::new("PodResizePending", true, Some((reason, message.to_owned()))))
    });
    let progress = resize.begun.map(|generation| {
        let failed = facts.seen.containers.values().find_map(|life| life.resizing.failure.as_ref());
        let why = failed.map(|failure| ("Error", failure.message.clone()));
        let condition = date(facts, before, &Finding::new("PodResizeInProgress", true, why));
        PodCondition { observed_generation: Some(generation), ..condition }
    });
    pending.into_iter().chain(progress).filter(move |_| !ended)
}

fn findings(facts: &Facts<'_>, spec: &PodSpec, status: &PodStatus) -> Vec<Finding> {
    let connected = facts.seen.sandbox == SandboxLife::Ready;
    let containers = containers_ready(spec, status);
    let ready = containers.clone().or_else(|| {
        let gates = gates(facts, spec);
        (!gates.is_empty()).then(|| ("ReadinessGatesNotReady", gates.join(", ")))
    });
    let disrupted = facts.seen.ended_by_node.as_ref().filter(|ending| ending.disrupts);
    let disrupted = disrupted.map(|ending| Finding::new(DISRUPTION, true, Some((BY_NODE, ending.message.clone()))));
    let mut findings: Vec<Finding> = disrupted.into_iter().collect();
    findings.extend([
        Finding::new("PodReadyToStartContainers", connected, None),
        initialized(spec, status),
        Finding::new("Ready", ready.is_none(), ready),
        Finding::new("ContainersReady", containers.is_none(), containers),
        Finding::new("PodScheduled", true, None),
    ]);
    if policy::may_restart_all(spec) {
        findings.push(all_restarting(facts, spec, status));
    }
    findings
}

/// Told only of pods that have a rule for it.
fn all_restarting(facts: &Facts<'_>, spec: &PodSpec, status: &PodStatus) -> Finding {
    const KIND: &str = "AllContainersRestarting";
    match status.phase.as_deref() {
        Some("Succeeded") => Finding::new(KIND, false, Some(("PodCompleted", String::new()))),
        Some("Failed") => Finding::new(KIND, false, Some(("PodFailed", String::new()))),
        _ => Finding::new(KIND, start_over::trigger(spec, facts.seen).is_some(), None),
    }
}

fn initialized(spec: &PodSpec, status: &PodStatus) -> Finding {
    if status.phase.as_deref() == Some("Succeeded") {
        return Finding::new("Initialized", true, Some(("PodCompleted", String::new())));
    }
    // Once a container of the pod proper has run, a sidecar that restarts takes nothing back.
    let ran = |status: &ContainerStatus| {
        status.state.as_ref().is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    };
    let begun = status.container_statuses.iter().flatten().any(ran);
    let done = |init: &Container, status: &ContainerStatus| match Role::of_init(init) {
        Role::Sidecar => status.started == Some(true),
        Role::Init | Role::Main | Role::Ephemeral => status.ready,
    };
    let incomplete = names(policy::init(spec), status.init_container_statuses.as_deref(), done);
    let why = (!begun && !incomplete.is_empty()).then(|| {
        ("ContainersNotInitialized", format!("containers with incomplete status: [{}]", incomplete.join(" ")))
    });
    Finding::new("Initialized", why.is_none(), why)
}

/// Why not every container is ready; sidecars count too (KEP-753).
fn containers_ready(spec: &PodSpec, status: &PodStatus) -> Option<(&'static str, String)> {
    match status.phase.as_deref() {
        Some("Succeeded") => return Some(("PodCompleted", String::new())),
        Some("Failed") => return Some(("PodFailed", String::new())),
        _ => {}
    }
    let sidecars = policy::init(spec).iter().filter(|init| policy::is_sidecar(init));
    let ready = |_: &Container, status: &ContainerStatus| status.ready;
    let mut unready = names(sidecars, status.init_container_statuses.as_deref(), ready);
    unready.extend(names(&spec.containers, status.container_statuses.as_deref(), ready));
    let message = || format!("containers with unready status: [{}]", unready.join(" "));
    (!unready.is_empty()).then(|| ("ContainersNotReady", message()))
}

/// The containers whose status is not as wanted.
fn names<'a>(
    containers: impl IntoIterator<Item = &'a Container>,
    statuses: Option<&[ContainerStatus]>,
    wanted: impl Fn(&Container, &ContainerStatus) -> bool,
) -> Vec<&'a str> {
    let of = |container: &Container| statuses.unwrap_or_default().iter().find(|status| status.name == container.name);
    let unwanted = |container: &&Container| of(container).is_none_or(|status| !wanted(container, status));
    containers.into_iter().filter(unwanted).map(|container| container.name.as_str()).collect()
}

/// Keeps the time of the last transition while the status stays.
fn date(facts: &Facts<'_>, before: &[PodCondition], finding: &Finding) -> PodCondition {
    let status = if finding.holds { "True" } else { "False" };
    let same = before.iter().find(|condition| condition.type_ == finding.kind && condition.status == status);
    PodCondition {
        type_: finding.kind.to_owned(),
        status: status.to_owned(),
        reason: finding.reason.map(ToOwned::to_owned),
        message: finding.message.clone(),
        last_transition_time: same
            .and_then(|condition| condition.last_transition_time.clone())
            .or_else(|| Some(seconds(facts.now))),
        observed_generation: facts.pod.metadata.generation,
        last_probe_time: None,
    }
}

/// What readiness gates lack.
fn gates(facts: &Facts<'_>, spec: &PodSpec) -> Vec<String> {
    let held = facts.pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let lacks = |kind: &str| match held.iter().find(|condition| condition.type_ == kind) {
        None => Some(format!("corresponding condition of pod readiness gate {kind:?} does not exist.")),
        Some(condition) if condition.status == "True" => None,
        Some(condition) => {
            Some(format!("the status of pod readiness gate {kind:?} is not \"True\", but {}", condition.status))
        }
    };
    spec.readiness_gates.iter().flatten().filter_map(|gate| lacks(&gate.condition_type)).collect()
}
