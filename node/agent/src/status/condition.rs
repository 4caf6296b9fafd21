//! Conditions of a pod.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodCondition, PodStatus};

use crate::observed::SandboxLife;
use crate::policy;
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

/// The conditions that a node writes, in the kubelet's order, and after them whatever others have written.
pub(super) fn conditions(facts: &Facts<'_>, status: &PodStatus, phase: &str, initialised: bool) -> Vec<PodCondition> {
    let ended = matches!(phase, "Succeeded" | "Failed");
    let findings = findings(facts, status, phase, ended, initialised);
    let before = facts.before.conditions.as_deref().unwrap_or_default();
    let mut written: Vec<PodCondition> = findings.iter().map(|finding| date(facts, before, finding)).collect();
    let ours = |condition: &PodCondition| findings.iter().any(|finding| finding.kind == condition.type_);
    written.extend(before.iter().filter(|condition| !ours(condition)).cloned());
    written
}

fn findings(facts: &Facts<'_>, status: &PodStatus, phase: &str, ended: bool, initialised: bool) -> [Finding; 4] {
    let connected = facts.seen.sandbox == SandboxLife::Ready;
    let initialised = initialised || phase == "Succeeded";
    let unready = names(status.container_statuses.as_deref(), |status| !status.ready);
    let completed = |kind, holds| {
        let reason = if phase == "Succeeded" { "PodCompleted" } else { "PodFailed" };
        Finding::new(kind, holds, (!holds).then(|| (reason, String::new())))
    };
    let init = facts.pod.spec.as_ref().map(policy::init).unwrap_or_default();
    let begun = if initialised {
        let reason = if phase == "Succeeded" { Some(("PodCompleted", String::new())) } else { None };
        Finding::new("Initialized", true, reason)
    } else if phase == "Failed" {
        completed("Initialized", false)
    } else {
        let incomplete = incomplete(init, status);
        let why =
            ("ContainersNotInitialized", format!("containers with incomplete status: [{}]", incomplete.join(" ")));
        Finding::new("Initialized", false, Some(why))
    };
    let (ready, containers) = if ended {
        (completed("Ready", false), completed("ContainersReady", false))
    } else {
        let why = (!unready.is_empty())
            .then(|| ("ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" "))));
        let gate = gate(facts);
        let ready = why.clone().or_else(|| gate.map(|message| ("ReadinessGatesNotReady", message)));
        let sidecars = sidecars_ready(init, status);
        (
            Finding::new("Ready", ready.is_none() && sidecars, ready),
            Finding::new("ContainersReady", why.is_none() && sidecars, why),
        )
    };
    [Finding::new("PodReadyToStartContainers", connected, None), begun, ready, containers]
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

fn names(statuses: Option<&[ContainerStatus]>, wanted: impl Fn(&ContainerStatus) -> bool) -> Vec<&str> {
    statuses.unwrap_or_default().iter().filter(|status| wanted(status)).map(|status| status.name.as_str()).collect()
}

/// Init containers that have not done their work.
fn incomplete<'a>(init: &'a [Container], status: &PodStatus) -> Vec<&'a str> {
    let statuses = status.init_container_statuses.as_deref().unwrap_or_default();
    let done = |init: &Container| {
        statuses.iter().find(|status| status.name == init.name).is_some_and(|status| {
            let exit = status.state.as_ref().and_then(|state| state.terminated.as_ref());
            (policy::is_sidecar(init) && status.started == Some(true)) || exit.is_some_and(|exit| exit.exit_code == 0)
        })
    };
    init.iter().filter(|init| !done(init)).map(|init| init.name.as_str()).collect()
}

/// Sidecars count for readiness too (KEP-753).
fn sidecars_ready(init: &[Container], status: &PodStatus) -> bool {
    let unready = names(status.init_container_statuses.as_deref(), |status| !status.ready);
    init.iter().filter(|init| policy::is_sidecar(init)).all(|sidecar| !unready.contains(&sidecar.name.as_str()))
}

/// Why the first readiness gate that does not hold keeps the pod from being ready.
fn gate(facts: &Facts<'_>) -> Option<String> {
    let gates = facts.pod.spec.as_ref()?.readiness_gates.as_deref()?;
    let held = facts.pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let holds = |kind: &str| held.iter().any(|condition| condition.type_ == kind && condition.status == "True");
    let failing = gates.iter().find(|gate| !holds(&gate.condition_type))?;
    Some(format!("corresponding condition of pod readiness gate \"{}\" does not exist.", failing.condition_type))
}
