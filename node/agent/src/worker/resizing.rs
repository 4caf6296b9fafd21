//! The worker's part in a resize: which resources its pod was promised, and what is told on the way (KEP-1287).

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch;

use crate::allocation::{Shares, as_allocated};
use crate::events::{Note, Weight};
use crate::given::Given;
use crate::observed::Attempt;
use crate::policy;
use crate::resize;
use crate::worker::Worker;

/// The pod with the resources that it was promised.
#[derive(Debug)]
pub(super) struct Sized {
    /// The pod as last heard, from which this follows.
    stored: Option<Arc<Pod>>,
    /// The same with promised resources.
    allocated: Arc<Pod>,
    shares: Shares,
    turns: watch::Receiver<()>,
}

impl Sized {
    pub(super) fn new(turns: watch::Receiver<()>) -> Self {
        Self { stored: None, allocated: Arc::default(), shares: Shares::new(), turns }
    }

    /// Waits until those who wait for resources have another answer.
    pub(super) async fn turn(&mut self) {
        if self.turns.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn generation(pod: &Pod) -> i64 {
    pod.metadata.generation.unwrap_or_default()
}

impl Worker {
    /// Takes up what a pod that runs already was promised by an agent before this one.
    pub(super) fn recall(&mut self, pod: &Arc<Pod>) {
        let Some((shares, lagging)) = self.context.allocations.recall(pod) else { return };
        for (name, share) in &shares {
            let has = lagging.get(name).unwrap_or(share);
            self.seen.life_mut(name).given = has.clone();
        }
        let allocated = as_allocated(pod, &shares);
        self.seen.resize.begun = (!lagging.is_empty()).then(|| generation(pod));
        (self.sized.shares, self.sized.allocated) = (shares, allocated);
    }

    /// The pod as it was promised resources. Everything else of the agent sees this form only.
    pub(super) fn size(&mut self, pod: &Arc<Pod>) -> Arc<Pod> {
        let waits = self.seen.resize.pending.is_some();
        if self.seen.torn_down() || self.seen.rejected.is_some() {
            return as_allocated(pod, &self.sized.shares);
        }
        let same = self.sized.stored.as_ref().is_some_and(|stored| Arc::ptr_eq(stored, pod));
        if same && !waits {
            return Arc::clone(&self.sized.allocated);
        }
        let settled = self.context.allocations.settle(pod, self.context.seam.now());
        let before = std::mem::replace(&mut self.sized.shares, settled.shares);
        self.sized.allocated = as_allocated(pod, &self.sized.shares);
        self.sized.stored = Some(Arc::clone(pod));
        if !before.is_empty() && before != self.sized.shares {
            self.seen.resize.begun = Some(generation(pod));
            // What failed was another wish.
            for life in self.seen.containers.values_mut() {
                life.resizing = Attempt { busy: life.resizing.busy, ..Attempt::default() };
            }
            self.tell_resize(&self.sized.allocated, Weight::Normal, "ResizeStarted", "started", None);
        }
        if let Some(pending) =
            settled.pending.as_ref().filter(|pending| self.seen.resize.pending.as_ref() != Some(pending))
        {
            let (word, message) = pending.words();
            let reason = if word == "Deferred" { "ResizeDeferred" } else { "ResizeInfeasible" };
            self.tell_resize(pod, Weight::Warning, reason, word, Some(message));
        }
        self.seen.resize.pending = settled.pending;
        Arc::clone(&self.sized.allocated)
    }

    /// Notes a resize that every running container has.
    pub(super) fn finish_resize(&mut self, pod: &Arc<Pod>) {
        let lags = |(name, share): (&String, &Given)| {
            self.seen.containers.get(name).is_some_and(|life| life.running() && life.given != *share)
        };
        if self.seen.resize.begun.is_some() && !self.sized.shares.iter().any(lags) {
            self.seen.resize.begun = None;
            self.tell_resize(pod, Weight::Normal, "ResizeCompleted", "completed", None);
        }
    }

    /// Takes over how giving a container other resources ended.
    pub(super) fn resized(&mut self, pod: &Arc<Pod>, name: &str, given: Given, outcome: Result<(), (String, String)>) {
        let now = self.context.seam.now();
        let life = self.seen.life_mut(name);
        let first = life.resizing.failure.is_none();
        match &outcome {
            Ok(()) => {
                self.context.allocations.applied(policy::uid(pod), name, &given);
                life.given = given;
            }
            Err((_, message)) if first => {
                let message = message.clone();
                self.tell_resize(pod, Weight::Warning, "ResizeError", "error", Some(&message));
            }
            // The next attempts say the same.
            Err(_) => {}
        }
        self.seen.life_mut(name).resizing.end(outcome, crate::backoff::Pace::SOON, now);
    }

    fn tell_resize(&self, pod: &Pod, weight: Weight, reason: &'static str, what: &str, error: Option<&str>) {
        let message = resize::message(what, pod, generation(pod), error);
        self.context.events.note(Note::about(pod, None, weight, reason, message));
    }
}
