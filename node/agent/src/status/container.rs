//! Status of one container.

use k8s_openapi::api::core::v1::{
    Container as Spec, ContainerState as State, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, ContainerUser, LinuxContainerUser, VolumeMount, VolumeMountStatus,
};
use runtime::contract::{Container, ContainerId, ContainerState, Exit};

use crate::observed::{Life, moment};
use crate::policy::Role;
use crate::spec::mounts::recursive;
use crate::status::{Facts, seconds};

/// How a container's identity is written in a status: `bireme://<id>`.
pub(crate) fn written_id(id: &ContainerId) -> String {
    format!("bireme://{}", id.0)
}

/// Writes the status of one container. `idle` is the reason of one that waits for nothing in particular; when the pod has
/// `ended` and this node knows nothing of the container, what was reported before stays.
pub(super) fn status(facts: &Facts<'_>, spec: &Spec, role: Role, idle: &str, ended: bool) -> ContainerStatus {
    let life = facts.seen.life(&spec.name);
    let before = before(facts, &spec.name);
    if let Some(before) = before
        && ended
        && life.current.is_none()
        && life.last.is_none()
    {
        return before.clone();
    }
    let waiting = facts.plan.waiting.get(&spec.name).map(|waiting| ContainerStateWaiting {
        reason: Some(waiting.reason.clone()),
        message: (!waiting.message.is_empty()).then(|| waiting.message.clone()),
    });
    let (state, last) = states(&life, waiting, idle);
    let shown = life.current.as_ref().or(life.last.as_ref());
    let count = shown.map_or_else(|| before.map_or(0, |before| before.restart_count), |shown| count(shown.attempt));
    // What runs has what it was given, which may not be yet what it asks for.
    let given = if life.running() { life.given.written() } else { spec.resources.clone() };
    let resources = shown.map(|_| given.unwrap_or_default());
    ContainerStatus {
        name: spec.name.clone(),
        image: life.asked.clone().filter(|_| shown.is_some()).or_else(|| spec.image.clone()).unwrap_or_default(),
        image_id: shown.map(|shown| shown.image.clone()).unwrap_or_default(),
        container_id: shown.map(|shown| written_id(&shown.id)),
        restart_count: count,
        ready: ready(spec, role, &life),
        // Nobody asks how far somebody is who only looks into the pod.
        started: (role != Role::Ephemeral).then(|| started(spec, &life)),
        state: Some(state),
        last_state: Some(last.unwrap_or_default()),
        allocated_resources: shown.and(spec.resources.as_ref()).and_then(|resources| resources.requests.clone()),
        resources,
        volume_mounts: spec.volume_mounts.as_ref().map(|mounts| mounts.iter().map(mount).collect()),
        user: user(shown, before),
        stop_signal: spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.stop_signal.clone()),
        ..ContainerStatus::default()
    }
}

/// Who the first process was. That of a container which ended before this agent began is known from what was reported.
fn user(shown: Option<&Container>, before: Option<&ContainerStatus>) -> Option<ContainerUser> {
    let shown = shown?;
    let Some(user) = &shown.user else {
        return before.filter(|before| before.container_id == Some(written_id(&shown.id)))?.user.clone();
    };
    let groups = user.groups.iter().map(|group| i64::from(*group)).collect();
    Some(ContainerUser {
        linux: Some(LinuxContainerUser {
            uid: user.uid.into(),
            gid: user.gid.into(),
            supplemental_groups: Some(groups),
        }),
    })
}

/// A mount as it is. What lies below a read-only mount is not made read-only too, whatever was asked where that is possible.
fn mount(mount: &VolumeMount) -> VolumeMountStatus {
    let read_only = mount.read_only == Some(true);
    VolumeMountStatus {
        name: mount.name.clone(),
        mount_path: mount.mount_path.clone(),
        read_only: read_only.then_some(true),
        recursive_read_only: read_only.then(|| if recursive(mount) { "Enabled" } else { "Disabled" }.to_owned()),
        ..VolumeMountStatus::default()
    }
}

/// Whether it runs and its startup probe, if it has one, succeeded.
pub(super) fn started(spec: &Spec, life: &Life) -> bool {
    life.running() && !life.hooking && (spec.startup_probe.is_none() || life.probed.started)
}

/// Whether it may receive traffic; an init container is ready once it has done its work.
fn ready(spec: &Spec, role: Role, life: &Life) -> bool {
    match role {
        Role::Init => life.exit().is_some_and(|exit| exit.code == 0),
        Role::Main | Role::Sidecar => started(spec, life) && (spec.readiness_probe.is_none() || life.probed.ready),
        Role::Ephemeral => false,
    }
}

/// The state and the last state. A container that waits for its restart shows its end as last state.
fn states(life: &Life, waiting: Option<ContainerStateWaiting>, idle: &str) -> (State, Option<State>) {
    let last = life.last.as_ref().and_then(ended);
    let idle = || ContainerStateWaiting { reason: Some(idle.to_owned()), message: None };
    let Some(current) = &life.current else { return (waits(waiting.unwrap_or_else(idle)), last) };
    match (&current.state, waiting) {
        (ContainerState::Created, waiting) => (waits(waiting.unwrap_or_else(idle)), last),
        (ContainerState::Running { .. }, _) if life.hooking => (waits(idle()), last),
        (ContainerState::Running { started_at, .. }, _) => {
            let running = ContainerStateRunning { started_at: Some(seconds(moment(*started_at))) };
            (State { running: Some(running), ..State::default() }, last)
        }
        (ContainerState::Exited(_), Some(waiting)) => (waits(waiting), ended(current)),
        // Another takes its place, so that it never counts as ended.
        (ContainerState::Exited(_), None) if life.replaced => (waits(idle()), ended(current)),
        (ContainerState::Exited(exit), None) => (terminated(&current.id, exit), last),
    }
}

fn waits(waiting: ContainerStateWaiting) -> State {
    State { waiting: Some(waiting), ..State::default() }
}

fn ended(container: &Container) -> Option<State> {
    match &container.state {
        ContainerState::Exited(exit) => Some(terminated(&container.id, exit)),
        ContainerState::Created | ContainerState::Running { .. } => None,
    }
}

fn terminated(id: &ContainerId, exit: &Exit) -> State {
    let terminated = ContainerStateTerminated {
        container_id: Some(written_id(id)),
        exit_code: exit.code,
        signal: None,
        reason: Some(reason(exit)),
        message: (!exit.message.is_empty()).then(|| exit.message.clone()),
        started_at: Some(seconds(moment(exit.started_at))),
        finished_at: Some(seconds(moment(exit.finished_at))),
    };
    State { terminated: Some(terminated), ..State::default() }
}

/// The runtime's reason, or the one that follows from the code.
fn reason(exit: &Exit) -> String {
    match () {
        () if !exit.reason.is_empty() => exit.reason.clone(),
        () if exit.oom_killed => "OOMKilled".to_owned(),
        () if exit.code == 0 => "Completed".to_owned(),
        () => "Error".to_owned(),
    }
}

/// What was reported about a container before.
fn before<'a>(facts: &'a Facts<'_>, name: &str) -> Option<&'a ContainerStatus> {
    let before = facts.before;
    let lists = [&before.init_container_statuses, &before.container_statuses, &before.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten().find(|status| status.name == name)
}

fn count(attempt: u32) -> i32 {
    i32::try_from(attempt).unwrap_or(i32::MAX)
}
