//! Carries steps out: each function here is one step of a plan, from its beginning to a [`Done`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container as Spec, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use runtime::contract::{Container, ContainerId, ContainerState, Exit, Image, Limits, RuntimeError, SandboxId};

use crate::amount;
use crate::cluster::ClusterError;
use crate::context::Context;
use crate::events::{Note, Weight};
use crate::given::Given;
use crate::observed::nanoseconds;
use crate::policy;
use crate::resize;
use crate::spec::references::{self, References};
use crate::spec::{self, Material, Wanted, mounts};
use crate::spec::{fields, limits};
use crate::volumes::source::{Part, Source};
use crate::volumes::{Job, VolumeError, payload, source};

/// Why a step failed: `waiting.reason` and message.
pub(crate) type Refusal = (String, String);

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Done {
    /// Volumes are up to date, or not.
    Volumes(Result<(), Refusal>),
    /// The sandbox runs under these addresses, or not.
    Sandbox(Result<Vec<IpAddr>, Refusal>),
    /// An image is there, or not.
    Image(String, Result<Image, Refusal>),
    /// A container was made; it may have failed to start. Or it was not made.
    Started(String, Result<Container, Refusal>),
    /// A running container was given these resources, or not.
    Resized(String, Given, Result<(), Refusal>),
    /// A container was stopped, or not.
    Stopped(String, Result<Option<Container>, Refusal>),
    /// A lost sandbox is removed.
    Renewed(Result<(), Refusal>),
    /// An ended pod's sandbox is stopped.
    Retired(Result<(), Refusal>),
    /// Nothing is left.
    Removed(Result<(), Refusal>),
    /// The `preStop` hook of a sidecar has run ahead of its turn to end.
    FarewellSaid(String),
    /// The `postStart` hook of a container has run.
    Hooked(String, ContainerId),
}

/// One pod at one moment, with what is shared: what every step begins from.
#[derive(Clone, Debug)]
pub(crate) struct Carrier {
    pub context: Arc<Context>,
    pub pod: Arc<Pod>,
    pub addresses: Vec<IpAddr>,
    /// Containers that run, by name.
    pub running: BTreeMap<String, ContainerId>,
}

fn refusal(reason: &str, error: impl std::fmt::Display) -> Refusal {
    (reason.to_owned(), error.to_string())
}

impl Carrier {
    fn spec(&self) -> PodSpec {
        self.pod.spec.clone().unwrap_or_default()
    }

    fn id(&self) -> SandboxId {
        SandboxId(policy::uid(&self.pod).into())
    }

    pub(crate) fn note(
        &self,
        container: Option<&str>,
        weight: Weight,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.context.events.note(Note::about(&self.pod, container, weight, reason, message.into()));
    }

    /// Brings volumes up to date.
    pub(crate) async fn volumes(self) -> Done {
        let outcome = match self.jobs().await {
            Ok(jobs) => {
                let volumes = self.context.volumes(&self.pod);
                let stamp = self.context.seam.now().as_nanosecond().to_string();
                blocking(move || volumes.prepare(&jobs, &stamp)).await
            }
            Err(error) => Err(error),
        };
        Done::Volumes(outcome.map_err(|error| {
            self.note(None, Weight::Warning, "FailedMount", error.to_string());
            refusal("ContainerCreating", error)
        }))
    }

    /// The pod's volumes with everything that has to be fetched for them.
    async fn jobs(&self) -> Result<Vec<Job>, VolumeError> {
        let spec = self.spec();
        let away = |error: ClusterError| VolumeError::refused("", error.to_string());
        let mut material = self.context.fetch(&self.pod, &references::of_volumes(&spec)).await.map_err(away)?;
        let mut jobs = Vec::new();
        for volume in spec.volumes.iter().flatten() {
            let source = source::parse(volume)?;
            let mut files = payload::Payload::new();
            if let Source::Files { parts, mode, .. } = &source {
                self.fetch_tokens(parts, &mut material).await.map_err(away)?;
                let fields = fields::Context { pod: &self.pod, node: &self.context.facts, addresses: &self.addresses };
                files = payload::payload(&volume.name, parts, *mode, &fields, &material)?;
            }
            jobs.push(Job { name: volume.name.clone(), source, payload: files });
        }
        Ok(jobs)
    }

    async fn fetch_tokens(&self, parts: &[Part], material: &mut Material) -> Result<(), ClusterError> {
        for part in parts {
            if let Part::Token { audience, seconds, .. } = part {
                let token = self.context.tokens.get(&self.context, &self.pod, audience, *seconds).await?;
                material.tokens.insert(audience.clone(), token);
            }
        }
        Ok(())
    }

    /// Attaches the pod to the network and makes its sandbox.
    pub(crate) async fn sandbox(self) -> Done {
        let outcome = self.make_sandbox().await;
        Done::Sandbox(outcome.map_err(|message| {
            let message = format!("Failed to create pod sandbox: {message}");
            self.note(None, Weight::Warning, "FailedCreatePodSandBox", message.clone());
            ("ContainerCreating".to_owned(), message)
        }))
    }

    async fn make_sandbox(&self) -> Result<Vec<IpAddr>, String> {
        let spec = self.spec();
        let uid = policy::uid(&self.pod);
        let (netns, addresses) = if spec.host_network == Some(true) {
            (None, self.context.facts.addresses.clone())
        } else {
            // What is the pod's network must belong to the pod's ids from its beginning.
            let own = match spec.host_users {
                Some(false) => Some(self.context.runtime.make_network(&self.id()).await.map_err(|e| e.to_string())?),
                _ => None,
            };
            let place = self.context.network.attach(uid, own).await.map_err(|error| error.to_string())?;
            (place.netns, place.addresses)
        };
        let logs = self.context.pod_dir(uid).join("logs");
        std::fs::create_dir_all(&logs).map_err(|error| format!("make {}: {error}", logs.display()))?;
        self.context.allocations.write(uid).map_err(|error| error.to_string())?;
        let config = spec::sandbox(&self.pod, &spec, &self.context.facts, netns, addresses.clone(), logs);
        self.context.runtime.run_pod_sandbox(config).await.map_err(|error| error.to_string())?;
        Ok(addresses)
    }

    /// Creates and starts a container.
    pub(crate) async fn start(self, name: String, attempt: u32, image: Image, stale: Option<ContainerId>) -> Done {
        let outcome = self.make_container(&name, attempt, &image).await;
        if let Some(stale) = stale
            && let Err(error) = self.context.runtime.remove_container(&stale).await
        {
            tracing::warn!(%error, container = %stale.0, "old container not removed");
        }
        Done::Started(name, outcome)
    }

    async fn make_container(&self, name: &str, attempt: u32, image: &Image) -> Result<Container, Refusal> {
        let spec = self.spec();
        let (_, container) =
            policy::find(&spec, name).ok_or_else(|| refusal("CreateContainerConfigError", "no such container"))?;
        let config = self.configure(&container, attempt, image).await.inspect_err(|(_, message)| {
            self.note(Some(name), Weight::Warning, "Failed", format!("Error: {message}"));
        })?;
        let kind = config.kind.unwrap_or(image.kind);
        let made = self.context.runtime.create_container(config).await;
        let id = made.map_err(|error| {
            self.note(Some(name), Weight::Warning, "Failed", format!("Error: {error}"));
            refusal("CreateContainerError", error)
        })?;
        self.note(Some(name), Weight::Normal, "Created", format!("Created container: {name}"));
        let container = Container {
            id: id.clone(),
            sandbox: self.id(),
            name: name.to_owned(),
            attempt,
            image: image.id.clone(),
            kind,
            state: ContainerState::Created,
            user: None,
            log_path: self.log_path(name, attempt),
        };
        Ok(self.run(container).await)
    }

    /// Gives a running container, and its pod, what they ask for now.
    pub(crate) async fn resize(self, name: String, id: ContainerId, given: Given, asked: Given) -> Done {
        let outcome = match self.memory_refused(&name, &id, &given).await {
            Ok(None) => self.set_limits(&name, &id).await,
            Ok(Some(refused)) => Err(RuntimeError::Invalid(refused)),
            Err(error) => Err(error),
        };
        Done::Resized(name, asked, outcome.map_err(|error| refusal("ResizeError", error)))
    }

    /// Why the container cannot have less memory than before: it, or with it the pod, uses more.
    async fn memory_refused(
        &self,
        name: &str,
        id: &ContainerId,
        given: &Given,
    ) -> Result<Option<String>, RuntimeError> {
        let spec = self.spec();
        let Some((_, container)) = policy::find(&spec, name) else { return Ok(None) };
        let before = given.limit("memory").and_then(|limit| amount::whole(&Quantity(limit.to_owned())));
        let Some(limit) = limits::of_container(&container).memory.filter(|&limit| before.is_none_or(|has| limit < has))
        else {
            return Ok(None);
        };
        let used = self.context.runtime.usage(&self.id()).await?;
        let own = used.containers.iter().find(|container| container.id == *id).map(|container| &container.usage);
        let mut decreases = Vec::new();
        if let Some(all) = limits::of_pod(&spec).memory {
            decreases.push(("pod".to_owned(), all, used.total.memory_working_set));
        }
        decreases.extend(own.map(|own| (format!("container {name:?}"), limit, own.memory_working_set)));
        Ok(resize::too_low(&decreases))
    }

    async fn set_limits(&self, name: &str, id: &ContainerId) -> Result<(), RuntimeError> {
        let spec = self.spec();
        let Some((_, container)) = policy::find(&spec, name) else { return Ok(()) };
        let pod = Limits { pids: self.context.facts.pod_pids, ..limits::of_pod(&spec) };
        let runtime = &self.context.runtime;
        // A pod that grows must do so before its container, one that shrinks after it: what is too early now comes below.
        if let Err(error) = runtime.update_pod_sandbox(&self.id(), pod).await {
            tracing::debug!(%error, "the pod shrinks after its container");
        }
        runtime.update_container(id, limits::of_container(&container)).await?;
        runtime.update_pod_sandbox(&self.id(), pod).await
    }

    fn log_path(&self, name: &str, attempt: u32) -> PathBuf {
        self.context.pod_dir(policy::uid(&self.pod)).join("logs").join(name).join(format!("{attempt}.log"))
    }

    /// Starts a created container. One that does not start has ended: its restart follows the usual rules.
    pub(crate) async fn run(&self, container: Container) -> Container {
        let started = self.context.runtime.start_container(&container.id).await;
        let now = nanoseconds(self.context.seam.now());
        let state = match started {
            Ok(()) => {
                let name = &container.name;
                self.note(Some(name), Weight::Normal, "Started", format!("Started container {name}"));
                ContainerState::Running { started_at: now, pid: 0 }
            }
            Err(error) => {
                self.note(Some(&container.name), Weight::Warning, "Failed", format!("Error: {error}"));
                let reason = match &error {
                    RuntimeError::Start { reason, .. } => *reason,
                    _ => "StartError",
                };
                ContainerState::Exited(Exit {
                    started_at: 0,
                    finished_at: now,
                    code: 128,
                    signal: None,
                    oom_killed: false,
                    message: error.to_string(),
                    reason: reason.to_owned(),
                })
            }
        };
        Container { state, ..container }
    }

    async fn configure(
        &self,
        container: &Spec,
        attempt: u32,
        image: &Image,
    ) -> Result<runtime::contract::ContainerConfig, Refusal> {
        const REASON: &str = "CreateContainerConfigError";
        let context = &self.context;
        let wanted: References = references::of_container(container);
        let mut material = context.fetch(&self.pod, &wanted).await.map_err(|error| refusal(REASON, error))?;
        material.services = context.service_environment(&self.pod).await.ok_or_else(|| {
            refusal(REASON, "services have not yet been read at least once, cannot construct envvars")
        })?;
        let env = spec::environment(&self.pod, container, &context.facts, &material, &self.addresses);
        let env = env.map_err(|error| refusal(REASON, error))?;
        let wishes = mounts::wishes(container, &env).map_err(|error| refusal(REASON, error))?;
        let jobs = self.sources().map_err(|error| refusal(REASON, error))?;
        let (volumes, name) = (context.volumes(&self.pod), container.name.clone());
        let mounts = blocking(move || volumes.mounts(&jobs, &name, &wishes)).await;
        let mounts = mounts.map_err(|error| refusal(REASON, error))?;
        let addresses = &self.addresses;
        let processes_of = self.target(&container.name)?;
        let wanted = Wanted { pod: &self.pod, container, attempt, image, mounts, addresses, processes_of };
        spec::container(wanted, &context.facts, &material).map_err(|error| refusal(REASON, error))
    }

    /// The running container into which an ephemeral container of that name looks.
    fn target(&self, name: &str) -> Result<Option<ContainerId>, Refusal> {
        let Some(target) = self.pod.spec.as_ref().and_then(|spec| policy::target(spec, name)) else { return Ok(None) };
        let running = self.running.get(target).cloned();
        let missing = || refusal("CreateContainerError", format!("container {target:?} to look into does not run"));
        running.map(Some).ok_or_else(missing)
    }

    /// What the volumes are, without their contents.
    fn sources(&self) -> Result<Vec<Job>, VolumeError> {
        let spec = self.spec();
        let job = |volume| {
            let source = source::parse(volume)?;
            Ok(Job { name: volume.name.clone(), source, payload: payload::Payload::new() })
        };
        spec.volumes.iter().flatten().map(job).collect()
    }

    /// Removes a lost sandbox.
    pub(crate) async fn renew(self) -> Done {
        let message = "Pod sandbox changed, it will be killed and re-created.";
        self.note(None, Weight::Normal, "SandboxChanged", message);
        let outcome = self.drop_sandbox(true).await;
        Done::Renewed(outcome.map_err(|message| refusal("FailedKillPod", message)))
    }

    /// Stops the sandbox of an ended pod and gives back what it held.
    pub(crate) async fn retire(self) -> Done {
        let outcome = match self.drop_sandbox(false).await {
            Ok(()) => self.drop_volumes(false).await,
            Err(message) => Err(message),
        };
        Done::Retired(outcome.map_err(|message| refusal("FailedKillPod", message)))
    }

    /// Removes everything of the pod.
    pub(crate) async fn remove(self) -> Done {
        let outcome = match self.drop_sandbox(true).await {
            Ok(()) => self.drop_volumes(true).await,
            Err(message) => Err(message),
        };
        self.context.tokens.forget(policy::uid(&self.pod));
        Done::Removed(outcome.map_err(|message| {
            self.note(None, Weight::Warning, "FailedKillPod", format!("error killing pod: {message}"));
            refusal("FailedKillPod", message)
        }))
    }

    async fn drop_sandbox(&self, remove: bool) -> Result<(), String> {
        let (runtime, id) = (&self.context.runtime, self.id());
        runtime.stop_pod_sandbox(&id).await.map_err(|error| error.to_string())?;
        if remove {
            runtime.remove_pod_sandbox(&id).await.map_err(|error| error.to_string())?;
        }
        self.context.network.detach(&id.0).await.map_err(|error| error.to_string())
    }

    async fn drop_volumes(&self, logs_too: bool) -> Result<(), String> {
        let volumes = self.context.volumes(&self.pod);
        let removed = blocking(move || if logs_too { volumes.remove_pod() } else { volumes.remove() });
        removed.await.map_err(|error| format!("remove volumes: {error}"))
    }
}

/// Runs work on files away from the tasks.
async fn blocking<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        // The work is never aborted, so only its own panic ends it without an outcome.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
