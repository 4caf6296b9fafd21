//! What to do next for one pod: a pure function of its specification, what is known about it, and the time.
//!
//! A plan never waits. It names the steps that may begin now, why containers wait, and when to look again; every step that
//! has begun is marked busy in [`Observed`], so planning twice starts nothing twice.

mod end;
mod run;
pub(crate) mod start_over;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use runtime::contract::ContainerId;
use seam::Timestamp;

use crate::observed::Observed;
use crate::verdict::{self, Verdict};

/// Something to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Make the volumes, or bring their contents up to date.
    Volumes,
    /// Attach the pod to the network and make its sandbox.
    Sandbox,
    /// Have the image of a container, by its pull policy.
    Image {
        /// Container name.
        container: String,
    },
    /// Create and start a container.
    Start {
        /// Container name.
        container: String,
        /// How often it was made before.
        attempt: u32,
    },
    /// Start a container that an agent before this one created.
    Resume {
        /// Container name.
        container: String,
        /// Which.
        id: ContainerId,
    },
    /// Stop a running container.
    Stop {
        /// Container name.
        container: String,
        /// Which.
        id: ContainerId,
        /// From the stop signal to `SIGKILL`, the `preStop` hook included.
        grace: Duration,
        /// What the event says.
        why: String,
        /// Another takes its place, whatever its policy says.
        replaced: bool,
        /// Its `preStop` hook has run already.
        hooked: bool,
    },
    /// Run the `preStop` hook of a sidecar whose turn to end has not come.
    Farewell {
        /// Container name.
        container: String,
        /// Which.
        id: ContainerId,
        /// How long it may take.
        grace: Duration,
    },
    /// Remove a sandbox whose shim died, to make another.
    Renew,
    /// Forget that containers ran, so that all of them begin again.
    StartOver {
        /// The container whose end asks for it.
        because: String,
    },
    /// Give a running container what its specification asks for now.
    Resize {
        /// Container name.
        container: String,
        /// Which.
        id: ContainerId,
    },
    /// Stop the sandbox of a pod that has ended, give back its network and volumes, and keep its records and logs.
    Retire,
    /// Remove everything of the pod from the node.
    Remove,
    /// Tell the API that nothing of a deleted pod is left.
    ConfirmDeletion,
    /// Forget a pod of which neither API nor node have anything.
    Forget,
}

/// Why a container does not run yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// `waiting.reason`.
    pub reason: String,
    /// `waiting.message`.
    pub message: String,
}

/// What to do next for one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Steps that may begin now, all at once.
    pub steps: Vec<Step>,
    /// Containers that wait for a named reason, by name.
    pub waiting: BTreeMap<String, Waiting>,
    /// When to plan again even if nothing happens.
    pub look_at: Option<Timestamp>,
}

impl Plan {
    fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn look(&mut self, at: Timestamp) {
        self.look_at = Some(self.look_at.map_or(at, |before| before.min(at)));
    }

    fn wait(&mut self, container: &str, reason: &str, message: String) {
        self.waiting.insert(container.to_owned(), Waiting { reason: reason.to_owned(), message });
    }
}

/// Plans.
pub(crate) fn plan(pod: &Pod, seen: &Observed, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let Some(spec) = &pod.spec else { return plan };
    match verdict::verdict(pod, seen, now) {
        Verdict::Run => {
            if let Some(deadline) = verdict::deadline(spec, seen) {
                plan.look(deadline);
            }
            let connected = seen.sandbox == crate::observed::SandboxLife::Ready;
            if !connected || !start_over::plan(pod, spec, seen, now, &mut plan) {
                run::plan(pod, spec, seen, now, &mut plan);
            }
        }
        verdict => end::plan(spec, seen, &verdict, now, &mut plan),
    }
    plan
}
