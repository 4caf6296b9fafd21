//! The [`Runtime`] trait, named after CRI's verbs, and its data.
//!
//! CRI v1 is the model (sandbox, container, image); what CRI cannot say is added: the sandbox kind per container, a Wasm
//! specification, artifact facts, traps. A runtime knows no Kubernetes object: the agent translates pods into these structs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
pub use registry_client::Credentials;
pub use registry_client::docker_config::DockerConfig;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::disk::Taken;

mod mount;
mod security;
pub use mount::{Mount, Propagation};
pub use security::{LinuxUser, Seccomp, Security};

/// Identity of a pod sandbox: the pod's uid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SandboxId(pub Arc<str>);

/// Identity of a container, unique over the life of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerId(pub Arc<str>);

/// What a container runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SandboxKind {
    /// Linux namespaces.
    Linux,
    /// The Wasm worker.
    Wasm,
}

/// A pulled image or Wasm artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `registry/repository@sha256:…`: the manifest's digest, as `status.containerStatuses[].imageID` shows it.
    pub id: String,
    /// The reference that was asked for.
    pub reference: String,
    /// What its containers run in.
    pub kind: SandboxKind,
    /// Bytes on disk.
    pub size: u64,
    /// User of the image's config (`uid[:gid]` or a name), when it names one.
    pub user: Option<String>,
    /// Interfaces that a Wasm artifact imports, e.g. `wasi:http/outgoing-handler@0.2.0`; empty for Linux images.
    pub imports: Vec<String>,
    /// Interfaces that a Wasm artifact exports; empty for Linux images.
    pub exports: Vec<String>,
}

/// Progress of a pull.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// Bytes fetched.
    pub done: u64,
    /// Bytes in all, when known.
    pub total: u64,
}

/// Quality of service of a pod: where its group stands in the node's tree of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Qos {
    /// At the top, beside the groups of the others. Also what the records of releases without classes mean.
    #[default]
    Guaranteed,
    /// Below `burstable`, whose CPU weight is the sum of its pods' requests.
    Burstable,
    /// Below `besteffort`, which has the least CPU weight there is.
    BestEffort,
}

impl Qos {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::Guaranteed, Self::Burstable, Self::BestEffort];
}

/// A pod sandbox to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxConfig {
    /// Pod uid.
    pub id: SandboxId,
    /// Pod namespace.
    pub namespace: String,
    /// Pod name.
    pub name: String,
    /// Host name inside the pod.
    pub hostname: String,
    /// Network namespace to run in, as a path; the host's when absent.
    pub netns: Option<PathBuf>,
    /// Addresses of the pod, one per family, as Wasm listeners and `/etc/hosts` need them.
    pub addresses: Vec<IpAddr>,
    /// Limits over all containers of the pod.
    pub limits: Limits,
    /// Directory for container logs: `<log_dir>/<container>/<attempt>.log`.
    pub log_dir: PathBuf,
    /// Name servers, search domains and options as lines of `/etc/resolv.conf`.
    pub resolv_conf: String,
    /// Lines of `/etc/hosts`.
    pub hosts: String,
    /// `sysctl` settings for the pod's namespaces.
    pub sysctls: BTreeMap<String, String>,
    /// Whether the containers share one process namespace.
    pub share_processes: bool,
    /// Use the host's process namespace.
    pub host_pid: bool,
    /// Use the host's IPC namespace.
    pub host_ipc: bool,
    /// Give the pod ids of its own: root in its Linux containers is nobody on the node (`hostUsers: false`).
    #[serde(default)]
    pub user_namespace: bool,
    /// Its quality of service.
    #[serde(default)]
    pub qos: Qos,
}

/// Resource limits. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU weight by `requests.cpu`, in thousandths of a core.
    pub cpu_request_milli: Option<u64>,
    /// CPU quota by `limits.cpu`, in thousandths of a core.
    pub cpu_limit_milli: Option<u64>,
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// Number of processes and threads.
    pub pids: Option<u64>,
    /// Huge pages of 2 MiB, in bytes.
    #[serde(default)]
    pub huge_2mi: Option<u64>,
    /// Huge pages of 1 GiB, in bytes.
    #[serde(default)]
    pub huge_1gi: Option<u64>,
}

/// A container to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerConfig {
    /// The pod.
    pub sandbox: SandboxId,
    /// Container name in the pod.
    pub name: String,
    /// How often this container was made before in this pod.
    pub attempt: u32,
    /// [`Image::id`] of a pulled image.
    pub image: String,
    /// Forces a sandbox (`runtimeClassName`); decided by the artifact when absent.
    pub kind: Option<SandboxKind>,
    /// `command`: replaces the image's entrypoint when not empty.
    pub command: Vec<String>,
    /// `args`: replaces the image's arguments when not empty.
    pub args: Vec<String>,
    /// `workingDir`: the image's when absent.
    pub working_dir: Option<String>,
    /// Environment, in order, over the image's.
    pub env: Vec<(String, String)>,
    /// Mounts, in order.
    pub mounts: Vec<Mount>,
    /// Limits of this container.
    pub limits: Limits,
    /// Security context.
    pub security: Security,
    /// `oom_score_adj`, where it may be set.
    pub oom_score_adj: i32,
    /// `stdin: true`.
    pub stdin: bool,
    /// `tty: true`.
    pub tty: bool,
    /// `terminationMessagePath` inside the container.
    pub termination_message_path: String,
    /// `lifecycle.stopSignal`; the image's when absent.
    #[serde(default)]
    pub stop_signal: Option<String>,
    /// See the processes of this running container of the pod (`targetContainerName`).
    #[serde(default)]
    pub processes_of: Option<ContainerId>,
    /// For Wasm containers.
    pub wasm: WasmConfig,
}

/// What only a Wasm container has. Everything not granted is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasmConfig {
    /// Port on which a `wasi:http` component is served: the first `containerPort`.
    pub port: Option<u16>,
    /// Hosts (`host`, `*.domain`, each with or without `:port`, or `*`) that outgoing HTTP may reach.
    pub outgoing_hosts: Vec<String>,
    /// Whether `wasi:sockets` and name lookup are allowed inside the pod's network without bounds.
    pub sockets: bool,
    /// Otherwise, addresses that sockets may send to, and `name-lookup`, as [`wasm::WorkerSpec::peers`] has them.
    #[serde(default)]
    pub peers: Vec<String>,
    /// Ports that sockets may listen on: every `containerPort`.
    #[serde(default)]
    pub listen_ports: Vec<u16>,
    /// Longest time for one HTTP request, in milliseconds; the worker's default when absent.
    pub request_timeout_ms: Option<u64>,
}

/// Life of a container. Times are nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum ContainerState {
    /// Created, not started.
    Created,
    /// Running since then.
    Running {
        /// Start.
        started_at: i64,
        /// Process id of its first process, in the node's process namespace.
        pid: u32,
    },
    /// Ended.
    Exited(Exit),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Start; 0 when it never started.
    pub started_at: i64,
    /// End.
    pub finished_at: i64,
    /// Exit code; 128 + signal when a signal ended it.
    pub code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The kernel killed it for lack of memory.
    pub oom_killed: bool,
    /// Why it could not start, or the Wasm trap with its backtrace; the termination message when it wrote one.
    pub message: String,
    /// Machine-readable reason: `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerCannotRun`, `WasmTrap`.
    pub reason: String,
}

/// A container as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Identity.
    pub id: ContainerId,
    /// The pod.
    pub sandbox: SandboxId,
    /// Container name in the pod.
    pub name: String,
    /// How often it was made before.
    pub attempt: u32,
    /// [`Image::id`].
    pub image: String,
    /// What it runs in.
    pub kind: SandboxKind,
    /// Life.
    pub state: ContainerState,
    /// Who its first process was at its start (KEP-3619); of Linux containers that have started, as far as it is known.
    pub user: Option<LinuxUser>,
    /// Log file.
    pub log_path: PathBuf,
}

/// A sandbox as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Its configuration.
    pub config: SandboxConfig,
    /// Whether its shim lives.
    pub ready: bool,
    /// When it was made, nanoseconds since 1970.
    pub created_at: i64,
    /// The shim's process id.
    pub shim: u32,
}

/// Something that happened on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// A container ended.
    Exited(Box<Container>),
    /// A pod's shim died; its containers are gone.
    SandboxLost(SandboxId),
}

/// Outcome of a command run inside a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutcome {
    /// Exit code.
    pub code: i32,
    /// What it printed, both streams, at most 16 KiB.
    pub output: Vec<u8>,
}

/// What a container holds on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Of its writable layer.
    pub writable: Taken,
    /// Of its logs, rotated ones included.
    pub logs: Taken,
}

/// What the processes of a group use, as the kernel counts it. Figures that a kernel does not keep are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time consumed so far, ended processes included, in nanoseconds.
    pub cpu_nanos: u64,
    /// Working set, in bytes: what is used less the file pages that the kernel would drop first, as the kubelet counts it.
    pub memory_working_set: u64,
    /// All memory that is charged, file pages included, in bytes.
    pub memory_usage: u64,
    /// Anonymous memory, in bytes.
    pub rss: u64,
    /// Page faults so far.
    pub page_faults: u64,
    /// Of these, those that waited for a disk.
    pub major_page_faults: u64,
    /// Processes and threads now.
    pub pids: u64,
    /// Processes that the kernel has killed for lack of memory so far.
    pub oom_kills: u64,
}

/// What a running container of a pod uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerUsage {
    /// Which.
    pub id: ContainerId,
    /// Its name in the pod.
    pub name: String,
    /// What it uses.
    pub usage: Usage,
}

/// What a pod uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodUsage {
    /// The pod as a whole, ended containers' CPU time included.
    pub total: Usage,
    /// Its running containers, by id.
    pub containers: Vec<ContainerUsage>,
}

/// Why a runtime verb failed. Messages say what was attempted and on what; they reach users in pod status and events.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The reference or configuration is wrong; the message names the field. Not worth retrying unchanged.
    #[error("{0}")]
    Invalid(String),
    /// The image cannot be had: reason as in `waiting.reason` (`ErrImagePull`, `InvalidImageName`, `ErrImageNeverPull`).
    #[error("{message}")]
    Image {
        /// `waiting.reason`.
        reason: &'static str,
        /// What to tell the user.
        message: String,
    },
    /// There is no such sandbox, container or image.
    #[error("{0} not found")]
    NotFound(String),
    /// The container cannot be started: reason as in `terminated.reason` or `waiting.reason`.
    #[error("{message}")]
    Start {
        /// `CreateContainerError`, `RunContainerError`, `StartError`, …
        reason: &'static str,
        /// What to tell the user.
        message: String,
    },
    /// This runtime cannot express what was asked: what it is.
    #[error("this runtime cannot {0}")]
    Unsupported(String),
    /// The node refused: what was attempted, and the cause.
    #[error("{attempt}: {cause}")]
    System {
        /// What was attempted, on what.
        attempt: String,
        /// Cause.
        #[source]
        cause: std::io::Error,
    },
}

/// Result of a runtime verb.
pub type Result<T> = std::result::Result<T, RuntimeError>;

/// A runtime. All verbs are idempotent as CRI's are: stopping what is stopped and removing what is gone succeed.
#[async_trait]
pub trait Runtime: Send + Sync + std::fmt::Debug {
    /// Name and version, e.g. `bireme://0.1.0`, as `status.nodeInfo.containerRuntimeVersion` shows it.
    fn version(&self) -> String;

    /// The local image for a reference (tag or digest) or an [`Image::id`].
    async fn image_status(&self, reference: &str) -> Result<Option<Image>>;

    /// Pulls; a Wasm artifact is compiled before this returns. Progress is sent when somebody listens.
    async fn pull_image(
        &self,
        reference: &str,
        credentials: Option<Credentials>,
        progress: Option<mpsc::Sender<PullProgress>>,
    ) -> Result<Image>;

    /// Removes every image but those, by [`Image::id`], and those of containers. Returns how many bytes that freed.
    async fn remove_unused_images(&self, used: &[String]) -> Result<u64>;

    /// All local images.
    async fn list_images(&self) -> Result<Vec<Image>>;

    /// Makes a network namespace that belongs to the ids that a sandbox with [`SandboxConfig::user_namespace`] will have, so that
    /// its containers' rights over networks count there. Its [`SandboxConfig::netns`] is to be this one.
    async fn make_network(&self, id: &SandboxId) -> Result<OwnedFd>;

    /// Makes a sandbox: cgroup, namespaces, shim.
    async fn run_pod_sandbox(&self, config: SandboxConfig) -> Result<()>;

    /// Kills everything in the sandbox and its shim.
    async fn stop_pod_sandbox(&self, id: &SandboxId) -> Result<()>;

    /// Removes a stopped sandbox with its containers, files and cgroup.
    async fn remove_pod_sandbox(&self, id: &SandboxId) -> Result<()>;

    /// All sandboxes, those of before an agent restart included.
    async fn list_pod_sandboxes(&self) -> Result<Vec<Sandbox>>;

    /// Prepares a container: root file system, log file, identity.
    async fn create_container(&self, config: ContainerConfig) -> Result<ContainerId>;

    /// Starts a created container. Returns when its process runs (Linux: `execve` succeeded; Wasm: instance linked, and
    /// listening when it serves HTTP).
    async fn start_container(&self, id: &ContainerId) -> Result<()>;

    /// Sends the stop signal and, after `grace_ms`, SIGKILL. Returns when the container has ended.
    async fn stop_container(&self, id: &ContainerId, grace_ms: u64) -> Result<()>;

    /// Removes an ended container's files (its log stays until the sandbox goes).
    async fn remove_container(&self, id: &ContainerId) -> Result<()>;

    /// All containers.
    async fn list_containers(&self) -> Result<Vec<Container>>;

    /// Runs a command in a running Linux container and waits for it, for probes and hooks.
    async fn exec_sync(&self, id: &ContainerId, command: &[String], timeout_ms: u64) -> Result<ExecOutcome>;

    /// Sets the limits of a container anew, without a restart.
    async fn update_container(&self, id: &ContainerId, limits: Limits) -> Result<()>;

    /// Sets the limits over all containers of a pod anew.
    async fn update_pod_sandbox(&self, id: &SandboxId, limits: Limits) -> Result<()>;

    /// Bounds what all pods together may use: the node's allocatable amounts.
    async fn bound_pods(&self, limits: Limits) -> Result<()>;

    /// What a container holds on disk now.
    async fn disk_usage(&self, id: &ContainerId) -> Result<DiskUsage>;

    /// What a pod and its running containers use now, read in one go. A node without groups counts nothing and refuses.
    async fn usage(&self, id: &SandboxId) -> Result<PodUsage>;

    /// What happens on its own. Called once; the receiver is bounded and never lags: a full queue delays the runtime.
    fn events(&self) -> mpsc::Receiver<RuntimeEvent>;
}
