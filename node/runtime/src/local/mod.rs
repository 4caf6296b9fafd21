//! The node's own implementation of [`Runtime`].
//!
//! Reading order: [`plan`] resolves a container, [`state`] remembers, [`sandboxes`], [`containers`] and [`resources`] carry out
//! the verbs, [`watch`] hears from the shims, [`adopt`] finds what an earlier agent left; [`zygote`] and [`client`] are the two
//! ways into the process tree.

mod adopt;
mod client;
mod containers;
mod exec;
mod plan;
mod resources;
mod sandboxes;
mod state;
mod uid;
mod watch;
mod zygote;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::cgroup::{Group, Hierarchy};
use crate::config::LocalConfig;
use crate::contract::{
    Container, ContainerConfig, ContainerId, Credentials, DiskUsage, ExecOutcome, Image, Limits, PodUsage,
    PullProgress, Qos, Result, Runtime, RuntimeError, RuntimeEvent, Sandbox, SandboxConfig, SandboxId,
};
use crate::images::ImageStore;
use crate::layout::Layout;
use crate::privileges::Privileges;
use crate::shim::note::chain;

/// Events that wait for the agent. A full queue delays the tasks that hear from shims, never the shims themselves.
const EVENT_QUEUE: usize = 1024;

/// What the tasks share.
#[derive(Debug)]
pub(crate) struct Inner {
    privileges: Privileges,
    layout: Layout,
    hierarchy: Hierarchy,
    images: Arc<ImageStore>,
    zygote: Arc<zygote::Zygote>,
    state: Mutex<state::State>,
    weights: tokio::sync::Mutex<resources::Weights>,
    events: mpsc::Sender<RuntimeEvent>,
}

/// The runtime of one node. Dropping it leaves the pods running, unless it was opened in ephemeral mode and the parent goes.
#[derive(Debug)]
pub struct LocalRuntime {
    inner: Arc<Inner>,
    receiver: Mutex<Option<mpsc::Receiver<RuntimeEvent>>>,
    keeper: JoinHandle<()>,
}

impl LocalRuntime {
    /// Opens the node's directories, starts the zygote, takes up the pods that an earlier agent left, and removes what is
    /// left of those that are dead.
    ///
    /// # Errors
    /// When a directory, the cgroup hierarchy or the zygote cannot be had.
    pub async fn open(config: LocalConfig) -> Result<Arc<LocalRuntime>> {
        let privileges = config.privileges;
        let layout = Layout::new(&config);
        adopt::make_directories(&layout)?;
        let hierarchy = Hierarchy::of(privileges).map_err(|error| cgroup_error("find the cgroup hierarchy", &error))?;
        let shims = hierarchy.group(&layout.shims_cgroup()).and_then(|group| group.create(&Limits::default()));
        shims.map_err(|error| cgroup_error("make the cgroup of the shims", &error))?;
        let images = ImageStore::open(&layout.images(), &layout.compiled(), &config.exe, config.registry, privileges)
            .map_err(|error| system("open the image store", io::Error::other(chain(&error))))?;
        let cgroup = layout.shims_cgroup();
        let recipe = zygote::Recipe { exe: config.exe, privileges, cgroup, ephemeral: config.ephemeral };
        let (zygote, keeper) = zygote::Zygote::start(recipe)
            .await
            .map_err(|error| system("start the zygote", io::Error::other(chain(&error))))?;
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        let state = Mutex::new(state::State::default());
        let (images, weights) = (Arc::new(images), tokio::sync::Mutex::default());
        let inner = Arc::new(Inner { privileges, layout, hierarchy, images, zygote, state, weights, events });
        adopt::adopt(&inner).await?;
        resources::weigh(&inner).await?;
        Ok(Arc::new(LocalRuntime { inner, receiver: Mutex::new(Some(receiver)), keeper }))
    }
}

impl Drop for LocalRuntime {
    fn drop(&mut self) {
        self.keeper.abort();
        self.inner.state().sandboxes.values().filter_map(|entry| entry.watcher.as_ref()).for_each(JoinHandle::abort);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, state::State> {
        // Each change of the state is one statement; a panic in another thread leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn group(&self, path: &str) -> Result<Group> {
        self.hierarchy.group(path).map_err(|error| cgroup_error(&format!("name cgroup {path}"), &error))
    }

    /// Wherever a pod's group may be: what is to be ended is found even when the record of its class is lost.
    fn pod_groups(&self, id: &SandboxId) -> Result<Vec<Group>> {
        Qos::ALL.iter().map(|qos| self.group(&self.layout.pod_cgroup(id, *qos))).collect()
    }
}

/// A system error with what was attempted.
fn system(attempt: impl Into<String>, cause: io::Error) -> RuntimeError {
    RuntimeError::System { attempt: attempt.into(), cause }
}

fn cgroup_error(attempt: &str, error: &crate::cgroup::CgroupError) -> RuntimeError {
    system(attempt, io::Error::other(chain(error)))
}

/// Runs file system work, which can wait for a disk, where it holds up no other task.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| system("run a blocking task", io::Error::other(error)))?
}

#[async_trait]
impl Runtime for LocalRuntime {
    fn version(&self) -> String {
        concat!("bireme://", env!("CARGO_PKG_VERSION")).to_owned()
    }

    async fn image_status(&self, reference: &str) -> Result<Option<Image>> {
        Ok(self.inner.images.get(reference).map(|stored| stored.image.clone()))
    }

    async fn pull_image(
        &self,
        reference: &str,
        credentials: Option<Credentials>,
        progress: Option<mpsc::Sender<PullProgress>>,
    ) -> Result<Image> {
        let pulled = self.inner.images.pull(reference, credentials.as_ref(), progress.map(relay)).await;
        match pulled {
            Ok(stored) => Ok(stored.image.clone()),
            Err(error) => Err(RuntimeError::Image { reason: error.reason(), message: chain(&error) }),
        }
    }

    async fn remove_unused_images(&self, used: &[String]) -> Result<u64> {
        resources::remove_unused_images(&self.inner, used).await
    }

    async fn list_images(&self) -> Result<Vec<Image>> {
        Ok(self.inner.images.list().iter().map(|stored| stored.image.clone()).collect())
    }

    async fn make_network(&self, id: &SandboxId) -> Result<OwnedFd> {
        sandboxes::network(&self.inner, id).await
    }

    async fn run_pod_sandbox(&self, config: SandboxConfig) -> Result<()> {
        sandboxes::run(&self.inner, config).await
    }

    async fn stop_pod_sandbox(&self, id: &SandboxId) -> Result<()> {
        sandboxes::stop(&self.inner, id).await
    }

    async fn remove_pod_sandbox(&self, id: &SandboxId) -> Result<()> {
        sandboxes::remove(&self.inner, id).await
    }

    async fn list_pod_sandboxes(&self) -> Result<Vec<Sandbox>> {
        Ok(self.inner.state().list_sandboxes())
    }

    async fn create_container(&self, config: ContainerConfig) -> Result<ContainerId> {
        containers::create(&self.inner, config).await
    }

    async fn start_container(&self, id: &ContainerId) -> Result<()> {
        containers::start(&self.inner, id).await
    }

    async fn stop_container(&self, id: &ContainerId, grace_ms: u64) -> Result<()> {
        containers::stop(&self.inner, id, grace_ms).await
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<()> {
        containers::remove(&self.inner, id).await
    }

    async fn list_containers(&self) -> Result<Vec<Container>> {
        Ok(self.inner.state().list_containers())
    }

    async fn exec_sync(&self, id: &ContainerId, command: &[String], timeout_ms: u64) -> Result<ExecOutcome> {
        exec::exec_sync(&self.inner, id, command, timeout_ms).await
    }

    async fn update_container(&self, id: &ContainerId, limits: Limits) -> Result<()> {
        resources::update_container(&self.inner, id, limits).await
    }

    async fn update_pod_sandbox(&self, id: &SandboxId, limits: Limits) -> Result<()> {
        resources::update_sandbox(&self.inner, id, limits).await
    }

    async fn bound_pods(&self, limits: Limits) -> Result<()> {
        resources::bound_pods(&self.inner, limits).await
    }

    async fn disk_usage(&self, id: &ContainerId) -> Result<DiskUsage> {
        resources::disk_usage(&self.inner, id).await
    }

    async fn usage(&self, id: &SandboxId) -> Result<PodUsage> {
        resources::usage(&self.inner, id).await
    }

    fn events(&self) -> mpsc::Receiver<RuntimeEvent> {
        let taken = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A second caller gets a queue that is over.
        taken.unwrap_or_else(|| mpsc::channel(1).1)
    }
}

/// Passes progress on in the contract's type.
fn relay(listener: mpsc::Sender<PullProgress>) -> mpsc::Sender<registry_client::Progress> {
    let (sender, mut receiver) = mpsc::channel::<registry_client::Progress>(1);
    tokio::spawn(async move {
        while let Some(registry_client::Progress { done, total }) = receiver.recv().await {
            if listener.send(PullProgress { done, total }).await.is_err() {
                return;
            }
        }
    });
    sender
}
