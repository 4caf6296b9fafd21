//! What the agent knows about one pod at one moment: the input of every decision about it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use runtime::contract::{Container, ContainerState, Exit, Image};
use seam::Timestamp;

use crate::admission::Rejection;
use crate::backoff::{Backoff, Pace, later};
use crate::ending::Ending;
use crate::given::Given;
use crate::policy;
use crate::resize::Standing;

/// Something that is attempted until it succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt<T> {
    /// The result, once it succeeded.
    pub done: Option<T>,
    /// An attempt is under way.
    pub busy: bool,
    /// Why the latest finished attempt failed.
    pub failure: Option<Failure>,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `waiting.reason`.
    pub reason: String,
    /// What to tell the user.
    pub message: String,
    /// When it failed.
    pub at: Timestamp,
    /// How long the next attempt waits.
    pub backoff: Backoff,
}

impl Failure {
    /// When the next attempt is due.
    pub(crate) fn retry_at(&self) -> Timestamp {
        later(self.at, self.backoff.delay())
    }
}

impl<T> Default for Attempt<T> {
    fn default() -> Self {
        Self { done: None, busy: false, failure: None }
    }
}

impl<T> Attempt<T> {
    /// Something that was done before this agent looked.
    pub(crate) fn already(result: T) -> Self {
        Self { done: Some(result), busy: false, failure: None }
    }

    /// Notes that an attempt begins.
    pub(crate) fn begin(&mut self) {
        self.busy = true;
    }

    /// Notes how it ended. A failure makes the next attempt wait longer, at the given pace.
    pub(crate) fn end(&mut self, result: Result<T, (String, String)>, pace: Pace, now: Timestamp) {
        self.busy = false;
        match result {
            Ok(done) => {
                self.done = Some(done);
                self.failure = None;
            }
            Err((reason, message)) => {
                let before = self.failure.as_ref().map(|failure| failure.backoff);
                let backoff = Backoff::next(before, pace, now, now);
                self.failure = Some(Failure { reason, message, at: now, backoff });
            }
        }
    }
}

/// Life of the pod's sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SandboxLife {
    /// Not made yet.
    #[default]
    Absent,
    /// Its shim lives.
    Ready,
    /// Its shim died.
    Lost,
    /// Stopped by the agent; the records of its containers remain.
    Stopped,
    /// Removed by the agent for good.
    Removed,
}

/// What the probes of a running container say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Probed {
    /// The startup probe succeeded. Meaningless without one.
    pub started: bool,
    /// The readiness probe succeeds. Meaningless without one.
    pub ready: bool,
    /// The liveness or startup probe failed for good: which one.
    pub failed: Option<&'static str>,
}

/// A `preStop` hook that is run ahead of the stop signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// It has not begun.
    #[default]
    Unsaid,
    /// It runs.
    Underway,
    /// It has ended, well or not.
    Said,
}

/// One container of the pod's specification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Life {
    /// The latest one in this sandbox.
    pub current: Option<Container>,
    /// The one before it, also of a sandbox before this one.
    pub last: Option<Container>,
    /// The image that the current one was asked for with.
    pub asked: Option<String>,
    /// Its `preStop` hook, when that is run before its turn to end comes.
    pub farewell: Farewell,
    /// It is replaced because its specification changed, whatever its policy says.
    pub replaced: bool,
    /// The image for the next one.
    pub image: Attempt<Image>,
    /// Making and starting the next one.
    pub making: Attempt<()>,
    /// Its `postStart` hook runs: until that is over, nobody else takes it for started.
    pub hooking: bool,
    /// It is being stopped and will have ended by then.
    pub stopping: Option<Timestamp>,
    /// Spacing of restarts.
    pub restarts: Option<Backoff>,
    /// Probes of the current one.
    pub probed: Probed,
    /// Resources of the current one.
    pub given: Given,
    /// Resources of the one that is being made.
    pub giving: Given,
    /// Giving other resources to the current one while it runs.
    pub resizing: Attempt<()>,
}

impl Life {
    /// Whether the current container runs.
    pub(crate) fn running(&self) -> bool {
        matches!(self.current, Some(Container { state: ContainerState::Running { .. }, .. }))
    }

    /// Whether something of it may run: it runs, or is just being made.
    pub(crate) fn alive(&self) -> bool {
        self.running() || self.making.busy
    }

    /// How the current container ended, when it did.
    pub(crate) fn exit(&self) -> Option<&Exit> {
        match &self.current {
            Some(Container { state: ContainerState::Exited(exit), .. }) => Some(exit),
            _ => None,
        }
    }

    /// Makes room for the next attempt.
    pub(crate) fn replace(&mut self, container: Container) {
        if let Some(before) = self.current.replace(container) {
            self.last = Some(before);
        }
        self.probed = Probed::default();
        self.given = std::mem::take(&mut self.giving);
        self.resizing = Attempt::default();
        self.stopping = None;
        self.hooking = false;
        self.replaced = false;
        self.farewell = Farewell::Unsaid;
    }
}

/// What the agent knows about one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// The API no longer has the pod.
    pub gone: bool,
    /// The node refuses the pod.
    pub rejected: Option<Rejection>,
    /// The node ends the pod, and why.
    pub ended_by_node: Option<Ending>,
    /// When the agent first saw the pod.
    pub start: Option<Timestamp>,
    /// Volumes: when they were last brought up to date.
    pub volumes: Attempt<Timestamp>,
    /// A `ConfigMap`, `Secret` or the pod's own metadata changed after that.
    pub volumes_stale: bool,
    /// Making the network and the sandbox.
    pub making: Attempt<()>,
    /// Stopping or removing them.
    pub ending: Attempt<()>,
    /// The sandbox.
    pub sandbox: SandboxLife,
    /// Addresses of the pod, the primary one first.
    pub addresses: Vec<IpAddr>,
    /// A resize that is asked for or under way.
    pub resize: Standing,
    /// Containers by name.
    pub containers: BTreeMap<String, Life>,
}

impl Observed {
    /// What is known about a container.
    pub(crate) fn life(&self, name: &str) -> Life {
        self.containers.get(name).cloned().unwrap_or_default()
    }

    /// Whether everything of the pod has been stopped or removed, or never was.
    pub(crate) fn torn_down(&self) -> bool {
        matches!(self.sandbox, SandboxLife::Stopped | SandboxLife::Removed)
    }

    /// The record of a container, to change.
    pub(crate) fn life_mut(&mut self, name: &str) -> &mut Life {
        self.containers.entry(name.to_owned()).or_default()
    }

    /// Takes over what the runtime says about a container, when that is newer than what is known.
    pub(crate) fn heard(&mut self, container: Container) {
        let life = self.life_mut(&container.name);
        match &life.current {
            Some(current) if current.id == container.id => {
                if rank(&container.state) >= rank(&current.state) {
                    life.current = Some(container);
                }
            }
            Some(current) if current.attempt > container.attempt => life.last = Some(container),
            _ => life.replace(container),
        }
    }

    /// The sandbox's shim died, and every container with it.
    pub(crate) fn lost(&mut self, now: Timestamp) {
        if self.sandbox == SandboxLife::Ready {
            self.sandbox = SandboxLife::Lost;
        }
        for life in self.containers.values_mut() {
            if let Some(container) = &mut life.current
                && !matches!(container.state, ContainerState::Exited(_))
            {
                container.state = ContainerState::Exited(lost_exit(&container.state, now));
            }
        }
    }

    /// All containers but those that somebody looks with begin again in the same sandbox. Restarts are spaced by the one that
    /// asked for it.
    pub(crate) fn start_over(&mut self, pod: &Pod, because: &str, now: Timestamp) {
        let looks = |name: &str| pod.spec.iter().flat_map(policy::ephemeral).any(|ephemeral| ephemeral.name == name);
        for (name, life) in self.containers.iter_mut().filter(|(name, _)| !looks(name)) {
            let ended = life.exit().map(|exit| moment(exit.finished_at));
            if let Some(ended) = ended.filter(|_| name == because) {
                life.restarts = Some(Backoff::next(life.restarts, Pace::CRASH, ended, now));
            }
            if let Some(container) = life.current.take() {
                life.last = Some(container);
            }
            life.replaced = false;
        }
    }

    /// The lost sandbox has been removed so that another one can be made: its containers become history.
    pub(crate) fn begin_again(&mut self) {
        self.sandbox = SandboxLife::Absent;
        self.making = Attempt::default();
        self.addresses.clear();
        for life in self.containers.values_mut() {
            if let Some(container) = life.current.take() {
                life.last = Some(container);
            }
            life.stopping = None;
        }
    }
}

/// States only move forward; the order says which of two reports is newer.
fn rank(state: &ContainerState) -> u8 {
    match state {
        ContainerState::Created => 0,
        ContainerState::Running { .. } => 1,
        ContainerState::Exited(_) => 2,
    }
}

/// The exit of a container whose end nobody saw. 137 is what the kubelet reports for it.
fn lost_exit(state: &ContainerState, now: Timestamp) -> Exit {
    Exit {
        started_at: started_at(state),
        finished_at: nanoseconds(now),
        code: 137,
        signal: None,
        oom_killed: false,
        message: "The container ended with its sandbox, whose process was killed".to_owned(),
        reason: "ContainerStatusUnknown".to_owned(),
    }
}

/// When a container started, as the runtime counts; 0 when it never did.
pub(crate) fn started_at(state: &ContainerState) -> i64 {
    match state {
        ContainerState::Running { started_at, .. } => *started_at,
        ContainerState::Created => 0,
        ContainerState::Exited(exit) => exit.started_at,
    }
}

/// A time as the runtime counts: nanoseconds since 1970.
pub(crate) fn nanoseconds(moment: Timestamp) -> i64 {
    i64::try_from(moment.as_nanosecond()).unwrap_or(i64::MAX)
}

/// A time of the runtime.
pub(crate) fn moment(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or(Timestamp::UNIX_EPOCH)
}
