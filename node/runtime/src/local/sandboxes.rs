//! The verbs of sandboxes.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::client::{self, ClientError};
use super::state::SandboxEntry;
use super::zygote::ZygoteError;
use super::{Inner, blocking, cgroup_error, resources, system, watch};
use crate::cgroup::Group;
use crate::contract::{ContainerId, Result, RuntimeError, SandboxConfig, SandboxId};
use crate::layout::{PodDir, checked_component};
use crate::protocol::{Reply, Request};
use crate::runfile;
use crate::shim::SandboxRecord;
use crate::shim::note::chain;

/// Reason of a sandbox that cannot be made, as the kubelet's event has it.
const FAILED: &str = "FailedCreatePodSandBox";
/// How often a fork is tried: a zygote that has just died is back in a moment.
const FORK_TRIES: u32 = 20;
/// Wait between tries.
const FORK_WAIT: Duration = Duration::from_millis(100);
/// How long a shim may take to end with all its containers: its own limit, and some for a loaded machine.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Makes a sandbox.
pub(super) async fn run(inner: &Arc<Inner>, config: SandboxConfig) -> Result<()> {
    checked_component("pod uid", &config.id.0)?;
    let id = config.id.clone();
    let known = inner.state().sandboxes.get(&id).map(|entry| entry.ready && !entry.stopping);
    match known {
        Some(true) => return Ok(()),
        // What is left of a lost sandbox gives way to the new one.
        Some(false) => remove(inner, &id).await?,
        None => {}
    }
    let worker_uid = inner.state().reserve_uid(&id)?;
    let ids = if config.user_namespace { Some(inner.state().reserve_range(&id)?) } else { None };
    let created_at = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    let record = SandboxRecord { config, created_at, worker_uid, ids };
    match make(inner, &record).await {
        Ok(shim) => {
            inner.state().insert_sandbox(SandboxEntry::new(record, shim));
            watch::start(inner, &id);
            resources::weigh(inner).await
        }
        Err(error) => {
            inner.state().remove_sandbox(&id);
            if let Err(left) = sweep(inner, &id, &[]).await {
                tracing::warn!(pod = %id.0, error = %chain(&left), "cannot remove what is left of a failed sandbox");
            }
            Err(error)
        }
    }
}

async fn make(inner: &Arc<Inner>, record: &SandboxRecord) -> Result<u32> {
    let pod = inner.layout.pod(&record.config.id);
    let group = inner.group(&inner.layout.pod_cgroup(&record.config.id, record.config.qos))?;
    let (dir, copy) = (pod.clone(), record.clone());
    blocking(move || {
        group.create(&copy.config.limits).map_err(|error| cgroup_error("make the pod's cgroup", &error))?;
        write_files(&dir, &copy)
            .map_err(|cause| system(format!("write the files of pod {}", dir.path().display()), cause))
    })
    .await?;
    let shim = fork(inner, &pod).await?;
    match client::ask(&pod, &Request::Hello).await {
        Ok(Reply::Ready { .. }) => Ok(shim),
        Ok(Reply::Failed { message, .. }) => Err(RuntimeError::Start { reason: FAILED, message }),
        Ok(other) => Err(RuntimeError::Start { reason: FAILED, message: format!("the shim answered {other:?}") }),
        Err(error) => Err(shim_error("make the sandbox", &error)),
    }
}

fn write_files(pod: &PodDir, record: &SandboxRecord) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(pod.containers())?;
    // The directory may be left of an earlier attempt; its socket would refuse to be bound again.
    match std::fs::remove_file(pod.path().join(PodDir::SOCKET)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let config = &record.config;
    let hostname = format!("{}\n", config.hostname);
    let files = [(pod.hosts(), &config.hosts), (pod.hostname(), &hostname), (pod.resolv_conf(), &config.resolv_conf)];
    for (path, text) in files {
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
    }
    std::fs::create_dir_all(&config.log_dir)?;
    runfile::write(&pod.sandbox_file(), record).map_err(io::Error::other)
}

async fn fork(inner: &Inner, pod: &PodDir) -> Result<u32> {
    persist("fork a shim", || inner.zygote.fork(pod)).await
}

/// Makes the network namespace of a pod with ids of its own, which are reserved by it.
pub(super) async fn network(inner: &Inner, id: &SandboxId) -> Result<OwnedFd> {
    let ids = inner.state().reserve_range(id)?;
    persist("make the pod's network namespace", || inner.zygote.network(ids)).await
}

/// Asks the zygote, again while it is not there.
async fn persist<T, F: Future<Output = std::result::Result<T, ZygoteError>>>(
    attempt: &str,
    ask: impl Fn() -> F,
) -> Result<T> {
    let failed = |error: ZygoteError| system(attempt, io::Error::other(chain(&error)));
    for _ in 1..FORK_TRIES {
        match ask().await {
            Err(ZygoteError::Ended | ZygoteError::Io { .. }) => tokio::time::sleep(FORK_WAIT).await,
            answer => return answer.map_err(failed),
        }
    }
    ask().await.map_err(failed)
}

/// Kills everything in a sandbox, and its shim.
pub(super) async fn stop(inner: &Arc<Inner>, id: &SandboxId) -> Result<()> {
    let Some(Stopping { ready, shim, watcher }) = begin_stop(inner, id) else { return Ok(()) };
    if ready {
        let pod = inner.layout.pod(id);
        let answer = tokio::time::timeout(STOP_LIMIT, client::call(&pod, &Request::Shutdown, &[])).await;
        match answer {
            Ok(Ok(_) | Err(ClientError::Gone(_))) => {}
            Ok(Err(error)) => tracing::warn!(pod = %id.0, error = %chain(&error), "the shim did not end as asked"),
            Err(_) => {
                tracing::warn!(pod = %id.0, "the shim did not end in time, and is killed");
                // Its connection still stood, so the number is its own; without a cgroup there is no other way to it.
                kill_shim(shim)?;
            }
        }
    }
    let groups = inner.pod_groups(id)?;
    blocking(move || kill(&groups)).await?;
    // The watcher reads every end that the shim told before it hung up.
    if let Some(mut watcher) = watcher
        && tokio::time::timeout(STOP_LIMIT, &mut watcher).await.is_err()
    {
        watcher.abort();
    }
    if let Some(entry) = inner.state().sandboxes.get_mut(id) {
        entry.ready = false;
    }
    Ok(())
}

fn kill_shim(shim: u32) -> Result<()> {
    match signal::kill(Pid::from_raw(shim.cast_signed()), Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(system(format!("kill shim {shim}"), errno.into())),
    }
}

/// What a stop needs to know of a sandbox.
struct Stopping {
    ready: bool,
    shim: u32,
    watcher: Option<tokio::task::JoinHandle<()>>,
}

/// Marks a sandbox as stopping; `None` when it is unknown or stopped.
fn begin_stop(inner: &Inner, id: &SandboxId) -> Option<Stopping> {
    let mut state = inner.state();
    let entry = state.sandboxes.get_mut(id)?;
    entry.stopping = true;
    Some(Stopping { ready: entry.ready, shim: entry.shim, watcher: entry.watcher.take() })
}

/// Removes a sandbox with its containers, files, logs and cgroup.
pub(super) async fn remove(inner: &Arc<Inner>, id: &SandboxId) -> Result<()> {
    stop(inner, id).await?;
    let found = inner
        .state()
        .sandboxes
        .get(id)
        .map(|entry| (entry.record.config.log_dir.clone(), entry.containers.keys().cloned().collect::<Vec<_>>()));
    let Some((logs, containers)) = found else {
        // Ids may be reserved for one that was never made.
        inner.state().remove_sandbox(id);
        return Ok(());
    };
    sweep(inner, id, &containers).await?;
    blocking(move || remove_tree(&logs)).await?;
    inner.state().remove_sandbox(id);
    resources::weigh(inner).await
}

/// Removes the cgroup, the run directory and the writable layers of a dead sandbox.
pub(super) async fn sweep(inner: &Arc<Inner>, id: &SandboxId, containers: &[ContainerId]) -> Result<()> {
    let groups = inner.pod_groups(id)?;
    let mut trees: Vec<_> = containers.iter().map(|container| inner.layout.writable_layer(container)).collect();
    // Last, because it is what tells a later agent of the rest.
    trees.push(inner.layout.pod(id).path().to_owned());
    blocking(move || {
        kill(&groups)?;
        let removed = groups.iter().try_for_each(Group::remove);
        removed.map_err(|error| cgroup_error("remove the pod's cgroup", &error))?;
        trees.iter().try_for_each(|tree| remove_tree(tree))
    })
    .await
}

fn kill(groups: &[Group]) -> Result<()> {
    groups.iter().try_for_each(Group::kill_all).map_err(|error| cgroup_error("kill the pod's cgroup", &error))
}

/// Removes a directory with all below it; a missing one is removed.
pub(super) fn remove_tree(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(system(format!("remove {}", path.display()), cause))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What a failed talk with a shim means for a verb.
pub(super) fn shim_error(attempt: &str, error: &ClientError) -> RuntimeError {
    system(attempt, io::Error::other(chain(error)))
}
