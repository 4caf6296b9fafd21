//! A node for checks: directories, a cgroup, a registry with images, and a runtime.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use registry_client::manifest::ProcessConfig;
use registry_client::publish::{ImageFile, Tags, linux_image, wasm_artifact};
use registry_client::serve::Registry;
use registry_client::{BlobStore, ClientConfig};
use runtime::config::LocalConfig;
use runtime::contract::{
    Container, ContainerConfig, ContainerId, ContainerState, Exit, Limits, Qos, Runtime, RuntimeEvent, SandboxConfig,
    SandboxId, Security, WasmConfig,
};
use runtime::local::LocalRuntime;
use tokio::sync::mpsc;

/// Longest wait for anything; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

static SERIAL: AtomicU32 = AtomicU32::new(0);

/// A node that is cleaned up when it goes out of scope, also by a panic.
pub(crate) struct Node {
    pub(crate) config: LocalConfig,
    pub(crate) runtime: Arc<LocalRuntime>,
    pub(crate) events: mpsc::Receiver<RuntimeEvent>,
    registry: Registry,
    _cleanup: Cleanup,
    _dir: tempfile::TempDir,
}

/// Comes after the runtime in a node, so that no agent runs any more.
struct Cleanup(LocalConfig);

impl Drop for Cleanup {
    fn drop(&mut self) {
        if let Err(error) = runtime::cleanup::cleanup(&self.0) {
            println!("clean-up failed: {error}");
        }
    }
}

impl Node {
    pub(crate) async fn start() -> Node {
        Node::with_parent(None).await
    }

    pub(crate) async fn with_parent(ephemeral: Option<Arc<std::os::fd::OwnedFd>>) -> Node {
        let dir = tempfile::Builder::new().prefix("bireme-runtime-").tempdir().unwrap();
        let registry = registry(&dir.path().join("registry")).await;
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let config = LocalConfig {
            privileges: runtime::privileges::Privileges::Root,
            state: dir.path().join("state"),
            run: dir.path().join("run"),
            cgroup_root: format!("bireme-check-{}-{serial}", std::process::id()),
            exe: std::env::current_exe().unwrap(),
            ephemeral,
            registry: ClientConfig::default(),
        };
        let runtime = LocalRuntime::open(config.clone()).await.unwrap();
        let events = runtime.events();
        let cleanup = Cleanup(config.clone());
        Node { config, runtime, events, registry, _cleanup: cleanup, _dir: dir }
    }

    /// What an agent's restart does to the runtime.
    pub(crate) async fn restart(&mut self, meanwhile: impl Future<Output = ()>) {
        let (none, nothing) = mpsc::channel(1);
        drop(none);
        drop(std::mem::replace(&mut self.events, nothing));
        let placeholder = LocalRuntime::open(self.elsewhere()).await.unwrap();
        drop(std::mem::replace(&mut self.runtime, placeholder));
        meanwhile.await;
        self.runtime = LocalRuntime::open(self.config.clone()).await.unwrap();
        self.events = self.runtime.events();
        runtime::cleanup::cleanup(&self.elsewhere()).unwrap();
    }

    fn elsewhere(&self) -> LocalConfig {
        let mut config = self.config.clone();
        config.state = config.state.with_file_name("elsewhere-state");
        config.run = config.run.with_file_name("elsewhere-run");
        config.cgroup_root.push_str("-elsewhere");
        config
    }

    /// Pulls one of the registry's images and returns its id.
    pub(crate) async fn pull(&self, name: &str) -> String {
        self.try_pull(name).await.unwrap()
    }

    pub(crate) async fn try_pull(&self, name: &str) -> Result<String, String> {
        let reference = format!("{}/{name}:1", self.registry.address());
        self.runtime.pull_image(&reference, None, None).await.map(|image| image.id).map_err(|error| error.to_string())
    }

    pub(crate) fn sandbox_config(&self, uid: &str) -> SandboxConfig {
        SandboxConfig {
            id: SandboxId(uid.into()),
            namespace: "default".to_owned(),
            name: uid.to_owned(),
            hostname: "pod-host".to_owned(),
            netns: None,
            addresses: Vec::new(),
            limits: Limits::default(),
            log_dir: self.logs().join(uid),
            resolv_conf: "nameserver 192.0.2.1\n".to_owned(),
            hosts: "127.0.0.1 localhost\n192.0.2.2 pod-host\n".to_owned(),
            sysctls: BTreeMap::new(),
            share_processes: false,
            host_pid: false,
            host_ipc: false,
            user_namespace: false,
            qos: Qos::Guaranteed,
        }
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.config.run.with_file_name("logs")
    }

    pub(crate) async fn sandbox(&self, uid: &str) {
        self.runtime.run_pod_sandbox(self.sandbox_config(uid)).await.unwrap();
    }

    /// Creates a container and starts it.
    pub(crate) async fn start_container(&self, config: ContainerConfig) -> ContainerId {
        let id = self.runtime.create_container(config).await.unwrap();
        self.runtime.start_container(&id).await.unwrap();
        id
    }

    pub(crate) async fn container(&self, id: &ContainerId) -> Container {
        self.runtime.list_containers().await.unwrap().into_iter().find(|found| found.id == *id).unwrap()
    }

    /// Waits for a container's end, and for its event.
    pub(crate) async fn exit(&mut self, id: &ContainerId) -> Exit {
        loop {
            let event =
                tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event").expect("a live queue");
            if let RuntimeEvent::Exited(container) = event
                && container.id == *id
            {
                let ContainerState::Exited(exit) = container.state else { panic!("an ended container") };
                return exit;
            }
        }
    }

    pub(crate) async fn lost(&mut self) -> SandboxId {
        loop {
            let event =
                tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event").expect("a live queue");
            if let RuntimeEvent::SandboxLost(id) = event {
                return id;
            }
        }
    }

    /// A container's log without times, one entry a line.
    pub(crate) async fn log(&self, id: &ContainerId) -> String {
        let text = std::fs::read_to_string(self.container(id).await.log_path).unwrap();
        text.lines().map(|line| line.split_once(' ').expect("a time").1.to_owned() + "\n").collect()
    }

    /// Waits until a container's log has a text.
    pub(crate) async fn logged(&self, id: &ContainerId, text: &str) {
        let path = self.container(id).await.log_path;
        let found = || std::fs::read_to_string(&path).is_ok_and(|log| log.contains(text));
        until(&format!("{text:?} in {}", path.display()), found).await;
    }

    pub(crate) async fn pid(&self, id: &ContainerId) -> u32 {
        match self.container(id).await.state {
            ContainerState::Running { pid, .. } => pid,
            other => panic!("a running container, not {other:?}"),
        }
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "no {what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process runs: a zombie that nobody reaps does not.
pub(crate) fn alive(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, Some('Z' | 'X') | None)
}

/// A container of an image that runs a shell script.
pub(crate) fn script(sandbox: &str, image: &str, script: &str) -> ContainerConfig {
    let command = ["/bin/busybox", "sh", "-c", script].map(str::to_owned).to_vec();
    ContainerConfig { command, ..plain(sandbox, image) }
}

/// A container that runs what its image says.
pub(crate) fn plain(sandbox: &str, image: &str) -> ContainerConfig {
    ContainerConfig {
        sandbox: SandboxId(sandbox.into()),
        name: "app".to_owned(),
        attempt: 0,
        image: image.to_owned(),
        kind: None,
        command: Vec::new(),
        args: Vec::new(),
        working_dir: None,
        env: Vec::new(),
        mounts: Vec::new(),
        limits: Limits::default(),
        security: Security::default(),
        oom_score_adj: 0,
        stdin: false,
        tty: false,
        termination_message_path: "/dev/termination-log".to_owned(),
        stop_signal: None,
        processes_of: None,
        wasm: WasmConfig::default(),
    }
}

async fn registry(dir: &std::path::Path) -> Registry {
    let blobs = Arc::new(BlobStore::open(&dir.join("blobs")).unwrap());
    let tags = Tags::new(&dir.join("tags"));
    let busybox =
        ImageFile { path: "bin/busybox".to_owned(), mode: 0o755, content: std::fs::read("/bin/busybox").unwrap() };
    let process = ProcessConfig {
        env: Some(vec!["FROM=image".to_owned()]),
        entrypoint: Some(vec!["/bin/busybox".to_owned(), "true".to_owned()]),
        ..ProcessConfig::default()
    };
    tags.set("busybox", "1", &linux_image(&blobs, &[busybox], process).unwrap()).unwrap();
    let fixtures = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/fixtures"));
    for name in ["hello-cli", "hello-module", "trap", "needs-import", "http-cases", "spin"] {
        let wasm = std::fs::read(fixtures.join(format!("{name}.wasm"))).unwrap();
        tags.set(name, "1", &wasm_artifact(&blobs, &wasm, None).unwrap()).unwrap();
    }
    let text = r#"(module (import "env" "log" (func)) (func (export "_start")) (memory (export "memory") 1))"#;
    tags.set("unlinkable", "1", &wasm_artifact(&blobs, &wat::parse_str(text).unwrap(), None).unwrap()).unwrap();
    let text = r#"(module (func (export "answer") (result i32) (i32.const 42)))"#;
    tags.set("library", "1", &wasm_artifact(&blobs, &wat::parse_str(text).unwrap(), None).unwrap()).unwrap();
    let elf = std::fs::read("/bin/busybox").unwrap();
    tags.set("native", "1", &wasm_artifact(&blobs, &elf, None).unwrap()).unwrap();
    Registry::start("127.0.0.1:0".parse().unwrap(), blobs, tags).await.unwrap()
}
