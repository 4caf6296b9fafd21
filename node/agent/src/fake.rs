//! The outermost boundary for tests: a runtime that starts nothing, a network of nothing, an API that remembers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, PodStatus, Secret};
use network::contract::{PodNetwork, Services};
use runtime::contract::{
    Container, ContainerConfig, ContainerId, ContainerState, ContainerUsage, Credentials, DiskUsage, ExecOutcome, Exit,
    Image, Limits, PodUsage, PullProgress, Result, Runtime, RuntimeError, RuntimeEvent, Sandbox, SandboxConfig,
    SandboxId, SandboxKind, Usage,
};
use tokio::sync::{mpsc, watch};

use crate::cluster::{Cluster, ClusterError, Token};
use crate::contract::{NetworkError, PodNetworking};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A runtime that starts nothing. Images named `…/missing` cannot be pulled.
#[derive(Debug)]
pub(crate) struct FakeRuntime {
    sandboxes: Mutex<BTreeMap<SandboxId, Sandbox>>,
    containers: Mutex<BTreeMap<ContainerId, Container>>,
    pub(crate) configs: Mutex<Vec<ContainerConfig>>,
    events: mpsc::Sender<RuntimeEvent>,
    receiver: Mutex<Option<mpsc::Receiver<RuntimeEvent>>>,
    /// What every pod, and every container, uses, in bytes.
    pub(crate) memory: Mutex<u64>,
    /// Every verb that changed something, in order.
    pub(crate) calls: Mutex<Vec<String>>,
}

impl FakeRuntime {
    pub(crate) fn new() -> Arc<Self> {
        let (events, receiver) = mpsc::channel(64);
        Arc::new(Self {
            sandboxes: Mutex::default(),
            containers: Mutex::default(),
            configs: Mutex::default(),
            events,
            receiver: Mutex::new(Some(receiver)),
            memory: Mutex::default(),
            calls: Mutex::default(),
        })
    }

    fn call(&self, call: impl Into<String>) {
        lock(&self.calls).push(call.into());
    }

    /// Ends the running container of that name.
    pub(crate) async fn end(&self, name: &str, code: i32) {
        let ended = {
            let mut containers = lock(&self.containers);
            let running = containers
                .values_mut()
                .find(|c| c.name == name && matches!(c.state, ContainerState::Running { .. }))
                .expect("a running container of this name");
            exit(running, code);
            running.clone()
        };
        self.events.send(RuntimeEvent::Exited(Box::new(ended))).await.expect("the agent listens");
    }
}

fn exit(container: &mut Container, code: i32) {
    container.state = ContainerState::Exited(Exit {
        started_at: 1_000_000_000,
        finished_at: crate::observed::nanoseconds(seam::Seam::real().now()),
        code,
        signal: None,
        oom_killed: false,
        message: String::new(),
        reason: if code == 0 { "Completed" } else { "Error" }.to_owned(),
    });
}

pub(crate) fn image(reference: &str) -> Image {
    let kind = if reference.contains("wasm") { SandboxKind::Wasm } else { SandboxKind::Linux };
    Image {
        id: format!("{reference}@sha256:0"),
        reference: reference.to_owned(),
        kind,
        size: 10,
        user: None,
        imports: Vec::new(),
        exports: Vec::new(),
    }
}

#[async_trait]
impl Runtime for FakeRuntime {
    fn version(&self) -> String {
        "bireme://fake".to_owned()
    }
    async fn image_status(&self, _: &str) -> Result<Option<Image>> {
        Ok(None)
    }
    async fn pull_image(
        &self,
        reference: &str,
        _: Option<Credentials>,
        _: Option<mpsc::Sender<PullProgress>>,
    ) -> Result<Image> {
        if reference.ends_with("/missing") {
            return Err(RuntimeError::Image { reason: "ErrImagePull", message: "manifest unknown".to_owned() });
        }
        Ok(image(reference))
    }
    async fn remove_unused_images(&self, _: &[String]) -> Result<u64> {
        Ok(0)
    }
    async fn list_images(&self) -> Result<Vec<Image>> {
        Ok(Vec::new())
    }
    async fn make_network(&self, id: &SandboxId) -> Result<OwnedFd> {
        Err(RuntimeError::Unsupported(format!("make a network for {}", id.0)))
    }
    async fn run_pod_sandbox(&self, config: SandboxConfig) -> Result<()> {
        self.call("run sandbox");
        let sandbox = Sandbox { config: config.clone(), ready: true, created_at: 0, shim: 1 };
        lock(&self.sandboxes).insert(config.id, sandbox);
        Ok(())
    }
    async fn stop_pod_sandbox(&self, id: &SandboxId) -> Result<()> {
        self.call("stop sandbox");
        if let Some(sandbox) = lock(&self.sandboxes).get_mut(id) {
            sandbox.ready = false;
        }
        Ok(())
    }
    async fn remove_pod_sandbox(&self, id: &SandboxId) -> Result<()> {
        self.call("remove sandbox");
        lock(&self.sandboxes).remove(id);
        lock(&self.containers).retain(|_, container| container.sandbox != *id);
        Ok(())
    }
    async fn list_pod_sandboxes(&self) -> Result<Vec<Sandbox>> {
        Ok(lock(&self.sandboxes).values().cloned().collect())
    }
    async fn create_container(&self, config: ContainerConfig) -> Result<ContainerId> {
        self.call(format!("create {}#{}", config.name, config.attempt));
        let id = ContainerId(format!("{}-{}-{}", config.sandbox.0, config.name, config.attempt).into());
        let container = Container {
            id: id.clone(),
            sandbox: config.sandbox.clone(),
            name: config.name.clone(),
            attempt: config.attempt,
            image: config.image.clone(),
            kind: SandboxKind::Linux,
            state: ContainerState::Created,
            user: None,
            log_path: PathBuf::from("/nonexistent"),
        };
        lock(&self.containers).insert(id.clone(), container);
        lock(&self.configs).push(config);
        Ok(id)
    }
    async fn start_container(&self, id: &ContainerId) -> Result<()> {
        let mut containers = lock(&self.containers);
        let container = containers.get_mut(id).ok_or_else(|| RuntimeError::NotFound(id.0.to_string()))?;
        container.state = ContainerState::Running { started_at: 1_000_000_000, pid: 7 };
        Ok(())
    }
    async fn stop_container(&self, id: &ContainerId, _: u64) -> Result<()> {
        self.call(format!("stop {}", id.0.rsplit('-').nth(1).unwrap_or_default()));
        if let Some(container) = lock(&self.containers).get_mut(id) {
            exit(container, 0);
        }
        Ok(())
    }
    async fn remove_container(&self, id: &ContainerId) -> Result<()> {
        self.call("remove container");
        lock(&self.containers).remove(id);
        Ok(())
    }
    async fn list_containers(&self) -> Result<Vec<Container>> {
        Ok(lock(&self.containers).values().cloned().collect())
    }
    /// `false` fails, `missing` cannot be run, `hang` never ends, everything else succeeds.
    async fn exec_sync(&self, id: &ContainerId, command: &[String], _: u64) -> Result<ExecOutcome> {
        let name = id.0.rsplit('-').nth(1).unwrap_or_default();
        self.call(format!("exec {name} {}", command.join(" ")));
        match command.first().map(String::as_str) {
            Some("missing") => Err(RuntimeError::Unsupported("run a command that is missing".to_owned())),
            Some("hang") => std::future::pending().await,
            Some("false") => Ok(ExecOutcome { code: 1, output: b"not well".to_vec() }),
            _ => Ok(ExecOutcome { code: 0, output: Vec::new() }),
        }
    }
    async fn update_container(&self, id: &ContainerId, limits: Limits) -> Result<()> {
        let name = id.0.rsplit('-').nth(1).unwrap_or_default();
        self.call(format!("update {name} cpu {:?} memory {:?}", limits.cpu_limit_milli, limits.memory));
        Ok(())
    }
    async fn update_pod_sandbox(&self, _: &SandboxId, _: Limits) -> Result<()> {
        Ok(())
    }
    async fn bound_pods(&self, _: Limits) -> Result<()> {
        Ok(())
    }
    async fn disk_usage(&self, _: &ContainerId) -> Result<DiskUsage> {
        Ok(DiskUsage::default())
    }
    async fn usage(&self, id: &SandboxId) -> Result<PodUsage> {
        let usage = Usage { memory_working_set: *lock(&self.memory), ..Usage::default() };
        let containers = lock(&self.containers);
        let own = containers.values().filter(|container| container.sandbox == *id);
        let own = own.map(|container| ContainerUsage { id: container.id.clone(), name: container.name.clone(), usage });
        Ok(PodUsage { total: usage, containers: own.collect() })
    }
    fn events(&self) -> mpsc::Receiver<RuntimeEvent> {
        lock(&self.receiver).take().expect("events are asked for once")
    }
}

/// A network that gives everybody the same address.
#[derive(Debug, Default)]
pub(crate) struct FakeNetwork;

pub(crate) const POD_IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 0, 5));

#[async_trait]
impl PodNetworking for FakeNetwork {
    async fn attach(&self, _: &str, _: Option<OwnedFd>) -> std::result::Result<PodNetwork, NetworkError> {
        Ok(PodNetwork { netns: Some(PathBuf::from("/netns")), addresses: vec![POD_IP] })
    }
    async fn detach(&self, _: &str) -> std::result::Result<(), NetworkError> {
        Ok(())
    }
    async fn attached(&self) -> Vec<String> {
        Vec::new()
    }
    async fn set_services(&self, _: &Services) -> std::result::Result<(), NetworkError> {
        Ok(())
    }
}

/// An API that remembers the latest status of each pod, by its name.
#[derive(Debug, Default)]
pub(crate) struct FakeCluster {
    pub(crate) statuses: watch::Sender<BTreeMap<String, PodStatus>>,
    pub(crate) phases: Mutex<Vec<String>>,
    pub(crate) deleted: watch::Sender<bool>,
    pub(crate) config_maps: Mutex<BTreeMap<String, Arc<ConfigMap>>>,
    pub(crate) reasons: Mutex<Vec<String>>,
    pub(crate) mirrors: Mutex<Vec<Pod>>,
}

#[async_trait]
impl Cluster for FakeCluster {
    async fn report(&self, pod: &Pod, status: &PodStatus) -> std::result::Result<(), ClusterError> {
        lock(&self.phases).extend(status.phase.clone());
        let name = pod.metadata.name.clone().unwrap_or_default();
        self.statuses.send_modify(|statuses| drop(statuses.insert(name, status.clone())));
        Ok(())
    }
    async fn confirm_deletion(&self, _: &Pod) -> std::result::Result<(), ClusterError> {
        self.deleted.send_replace(true);
        Ok(())
    }
    async fn create_mirror(&self, pod: &Pod) -> std::result::Result<(), ClusterError> {
        lock(&self.mirrors).push(pod.clone());
        Ok(())
    }
    async fn delete_mirror(&self, _: &str, name: &str, _: &str) -> std::result::Result<(), ClusterError> {
        lock(&self.mirrors).retain(|pod| pod.metadata.name.as_deref() != Some(name));
        Ok(())
    }
    async fn config_map(&self, _: &str, name: &str) -> std::result::Result<Option<Arc<ConfigMap>>, ClusterError> {
        Ok(lock(&self.config_maps).get(name).cloned())
    }
    async fn secret(&self, _: &str, _: &str) -> std::result::Result<Option<Arc<Secret>>, ClusterError> {
        Ok(None)
    }
    async fn token(&self, _: &Pod, _: &str, _: i64) -> std::result::Result<Token, ClusterError> {
        Err(ClusterError::Gone { attempt: "get a token".to_owned() })
    }
    async fn record(&self, event: &Event, _: bool) -> std::result::Result<(), ClusterError> {
        lock(&self.reasons).extend(event.reason.clone());
        Ok(())
    }
}
