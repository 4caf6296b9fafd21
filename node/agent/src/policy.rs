//! What a pod's specification says about its containers' lives, parsed once.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};

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

    /// Whether a container that ended with that code is started again.
    pub(crate) fn restarts(self, code: i32) -> bool {
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

/// The policy for a container that is not an init container: its own (KEP-5307) or its pod's.
pub(crate) fn of_container(spec: &PodSpec, container: &Container) -> RestartPolicy {
    RestartPolicy::parse(container.restart_policy.as_deref()).unwrap_or_else(|| of_pod(spec))
}

/// The policy for an init container, which has done its work once it exits with 0.
pub(crate) fn of_init(spec: &PodSpec) -> RestartPolicy {
    match of_pod(spec) {
        RestartPolicy::Never => RestartPolicy::Never,
        RestartPolicy::Always | RestartPolicy::OnFailure => RestartPolicy::OnFailure,
    }
}

/// Whether an init container is a sidecar (KEP-753): it keeps running beside the others.
pub(crate) fn is_sidecar(init: &Container) -> bool {
    init.restart_policy.as_deref() == Some("Always")
}

/// Init containers, in order.
pub(crate) fn init(spec: &PodSpec) -> &[Container] {
    spec.init_containers.as_deref().unwrap_or_default()
}

/// The specification of a container, of either sort.
pub(crate) fn find<'a>(spec: &'a PodSpec, name: &str) -> Option<&'a Container> {
    init(spec).iter().chain(&spec.containers).find(|container| container.name == name)
}

/// `terminationGracePeriodSeconds`; 30 is the API's default.
pub(crate) fn grace(spec: &PodSpec) -> Duration {
    seconds(spec.termination_grace_period_seconds.unwrap_or(30))
}

/// Seconds of the API, which may not be negative.
pub(crate) fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
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
