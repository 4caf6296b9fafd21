//! The verbs of containers.

use std::fmt::Write;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::client::{self, ClientError};
use super::plan::{self, Materials};
use super::sandboxes::{remove_tree, shim_error};
use super::state::ContainerRecord;
use super::{Inner, blocking, cgroup_error, system};
use crate::cgroup::Group;
use crate::contract::{
    ContainerConfig, ContainerId, ContainerState, Propagation, Qos, Result, RuntimeError, SandboxId, SandboxKind,
};
use crate::images::{Content, StoredImage};
use crate::layout::checked_component;
use crate::linux;
use crate::privileges::Privileges;
use crate::propagation;
use crate::protocol::{LinuxPlan, PlannedSandbox, Reply, Request};
use crate::runfile;
use crate::shim::note::chain;

/// Longest time between a start and its answer: linking a large component on a loaded machine takes seconds.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long a stop may take beyond its grace.
const STOP_MARGIN: Duration = Duration::from_secs(30);
/// Random bytes of a container's id: never the same twice in a node's life.
const ID_BYTES: usize = 16;

pub(super) fn not_found(id: &ContainerId) -> RuntimeError {
    RuntimeError::NotFound(format!("container {}", id.0))
}

/// Prepares a container.
pub(super) async fn create(inner: &Arc<Inner>, config: ContainerConfig) -> Result<ContainerId> {
    checked_component("container name", &config.name)?;
    let image =
        inner.images.get(&config.image).ok_or_else(|| RuntimeError::NotFound(format!("image {}", config.image)))?;
    let id = new_id().map_err(|cause| system("read random bytes for a container id", cause))?;
    let record = resolve(inner, &config, &image, &id)?;
    let group = inner.group(&record.plan.cgroup)?;
    let (shared, copy) = (Arc::clone(inner), record.clone());
    let prepared = blocking(move || prepare(&shared, &copy, &group)).await;
    let kept = prepared.and_then(|()| inner.state().insert_container(record));
    if let Err(error) = kept {
        if let Err(left) = sweep(inner, &config.sandbox, &id).await {
            tracing::warn!(container = %id.0, error = %chain(&left), "cannot remove what is left of a failed container");
        }
        return Err(error);
    }
    Ok(id)
}

fn resolve(inner: &Inner, config: &ContainerConfig, image: &StoredImage, id: &ContainerId) -> Result<ContainerRecord> {
    let sandbox = inner.state().ready_sandbox(&config.sandbox)?.record.clone();
    let (layers, artifact) = match &image.content {
        Content::Linux { layers } => (inner.images.layer_paths(layers), None),
        Content::Wasm { digest, .. } => (Vec::new(), Some(digest.clone())),
    };
    if image.image.kind == SandboxKind::Linux {
        if inner.privileges == Privileges::None {
            let what = format!("run Linux image {}: that needs root; run `bireme up` as root", config.image);
            return Err(RuntimeError::Unsupported(what));
        }
        let refused = |error| RuntimeError::Start { reason: "CreateContainerConfigError", message: chain(&error) };
        linux::verify_non_root(&config.security, image.image.user.as_deref()).map_err(refused)?;
    }
    let plan = plan::plan(Materials {
        id,
        config,
        sandbox: &sandbox.config,
        image,
        pod: &inner.layout.pod(&config.sandbox),
        cgroup: inner.layout.container_cgroup(&config.sandbox, sandbox.config.qos, id),
        layers,
        writable: inner.layout.writable_layer(id),
        worker_uid: sandbox.worker_uid,
    })?;
    Ok(ContainerRecord { id: id.clone(), config: config.clone(), kind: image.image.kind, plan, artifact })
}

/// Makes the cgroup, the directories and files.
fn prepare(inner: &Inner, record: &ContainerRecord, group: &Group) -> Result<()> {
    let pod = inner.layout.pod(&record.config.sandbox);
    if let PlannedSandbox::Linux(linux) = &record.plan.sandbox {
        verify(linux)?;
    }
    group.create(&record.config.limits).map_err(|error| cgroup_error("make the container's cgroup", &error))?;
    let make = || -> io::Result<()> {
        std::fs::DirBuilder::new().mode(0o700).create(pod.container(&record.id))?;
        match &record.plan.sandbox {
            PlannedSandbox::Linux(linux) => make_writable_layer(&linux.writable)?,
            PlannedSandbox::Wasm(wasm) => refuse_files(wasm.mounts.iter().map(|mount| mount.host.as_path()))?,
        }
        // Whoever the container runs as may leave a message.
        std::fs::write(pod.termination_file(&record.id), "")?;
        std::fs::set_permissions(pod.termination_file(&record.id), std::fs::Permissions::from_mode(0o666))?;
        record.plan.log.parent().map_or(Ok(()), std::fs::create_dir_all)
    };
    make().map_err(|cause| system(format!("prepare container {:?}", record.config.name), cause))?;
    runfile::write(&pod.container_file(&record.id), record)
        .map_err(|error| system("record the container", io::Error::other(chain(&error))))
}

/// Refuses what the node cannot give, before anything is made: a later start would fail for the same reason.
fn verify(linux: &LinuxPlan) -> Result<()> {
    let refused = |message: String| RuntimeError::Start { reason: "CreateContainerError", message };
    linux::seccomp::Filter::verify(&linux.security).map_err(|error| refused(error.to_string()))?;
    if linux.mounts.iter().all(|mount| mount.propagation == Propagation::None) {
        return Ok(());
    }
    let table =
        std::fs::read_to_string("/proc/self/mountinfo").map_err(|cause| system("read the node's mounts", cause))?;
    let refusal = linux.mounts.iter().find_map(|mount| propagation::refusal(&table, mount));
    refusal.map_or(Ok(()), |message| Err(refused(message)))
}

fn make_writable_layer(dir: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for name in ["upper", "work", "merged"] {
        std::fs::DirBuilder::new().mode(0o755).create(dir.join(name))?;
    }
    Ok(())
}

/// WASI shows directories only.
fn refuse_files<'a>(mut hosts: impl Iterator<Item = &'a Path>) -> io::Result<()> {
    match hosts.find(|host| !host.is_dir()) {
        None => Ok(()),
        Some(file) => {
            let message =
                format!("{} is no directory, and a Wasm container can mount only directories", file.display());
            Err(io::Error::new(io::ErrorKind::NotADirectory, message))
        }
    }
}

fn new_id() -> io::Result<ContainerId> {
    let mut bytes = [0; ID_BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut text = String::with_capacity(ID_BYTES * 2);
    bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}")).map_err(io::Error::other)?;
    Ok(ContainerId(text.into()))
}

/// Starts a created container.
pub(super) async fn start(inner: &Arc<Inner>, id: &ContainerId) -> Result<()> {
    let (record, state) = {
        let state = inner.state();
        let entry = state.container(id).ok_or_else(|| not_found(id))?;
        (entry.record.clone(), entry.state.clone())
    };
    match state {
        ContainerState::Created => {}
        ContainerState::Running { .. } => return Ok(()),
        ContainerState::Exited(_) => {
            return Err(RuntimeError::Invalid(format!("container {} has ended: it cannot be started again", id.0)));
        }
    }
    let code: Vec<OwnedFd> = code(inner, &record).await?.into_iter().collect();
    let pod = inner.layout.pod(&record.config.sandbox);
    let request = Request::Start(Box::new(record.plan));
    let answer = tokio::time::timeout(START_LIMIT, client::call(&pod, &request, &code)).await;
    match answer.unwrap_or(Err(ClientError::Silent)) {
        Ok(Reply::Started { pid, started_at, user }) => {
            inner.state().running(id, pid, started_at, user);
            Ok(())
        }
        Ok(Reply::Failed { reason, message }) => Err(RuntimeError::Start { reason: reason.as_str(), message }),
        Ok(other) => {
            Err(RuntimeError::Start { reason: "StartError", message: format!("the pod's shim answered {other:?}") })
        }
        Err(error) => Err(shim_error(&format!("start container {:?}", record.config.name), &error)),
    }
}

/// Compiled code of a Wasm container.
async fn code(inner: &Arc<Inner>, record: &ContainerRecord) -> Result<Option<OwnedFd>> {
    let Some(artifact) = record.artifact.clone() else { return Ok(None) };
    let images = Arc::clone(&inner.images);
    blocking(move || {
        let code = images.code(&artifact);
        code.map(|file| Some(OwnedFd::from(file)))
            .map_err(|error| RuntimeError::Start { reason: "StartError", message: chain(&error) })
    })
    .await
}

/// Asks a container to end and waits for it.
pub(super) async fn stop(inner: &Arc<Inner>, id: &ContainerId, grace_ms: u64) -> Result<()> {
    let sandbox = {
        let state = inner.state();
        match state.container(id) {
            Some(entry) if matches!(entry.state, ContainerState::Running { .. }) => entry.record.config.sandbox.clone(),
            // One that was never started has nothing to stop; one that is starting is found by the shim.
            Some(entry) if entry.state == ContainerState::Created => entry.record.config.sandbox.clone(),
            Some(_) | None => return Ok(()),
        }
    };
    let pod = inner.layout.pod(&sandbox);
    let request = Request::Stop { container: id.clone(), grace_ms };
    let limit = Duration::from_millis(grace_ms).saturating_add(STOP_MARGIN);
    match tokio::time::timeout(limit, client::call(&pod, &request, &[])).await {
        Ok(Ok(ended @ Reply::Ended { .. })) => {
            if let Some(event) = super::watch::apply(inner, ended) {
                super::watch::tell(inner, event).await;
            }
            Ok(())
        }
        // Never started, or the shim is gone and its containers with it: the watcher settles them.
        Ok(Ok(Reply::Failed { .. }) | Err(ClientError::Gone(_))) => Ok(()),
        Ok(Ok(other)) => Err(system(format!("stop container {}", id.0), io::Error::other(format!("{other:?}")))),
        Ok(Err(error)) => Err(shim_error(&format!("stop container {}", id.0), &error)),
        Err(_) => Err(system(format!("stop container {}", id.0), io::ErrorKind::TimedOut.into())),
    }
}

/// Removes an ended container; a running one is killed first.
pub(super) async fn remove(inner: &Arc<Inner>, id: &ContainerId) -> Result<()> {
    stop(inner, id, 0).await?;
    let found = inner.state().container(id).map(|entry| entry.record.config.sandbox.clone());
    let Some(sandbox) = found else { return Ok(()) };
    match client::ask(&inner.layout.pod(&sandbox), &Request::Forget { container: id.clone() }).await {
        Ok(_) | Err(ClientError::Gone(_)) => {}
        Err(error) => return Err(shim_error(&format!("remove container {}", id.0), &error)),
    }
    sweep(inner, &sandbox, id).await?;
    inner.state().remove_container(id);
    Ok(())
}

async fn sweep(inner: &Arc<Inner>, sandbox: &SandboxId, id: &ContainerId) -> Result<()> {
    let groups = Qos::ALL.iter().map(|qos| inner.group(&inner.layout.container_cgroup(sandbox, *qos, id)));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let trees = [inner.layout.writable_layer(id), inner.layout.pod(sandbox).container(id)];
    blocking(move || {
        let removed = groups.iter().try_for_each(Group::remove);
        removed.map_err(|error| cgroup_error("remove the container's cgroup", &error))?;
        trees.iter().try_for_each(|tree| remove_tree(tree))
    })
    .await
}
