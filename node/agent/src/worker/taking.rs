//! The worker's part in what a pod holds of the node: from when the node takes it until nothing of it runs.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, PodStatus};

use crate::admission::{self, Rejection};
use crate::context::Context;
use crate::events::{Note, Weight};
use crate::observed::SandboxLife;
use crate::policy;
use crate::worker::Worker;

/// Why the node does not take a pod of which nothing runs. One that ended needs nothing.
pub(super) fn refused(context: &Context, pod: &Pod) -> Option<Rejection> {
    if policy::has_ended(pod) {
        return None;
    }
    let (facts, lack) = (&context.facts, context.allocations.lack(pod));
    let refused =
        admission::admit(pod, facts.app_armor, &facts.unsafe_sysctls, &context.standing.borrow(), lack).err()?;
    context.events.note(Note::about(pod, None, Weight::Warning, refused.reason, refused.message.clone()));
    Some(refused)
}

impl Worker {
    /// Counts the pod before another one is looked at.
    pub(super) fn take(&mut self, pod: &Arc<Pod>) {
        if !policy::has_ended(pod) {
            let _sized = self.size(pod);
        }
    }

    /// Counts the pod no longer once nothing of it runs or ever will. That is before the server is told, so that what is bound
    /// in its place finds the room.
    pub(super) fn give_back(&self, pod: &Pod, status: &PodStatus) {
        let stands = matches!(self.seen.sandbox, SandboxLife::Ready | SandboxLife::Lost);
        let leaves = pod.metadata.deletion_timestamp.is_some() && !stands;
        if leaves || matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
            self.context.allocations.ended(policy::uid(pod));
        }
    }
}
