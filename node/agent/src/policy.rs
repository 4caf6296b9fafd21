//! What a pod's specification says about its containers' lives, parsed once.

use std::borrow::Cow;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, ContainerRestartRule, EphemeralContainer, Pod, PodSpec};

use crate::static_pods::is_static;

/// `restartPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestartPolicy {
    /// After every end.
    Always,
    /// After a non-zero exit code.
    OnFailure,
    /// Never.
    Never,
}

impl RestartPolicy {
    fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            Some("Always") => Some(Self::Always),
            Some("OnFailure") => Some(Self::OnFailure),
            Some("Never") => Some(Self::Never),
            _ => None,
        }
    }

    fn restarts(self, code: i32) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => code != 0,
            Self::Never => false,
        }
    }
}

/// The pod's own policy; `Always` is the API's default.
pub(crate) fn of_pod(spec: &PodSpec) -> RestartPolicy {
    RestartPolicy::parse(spec.restart_policy.as_deref()).unwrap_or(RestartPolicy::Always)
}

/// What a container is for in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Work that is done before others begin.
    Init,
    /// An init container that keeps running beside the others (KEP-753).
    Sidecar,
    /// A container of the pod proper.
    Main,
    /// Somebody looks into the pod (`kubectl debug`); it is made once.
    Ephemeral,
}

impl Role {
    /// What an init container is for.
    pub(crate) fn of_init(init: &Container) -> Self {
        if init.restart_policy.as_deref() == Some("Always") { Self::Sidecar } else { Self::Init }
    }

    /// Where the specification lists it.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Self::Init | Self::Sidecar => "initContainers",
            Self::Main => "containers",
            Self::Ephemeral => "ephemeralContainers",
        }
    }
}

/// Whether a container that ended with that code is started again: by the first of its own rules that speaks of the code
/// (KEP-5307), else by its own policy, else by its pod's.
pub(crate) fn restarts(spec: &PodSpec, role: Role, container: &Container, code: i32) -> bool {
    let own = RestartPolicy::parse(container.restart_policy.as_deref());
    match role {
        Role::Ephemeral => false,
        Role::Sidecar => true,
        // It has done its work.
        Role::Init if code == 0 => false,
        Role::Init | Role::Main => {
            action(container, code).is_some() || own.unwrap_or_else(|| of_pod(spec)).restarts(code)
        }
    }
}

/// Whether a container that ended with that code takes all containers of its pod with it, to begin again (KEP-5532).
pub(crate) fn restarts_all(container: &Container, code: i32) -> bool {
    action(container, code) == Some("RestartAllContainers")
}

/// Whether one of the pod's containers may do that.
pub(crate) fn may_restart_all(spec: &PodSpec) -> bool {
    let mut rules = init(spec).iter().chain(&spec.containers).flat_map(|one| one.restart_policy_rules.iter().flatten());
    rules.any(|rule| rule.action == "RestartAllContainers")
}

/// What the first of a container's rules that speaks of the code says. Rules count only beside a policy of its own.
fn action(container: &Container, code: i32) -> Option<&str> {
    RestartPolicy::parse(container.restart_policy.as_deref())?;
    let mut rules = container.restart_policy_rules.iter().flatten();
    rules.find(|rule| speaks_of(rule, code)).map(|rule| rule.action.as_str())
}

fn speaks_of(rule: &ContainerRestartRule, code: i32) -> bool {
    let Some(codes) = &rule.exit_codes else { return false };
    let named = codes.values.iter().flatten().any(|&value| value == code);
    match codes.operator.as_str() {
        "In" => named,
        "NotIn" => !named,
        _ => false,
    }
}

/// Whether an init container is a sidecar (KEP-753): it keeps running beside the others.
pub(crate) fn is_sidecar(init: &Container) -> bool {
    Role::of_init(init) == Role::Sidecar
}

/// Init containers, in order.
pub(crate) fn init(spec: &PodSpec) -> &[Container] {
    spec.init_containers.as_deref().unwrap_or_default()
}

/// Ephemeral containers, in order, in the form of the others.
pub(crate) fn ephemeral(spec: &PodSpec) -> impl Iterator<Item = Container> {
    spec.ephemeral_containers.iter().flatten().map(as_container)
}

/// The images that a pod's containers are made of, as they are asked for.
pub(crate) fn images(spec: &PodSpec) -> impl Iterator<Item = String> {
    let listed = init(spec).iter().chain(&spec.containers).filter_map(|container| container.image.clone());
    listed.chain(ephemeral(spec).filter_map(|container| container.image))
}

/// The specification of a container, of any sort.
pub(crate) fn find<'a>(spec: &'a PodSpec, name: &str) -> Option<(Role, Cow<'a, Container>)> {
    let listed = init(spec).iter().map(|init| (Role::of_init(init), init));
    let mut listed = listed.chain(spec.containers.iter().map(|main| (Role::Main, main)));
    let found = listed.find(|(_, container)| container.name == name);
    found.map(|(role, container)| (role, Cow::Borrowed(container))).or_else(|| {
        let looking = spec.ephemeral_containers.iter().flatten().find(|ephemeral| ephemeral.name == name)?;
        Some((Role::Ephemeral, Cow::Owned(as_container(looking))))
    })
}

fn as_container(ephemeral: &EphemeralContainer) -> Container {
    let EphemeralContainer {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        name,
        resources,
        security_context,
        stdin,
        stdin_once,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
        ..
    } = ephemeral.clone();
    // What is left out, the API refuses to an ephemeral container: ports, probes, hooks, restarts.
    Container {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        name,
        resources,
        security_context,
        stdin,
        stdin_once,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
        ..Container::default()
    }
}

/// The container into which an ephemeral one looks.
pub(crate) fn target<'a>(spec: &'a PodSpec, ephemeral: &str) -> Option<&'a str> {
    let found = spec.ephemeral_containers.iter().flatten().find(|container| container.name == ephemeral)?;
    found.target_container_name.as_deref().filter(|name| !name.is_empty())
}

/// `terminationGracePeriodSeconds`; 30 is the API's default.
pub(crate) fn grace(spec: &PodSpec) -> Duration {
    seconds(spec.termination_grace_period_seconds.unwrap_or(30))
}

/// Seconds of the API, which may not be negative.
pub(crate) fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// The least priority of pods that a cluster cannot do without (`system-cluster-critical`).
pub(crate) const CRITICAL: i32 = 2_000_000_000;

/// The pod's priority. Static pods are what a node is for, whatever their file says.
pub(crate) fn priority(pod: &Pod) -> i32 {
    /// `system-node-critical`.
    const NODE_CRITICAL: i32 = 2_000_001_000;
    let own = pod.spec.as_ref().and_then(|spec| spec.priority);
    if is_static(pod) { own.unwrap_or(0).max(NODE_CRITICAL) } else { own.unwrap_or(0) }
}

/// Whether a node keeps the pod when it is short of something.
pub(crate) fn is_critical(pod: &Pod) -> bool {
    priority(pod) >= CRITICAL
}

/// Whether the API says that the pod has ended.
pub(crate) fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// The pod's uid; every stored pod has one.
pub(crate) fn uid(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

/// The pod's namespace.
pub(crate) fn namespace(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or_default()
}

/// The pod's name.
pub(crate) fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

/// How the kubelet names a pod in messages.
pub(crate) fn full_name(pod: &Pod) -> String {
    format!("{}_{}({})", name(pod), namespace(pod), uid(pod))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(pod: &str, list: &str, container: Value, restarted: &[i32], left: &[i32]) {
        let mut spec = json!({ "restartPolicy": pod, "containers": [] });
        spec[list] = json!([container]);
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        let (role, found) = find(&spec, "c").unwrap();
        for (codes, expected) in [(restarted, true), (left, false)] {
            for &code in codes {
                assert_eq!(restarts(&spec, role, &found, code), expected, "{pod}, {list}, {container}: code {code}");
            }
        }
    }

    #[test]
    fn what_is_nearer_decides_about_a_restart() {
        let plain = || json!({ "name": "c" });
        let own = |policy: &str| json!({ "name": "c", "restartPolicy": policy });
        let rule = |operator: &str| {
            let codes = json!({ "operator": operator, "values": [42] });
            json!({ "name": "c", "restartPolicy": "Never", "restartPolicyRules": [{ "action": "Restart", "exitCodes": codes }] })
        };
        check("Always", "containers", plain(), &[0, 1], &[]);
        check("OnFailure", "containers", plain(), &[1], &[0]);
        check("Never", "containers", plain(), &[], &[0, 1]);
        check("Never", "containers", own("OnFailure"), &[1], &[0]);
        check("Always", "containers", rule("In"), &[42], &[0, 1]);
        check("Always", "containers", rule("NotIn"), &[0, 1], &[42]);
        check("Always", "initContainers", plain(), &[1], &[0]);
        check("Never", "initContainers", plain(), &[], &[0, 1]);
        check("Never", "initContainers", rule("In"), &[42], &[0, 1]);
        check("Never", "initContainers", own("Always"), &[0, 1], &[]);
        let all = json!({ "name": "c", "restartPolicy": "Never", "restartPolicyRules": [
            { "action": "RestartAllContainers", "exitCodes": { "operator": "In", "values": [42] } }] });
        check("Never", "containers", all.clone(), &[42], &[0, 1]);
        let all: Container = serde_json::from_value(all).unwrap();
        assert_eq!([42, 1].map(|code| restarts_all(&all, code)), [true, false]);
        check("Always", "ephemeralContainers", plain(), &[], &[0, 1]);
    }
}
