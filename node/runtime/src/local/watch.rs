//! Hearing from a shim: one task per sandbox, for as long as the shim lives.

use std::io;
use std::sync::{Arc, Weak};

use jiff::Timestamp;

use super::Inner;
use super::client::{ClientError, Connection};
use crate::cgroup::Group;
use crate::contract::{ContainerId, ContainerState, Exit, RuntimeEvent, SandboxId};
use crate::protocol::{Reply, Request};
use crate::runfile;
use crate::shim::note::chain;

/// Exit code of a container whose end nobody saw: it was killed.
const UNSEEN: i32 = 137;

/// Starts the task for a sandbox that is in the state.
pub(super) fn start(inner: &Arc<Inner>, id: &SandboxId) {
    let watcher = tokio::spawn(watch(Arc::downgrade(inner), id.clone(), None));
    keep(inner, id, watcher);
}

/// The same with a connection that has watched already.
pub(super) fn resume(inner: &Arc<Inner>, id: &SandboxId, connection: Connection) {
    let watcher = tokio::spawn(watch(Arc::downgrade(inner), id.clone(), Some(connection)));
    keep(inner, id, watcher);
}

fn keep(inner: &Inner, id: &SandboxId, watcher: tokio::task::JoinHandle<()>) {
    if let Some(entry) = inner.state().sandboxes.get_mut(id) {
        entry.watcher = Some(watcher);
    }
}

async fn watch(inner: Weak<Inner>, id: SandboxId, mut connection: Option<Connection>) {
    loop {
        let ended = match connection.take() {
            Some(connection) => listen(&inner, connection).await,
            None => match open(&inner, &id).await {
                Some(Ok(connection)) => listen(&inner, connection).await,
                Some(Err(error)) => Err(error),
                None => return,
            },
        };
        match ended {
            // The shim hangs up on a listener that is too slow; one that is dead refuses the next connection.
            Ok(()) => {}
            Err(ClientError::Gone(_)) => break,
            Err(error @ (ClientError::Broken(_) | ClientError::Silent)) => {
                tracing::warn!(pod = %id.0, error = %chain(&error), "listening to the shim again");
            }
        }
    }
    if let Some(inner) = inner.upgrade() {
        for event in lost(&inner, &id) {
            tell(&inner, event).await;
        }
    }
}

async fn open(inner: &Weak<Inner>, id: &SandboxId) -> Option<Result<Connection, ClientError>> {
    let pod = inner.upgrade()?.layout.pod(id);
    Some(Connection::open(&pod, &Request::Watch, &[]).await)
}

async fn listen(inner: &Weak<Inner>, mut connection: Connection) -> Result<(), ClientError> {
    while let Some(reply) = connection.next().await? {
        let Some(inner) = inner.upgrade() else { return Ok(()) };
        if let Some(event) = apply(&inner, reply) {
            tell(&inner, event).await;
        }
    }
    Ok(())
}

/// Takes what a shim says about its containers; the event when it is news.
pub(super) fn apply(inner: &Inner, reply: Reply) -> Option<RuntimeEvent> {
    match reply {
        Reply::Running { container, pid, started_at, user } => {
            inner.state().running(&container, pid, started_at, user);
            None
        }
        Reply::Ended { container, exit } => ended(inner, &container, exit),
        Reply::Ready { .. } | Reply::Started { .. } | Reply::ExecEnded { .. } | Reply::Done | Reply::Failed { .. } => {
            None
        }
    }
}

fn ended(inner: &Inner, container: &ContainerId, exit: Exit) -> Option<RuntimeEvent> {
    inner.state().ended(container, exit).map(|container| RuntimeEvent::Exited(Box::new(container)))
}

pub(super) async fn tell(inner: &Inner, event: RuntimeEvent) {
    if inner.events.send(event).await.is_err() {
        tracing::debug!("nobody listens to the runtime's events");
    }
}

/// The shim is dead: kills what it left and settles every container. Returns what happened.
pub(super) fn lost(inner: &Inner, id: &SandboxId) -> Vec<RuntimeEvent> {
    let killed = inner.pod_groups(id).and_then(|groups| {
        let killed = groups.iter().try_for_each(Group::kill_all);
        killed.map_err(|error| super::cgroup_error("kill the cgroup of a lost pod", &error))
    });
    if let Err(error) = killed {
        tracing::error!(pod = %id.0, error = %chain(&error), "what is left of a lost pod may still run");
    }
    let (expected, containers) = {
        let mut state = inner.state();
        let Some(entry) = state.sandboxes.get_mut(id) else { return Vec::new() };
        entry.ready = false;
        let live = entry.containers.values().filter(|entry| matches!(entry.state, ContainerState::Running { .. }));
        (entry.stopping, live.map(|entry| (entry.record.id.clone(), started_at(&entry.state))).collect::<Vec<_>>())
    };
    let settled = containers.iter().filter_map(|(container, started_at)| {
        let exit = settle(inner, id, container, *started_at);
        ended(inner, container, exit)
    });
    let mut events: Vec<RuntimeEvent> = settled.collect();
    if !expected {
        events.push(RuntimeEvent::SandboxLost(id.clone()));
    }
    events
}

fn started_at(state: &ContainerState) -> i64 {
    match state {
        ContainerState::Running { started_at, .. } => *started_at,
        ContainerState::Created => 0,
        ContainerState::Exited(exit) => exit.started_at,
    }
}

/// The end of a container of a dead shim: the one that the shim recorded, or one that says that nobody saw it.
pub(super) fn settle(inner: &Inner, sandbox: &SandboxId, container: &ContainerId, started_at: i64) -> Exit {
    let file = inner.layout.pod(sandbox).exit_file(container);
    match runfile::read(&file) {
        Ok(Some(exit)) => return exit,
        Ok(None) => {}
        Err(error) => tracing::warn!(error = %chain(&error), "a container's recorded end cannot be read"),
    }
    let exit = Exit {
        started_at,
        finished_at: i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX),
        code: UNSEEN,
        signal: None,
        oom_killed: false,
        message: "the pod's shim ended, and its containers were killed".to_owned(),
        reason: "ContainerStatusUnknown".to_owned(),
    };
    if let Err(error) = runfile::write(&file, &exit).map_err(io::Error::other) {
        tracing::warn!(%error, "a container's end is only in memory");
    }
    exit
}
