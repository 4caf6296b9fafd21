//! Taking up what an earlier agent left.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use super::client::{ClientError, Connection};
use super::sandboxes::remove_tree;
use super::state::{ContainerEntry, ContainerRecord, SandboxEntry};
use super::{Inner, system, watch};
use crate::contract::{ContainerId, Result, SandboxId};
use crate::layout::{Layout, PodDir};
use crate::protocol::{Reply, Request};
use crate::runfile;
use crate::shim::SandboxRecord;
use crate::shim::note::chain;

/// Makes the directories that everything else is in, closed to other users.
pub(super) fn make_directories(layout: &Layout) -> Result<()> {
    for dir in [layout.pods(), layout.writable_layers(), layout.images()] {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|cause| system(format!("make directory {}", dir.display()), cause))?;
    }
    Ok(())
}

/// Connects to every live shim, settles the containers of dead ones, and removes what belongs to nothing.
pub(super) async fn adopt(inner: &Arc<Inner>) -> Result<()> {
    for name in names(&inner.layout.pods())? {
        let id = SandboxId(name.as_str().into());
        match adopt_pod(inner, &id).await {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(pod = %name, error = %chain(&error), "what is left of a pod cannot be read, and is removed");
                super::sandboxes::sweep(inner, &id, &[]).await?;
            }
        }
    }
    remove_orphans(inner)
}

fn names(dir: &Path) -> Result<Vec<String>> {
    let list = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    };
    list().map_err(|cause| system(format!("list {}", dir.display()), cause))
}

async fn adopt_pod(inner: &Arc<Inner>, id: &SandboxId) -> Result<()> {
    let pod = inner.layout.pod(id);
    let unreadable = |why: String| system(format!("read pod {}", pod.path().display()), io::Error::other(why));
    let missing = || unreadable("it has no sandbox record".to_owned());
    let record: SandboxRecord =
        runfile::read(&pod.sandbox_file()).map_err(|error| unreadable(chain(&error)))?.ok_or_else(missing)?;
    let mut entry = SandboxEntry::new(record, 0);
    for name in names(&pod.containers())? {
        let container = ContainerId(name.as_str().into());
        let record = runfile::read::<ContainerRecord>(&pod.container_file(&container));
        match record.map_err(|error| unreadable(chain(&error)))? {
            Some(record) => {
                entry.containers.insert(container, ContainerEntry::new(record));
            }
            None => remove_tree(&pod.container(&container))?,
        }
    }
    inner.state().insert_sandbox(entry);
    match connect(inner, &pod, id).await {
        Ok(connection) => watch::resume(inner, id, connection),
        Err(error) => {
            tracing::warn!(pod = %id.0, error = %chain(&error), "a pod's shim is gone");
            bury(inner, id);
        }
    }
    Ok(())
}

/// Reads all that a live shim knows, so that the state is whole when the agent asks for it.
async fn connect(inner: &Arc<Inner>, pod: &PodDir, id: &SandboxId) -> std::result::Result<Connection, ClientError> {
    let hello = super::client::ask(pod, &Request::Hello).await?;
    if let (Reply::Ready { pid }, Some(entry)) = (hello, inner.state().sandboxes.get_mut(id)) {
        entry.shim = pid;
    }
    let mut connection = Connection::open(pod, &Request::Watch, &[]).await?;
    loop {
        match connection.expect().await? {
            Reply::Done => return Ok(connection),
            // The agent lists everything at its start; events are for what happens later.
            reply => drop(watch::apply(inner, reply)),
        }
    }
}

/// Settles a pod whose shim died while no agent looked. Containers without a recorded end may have run.
fn bury(inner: &Arc<Inner>, id: &SandboxId) {
    let containers: Vec<ContainerId> = {
        let state = inner.state();
        state.sandboxes.get(id).map(|entry| entry.containers.keys().cloned().collect()).unwrap_or_default()
    };
    for container in containers {
        let exit = watch::settle(inner, id, &container, 0);
        inner.state().ended(&container, exit);
    }
    drop(watch::lost(inner, id));
}

/// Removes writable layers of containers that have no run file. (A pod's cgroup goes before its run directory does, so that
/// none is ever left without one.)
fn remove_orphans(inner: &Arc<Inner>) -> Result<()> {
    let known = inner.state().list_containers();
    let containers: BTreeSet<String> = known.iter().map(|container| container.id.0.to_string()).collect();
    for name in names(&inner.layout.writable_layers())?.iter().filter(|name| !containers.contains(*name)) {
        remove_tree(&inner.layout.writable_layers().join(name))?;
    }
    Ok(())
}
