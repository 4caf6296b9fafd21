//! Why a node ends a pod that the API wants to run, and how much time that leaves the pod.

use std::time::Duration;

/// The condition of a pod that somebody ends for reasons that are not the pod's.
pub(crate) const DISRUPTION: &str = "DisruptionTarget";
/// The reason of that condition by which a controller tells such an end from one of the pod's own.
pub(crate) const BY_NODE: &str = "TerminationByKubelet";

/// An end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// `status.reason`.
    pub reason: &'static str,
    /// `status.message`.
    pub message: String,
    /// The most time its containers get; their own grace holds where that is less.
    pub grace: Duration,
    /// The pod is not to blame: condition `DisruptionTarget` says so (KEP-3329).
    pub disrupts: bool,
}

impl Ending {
    /// The pod uses more of the disk than it may. What takes too much is not given the time to take more.
    pub(crate) fn over_limit(message: String) -> Self {
        Self { reason: "Evicted", message, grace: Duration::ZERO, disrupts: false }
    }

    /// The node has too little of something.
    pub(crate) fn pressure(message: String, grace: Duration) -> Self {
        Self { reason: "Evicted", message, grace, disrupts: true }
    }

    /// The node shuts down.
    pub(crate) fn shutdown(grace: Duration) -> Self {
        let message = "Pod was terminated in response to imminent node shutdown.".to_owned();
        Self { reason: "Terminated", message, grace, disrupts: true }
    }
}
