//! `status.phase`, by the rules of the kubelet's `getPhase`.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, PodSpec, PodStatus};

use crate::policy::{self, RestartPolicy, Role};

/// `status.phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
}

impl Phase {
    /// Reads what the API has.
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Succeeded, Self::Failed].into_iter().find(|phase| phase.as_str() == text)
    }

    /// As the API has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// Whether the pod has ended.
    pub(super) fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// Follows from the statuses of the containers. `over` tells that nothing of the pod is started again.
    pub(super) fn of(spec: &PodSpec, status: &PodStatus, over: bool) -> Self {
        let init = Init::count(spec, status);
        if init.failed && policy::of_pod(spec) == RestartPolicy::Never {
            return Self::Failed;
        }
        let main = Main::count(spec, status);
        if init.pending || main.waiting || (init.sidecar_pending && !main.begun) {
            Self::Pending
        } else if main.running || init.sidecar_running {
            Self::Running
        } else if !main.stopped {
            Self::Pending
        } else if main.restarts && !over {
            Self::Running
        } else if main.unclean {
            Self::Failed
        } else {
            Self::Succeeded
        }
    }
}

/// How the init containers stand.
#[derive(Clone, Copy, Debug, Default)]
struct Init {
    /// One that works has not done its work.
    pending: bool,
    /// One that works has failed.
    failed: bool,
    /// A sidecar has not started.
    sidecar_pending: bool,
    /// A sidecar runs.
    sidecar_running: bool,
}

impl Init {
    fn count(spec: &PodSpec, status: &PodStatus) -> Self {
        let mut found = Self::default();
        for init in policy::init(spec) {
            let status = of(status.init_container_statuses.as_deref(), &init.name);
            let sidecar = Role::of_init(init) == Role::Sidecar;
            let running = status.and_then(|status| status.state.as_ref()).is_some_and(|state| state.running.is_some());
            match (sidecar, running, status.and_then(end)) {
                (true, true, _) => {
                    found.sidecar_running = true;
                    found.sidecar_pending |= status.is_none_or(|status| status.started != Some(true));
                }
                (true, false, Some(_)) => {}
                (true, false, None) => found.sidecar_pending = true,
                (false, true, _) | (false, false, None) => found.pending = true,
                (false, false, Some(end)) => found.failed |= end.exit_code != 0,
            }
        }
        found
    }
}

/// How the containers of the pod proper stand.
#[derive(Clone, Copy, Debug, Default)]
struct Main {
    /// One has never run.
    waiting: bool,
    running: bool,
    /// One has ended.
    stopped: bool,
    /// One has run in this sandbox.
    begun: bool,
    /// One that has ended is started again.
    restarts: bool,
    /// One that has ended did so with another code than 0, or waits for its next start.
    unclean: bool,
}

impl Main {
    fn count(spec: &PodSpec, status: &PodStatus) -> Self {
        let mut found = Self::default();
        for main in &spec.containers {
            let status = of(status.container_statuses.as_deref(), &main.name);
            let state = status.and_then(|status| status.state.as_ref());
            found.begun |= state.is_some_and(|state| state.running.is_some() || state.terminated.is_some());
            if state.is_some_and(|state| state.running.is_some()) {
                found.running = true;
                continue;
            }
            match status.and_then(end) {
                None => found.waiting = true,
                Some(end) => {
                    found.stopped = true;
                    found.restarts |= policy::restarts(spec, Role::Main, main, end.exit_code);
                    let clean = end.exit_code == 0 && state.is_some_and(|state| state.terminated.is_some());
                    found.unclean |= !clean;
                }
            }
        }
        found
    }
}

fn of<'a>(statuses: Option<&'a [ContainerStatus]>, name: &str) -> Option<&'a ContainerStatus> {
    statuses.unwrap_or_default().iter().find(|status| status.name == name)
}

/// How a container that does not run ended: now, or before it began to wait.
fn end(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    let now = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    now.or_else(|| status.last_state.as_ref().and_then(|state| state.terminated.as_ref()))
}
