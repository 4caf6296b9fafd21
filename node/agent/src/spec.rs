//! From a pod's specification to what a runtime is asked for. Pure: everything that had to be fetched is in [`Material`].

mod dns;
mod env;
mod expand;
pub(crate) mod fields;
mod hosts;
pub(crate) mod limits;
pub(crate) mod mounts;
pub(crate) mod references;
mod security;
mod wasm;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Container, Pod, PodSpec, Secret};
use runtime::contract::{ContainerConfig, ContainerId, Image, Limits, Mount, SandboxConfig, SandboxId, SandboxKind};

use crate::config::{Capacity, ClusterDns};
use crate::policy;
use crate::sysctls::UnsafeSysctls;

/// What the specification of every pod of a node may refer to.
#[derive(Clone, Debug)]
pub(crate) struct NodeFacts {
    /// Name of the node.
    pub name: String,
    /// Addresses of the node.
    pub addresses: Vec<IpAddr>,
    /// What pods may use of it.
    pub allocatable: Capacity,
    /// Most processes and threads of one pod.
    pub pod_pids: Option<u64>,
    /// The cluster's name service.
    pub cluster_dns: Option<ClusterDns>,
    /// The node's own `/etc/resolv.conf`.
    pub resolv_conf: String,
    /// Whether its kernel has `AppArmor`.
    pub app_armor: bool,
    /// Settings of the kernel that its pods may make beyond the safe ones.
    pub unsafe_sysctls: UnsafeSysctls,
}

/// Objects and facts that had to be fetched for one pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct Material {
    /// `ConfigMap`s of the pod's namespace by name; `None` when there is none of that name.
    pub config_maps: BTreeMap<String, Option<Arc<ConfigMap>>>,
    /// Secrets likewise.
    pub secrets: BTreeMap<String, Option<Arc<Secret>>>,
    /// Tokens of the pod's service account by audience.
    pub tokens: BTreeMap<String, String>,
    /// Environment that names the Services of the namespace.
    pub services: Vec<(String, String)>,
}

/// Why a container cannot be configured: `CreateContainerConfigError` with Kubernetes' texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A `ConfigMap` is missing.
    #[error("configmap \"{0}\" not found")]
    ConfigMap(String),
    /// A Secret is missing.
    #[error("secret \"{0}\" not found")]
    Secret(String),
    /// A key of one is missing.
    #[error("couldn't find key {key} in {kind} {namespace}/{name}")]
    Key {
        /// The key.
        key: String,
        /// `ConfigMap` or `Secret`.
        kind: &'static str,
        /// Namespace.
        namespace: String,
        /// Object.
        name: String,
    },
    /// A reference to the pod's own fields or resources that has no meaning.
    #[error("{field}: {why}")]
    Reference {
        /// The field path.
        field: String,
        /// What is wrong.
        why: String,
    },
    /// `runAsNonRoot` and `runAsUser: 0`.
    #[error("container's runAsUser breaks non-root policy (pod: \"{0}\", container: {1})")]
    RootAsked(String, String),
    /// `runAsNonRoot` and an image of root.
    #[error("container has runAsNonRoot and image will run as root (pod: \"{0}\", container: {1})")]
    Root(String, String),
    /// `runAsNonRoot` and a user that only the image can resolve.
    #[error(
        "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root \
         (pod: \"{pod}\", container: {container})"
    )]
    NamedUser {
        /// The image's user.
        user: String,
        /// The pod.
        pod: String,
        /// The container.
        container: String,
    },
}

/// What is asked of the runtime for a pod.
pub(crate) fn sandbox(
    pod: &Pod,
    spec: &PodSpec,
    node: &NodeFacts,
    netns: Option<PathBuf>,
    addresses: Vec<IpAddr>,
    log_dir: PathBuf,
) -> SandboxConfig {
    let hostname = hosts::hostname(pod, spec, node);
    let security = spec.security_context.as_ref();
    let sysctls = security.and_then(|security| security.sysctls.as_deref()).unwrap_or_default();
    SandboxConfig {
        id: SandboxId(policy::uid(pod).into()),
        namespace: policy::namespace(pod).to_owned(),
        name: policy::name(pod).to_owned(),
        hosts: hosts::hosts(pod, spec, node, &hostname, &addresses),
        resolv_conf: dns::resolv_conf(pod, spec, node),
        hostname,
        netns,
        addresses,
        limits: Limits { pids: node.pod_pids, ..limits::of_pod(spec) },
        log_dir,
        sysctls: sysctls.iter().map(|sysctl| (sysctl.name.clone(), sysctl.value.clone())).collect(),
        share_processes: spec.share_process_namespace.unwrap_or(false),
        host_pid: spec.host_pid.unwrap_or(false),
        host_ipc: spec.host_ipc.unwrap_or(false),
        user_namespace: spec.host_users == Some(false),
        qos: limits::qos(pod),
    }
}

/// One container to be configured.
pub(crate) struct Wanted<'a> {
    /// The pod, with the addresses that it has by now.
    pub pod: &'a Pod,
    /// The container.
    pub container: &'a Container,
    /// Its number.
    pub attempt: u32,
    /// Its image.
    pub image: &'a Image,
    /// Mounts, resolved on the node.
    pub mounts: Vec<Mount>,
    /// Addresses of the pod.
    pub addresses: &'a [IpAddr],
    /// The container whose processes it sees, when it debugs one.
    pub processes_of: Option<ContainerId>,
}

/// What is asked of the runtime for a container.
///
/// # Errors
/// When something that the container needs is missing or contradictory.
pub(crate) fn container(
    wanted: Wanted<'_>,
    node: &NodeFacts,
    material: &Material,
) -> Result<ContainerConfig, ConfigError> {
    let Wanted { pod, container, attempt, image, mounts, addresses, processes_of } = wanted;
    let no_spec = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let env = environment(pod, container, node, material, addresses)?;
    let lookup = |name: &str| env.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let expanded = |words: &Option<Vec<String>>| -> Vec<String> {
        words.iter().flatten().map(|word| expand::expand(word, lookup)).collect()
    };
    let kind = forced_kind(spec);
    Ok(ContainerConfig {
        sandbox: SandboxId(policy::uid(pod).into()),
        name: container.name.clone(),
        attempt,
        image: image.id.clone(),
        kind,
        command: expanded(&container.command),
        args: expanded(&container.args),
        working_dir: container.working_dir.clone(),
        mounts,
        limits: limits::of_container(container),
        security: security::merged(pod, spec, container, image, kind.unwrap_or(image.kind))?,
        oom_score_adj: limits::oom_score_adj(spec, container, node.allocatable.memory),
        stdin: container.stdin.unwrap_or(false),
        tty: container.tty.unwrap_or(false),
        termination_message_path: container
            .termination_message_path
            .clone()
            .unwrap_or_else(|| "/dev/termination-log".to_owned()),
        stop_signal: container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.stop_signal.clone()),
        processes_of,
        wasm: wasm::config(pod, container),
        env,
    })
}

/// The environment of a container, without the image's.
///
/// # Errors
/// When something it refers to is missing.
pub(crate) fn environment(
    pod: &Pod,
    container: &Container,
    node: &NodeFacts,
    material: &Material,
    addresses: &[IpAddr],
) -> Result<Vec<(String, String)>, ConfigError> {
    env::environment(&fields::Context { pod, node, addresses }, container, material)
}

/// The sandbox that `runtimeClassName` forces.
fn forced_kind(spec: &PodSpec) -> Option<SandboxKind> {
    match spec.runtime_class_name.as_deref() {
        Some("wasm") => Some(SandboxKind::Wasm),
        Some("linux") => Some(SandboxKind::Linux),
        _ => None,
    }
}
