//! Whether a pod should run, and if not, why it ends.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use runtime::contract::Exit;
use seam::Timestamp;

use crate::backoff::later;
use crate::ending::Ending;
use crate::observed::Observed;
use crate::policy::{self, Role};

/// What should become of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It runs.
    Run,
    /// It is being deleted and must have ended by then.
    Deleted(Timestamp),
    /// The API no longer has it.
    Gone,
    /// It ended by itself, or the API says that it did.
    Finished(Outcome),
    /// The node ends it.
    Failed {
        /// `status.reason`.
        reason: &'static str,
        /// `status.message`.
        message: String,
        /// Less time than its own grace, where the node has less.
        grace: Option<Duration>,
    },
}

/// How a pod ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every container with code 0.
    Succeeded,
    /// At least one container otherwise.
    Failed,
}

/// Judges.
pub(crate) fn verdict(pod: &Pod, seen: &Observed, now: Timestamp) -> Verdict {
    if seen.gone {
        return Verdict::Gone;
    }
    if let Some(deletion) = &pod.metadata.deletion_timestamp {
        return Verdict::Deleted(deletion.0);
    }
    match pod.status.as_ref().and_then(|status| status.phase.as_deref()) {
        Some("Succeeded") => return Verdict::Finished(Outcome::Succeeded),
        Some("Failed") => return Verdict::Finished(Outcome::Failed),
        _ => {}
    }
    let Some(spec) = &pod.spec else { return Verdict::Run };
    // Before what its containers say: those that the node ends for these reasons end like any other.
    if let Some(Ending { reason, message, grace, .. }) = &seen.ended_by_node {
        return Verdict::Failed { reason, message: message.clone(), grace: Some(*grace) };
    }
    if let Some(rejected) = &seen.rejected {
        let message = format!("Pod was rejected: {}", rejected.message);
        return Verdict::Failed { reason: rejected.reason, message, grace: None };
    }
    if deadline(spec, seen).is_some_and(|deadline| now >= deadline) {
        return Verdict::Failed {
            reason: "DeadlineExceeded",
            message: "Pod was active on the node longer than the specified deadline".to_owned(),
            grace: None,
        };
    }
    outcome(spec, seen).map_or(Verdict::Run, Verdict::Finished)
}

/// When `activeDeadlineSeconds` ends the pod.
pub(crate) fn deadline(spec: &PodSpec, seen: &Observed) -> Option<Timestamp> {
    Some(later(seen.start?, policy::seconds(spec.active_deadline_seconds?)))
}

/// How the pod ended by itself: nothing runs that counts, and nothing is started again.
pub(crate) fn outcome(spec: &PodSpec, seen: &Observed) -> Option<Outcome> {
    let restarts = |container: &Container, role, exit: &Exit| policy::restarts(spec, role, container, exit.code);
    for init in policy::init(spec).iter().filter(|init| !policy::is_sidecar(init)) {
        if let Some(exit) = seen.life(&init.name).exit()
            && exit.code != 0
            && !restarts(init, Role::Init, exit)
        {
            return Some(Outcome::Failed);
        }
    }
    let mut outcome = Outcome::Succeeded;
    for container in &spec.containers {
        let life = seen.life(&container.name);
        let exit = life.exit()?;
        if life.replaced || restarts(container, Role::Main, exit) {
            return None;
        }
        if exit.code != 0 {
            outcome = Outcome::Failed;
        }
    }
    (!spec.containers.is_empty()).then_some(outcome)
}
