//! Looks at the machine again and again, and carries out what follows.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Condition;
use super::choice::{self, Candidate, Resource};
use super::outlook::{self, Memory};
use super::reading::{self, Reading, Readings};
use crate::context::Context;
use crate::ending::Ending;
use crate::events::{Note, Weight};
use crate::pods::Pods;
use crate::policy;
use crate::protection::{Protection, Threshold};
use crate::seat::{News, Seat};
use crate::storage;
use runtime::contract::{ContainerState, RuntimeError, SandboxId};

/// How often the machine is looked at, as by the kubelet.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long an evicted pod is waited for, so that what it gives back counts before another goes. As with the kubelet.
const CLEANUP_MAX: Duration = Duration::from_secs(30);
/// Between two looks at whether it has ended.
const CLEANUP_LOOK: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug)]
pub(crate) struct Guard {
    context: Arc<Context>,
    pods: Arc<Pods>,
    protection: Protection,
    /// Where images are.
    images: PathBuf,
    memory: Memory,
}

impl Guard {
    /// Of a node's pods.
    pub(crate) fn new(context: Arc<Context>, pods: Arc<Pods>, protection: Protection, images: PathBuf) -> Self {
        Self { context, pods, protection, images, memory: Memory::default() }
    }

    /// Looks, for ever.
    pub(crate) async fn watch(mut self) {
        loop {
            if !self.look().await {
                self.context.seam.sleep(LOOK_EVERY).await;
            }
        }
    }

    /// One look. Whether a pod was evicted, and another look is due at once.
    async fn look(&mut self) -> bool {
        let Some(readings) = self.read().await else { return false };
        let now = self.context.seam.now();
        let outlook = outlook::look(&self.protection, &readings, &mut self.memory, now);
        self.context.standing.send_if_modified(|standing| {
            let news = standing.conditions != outlook.conditions;
            standing.conditions = outlook.conditions;
            news
        });
        let Some((threshold, reading)) = outlook.acute else { return false };
        let name = Resource::of(threshold.signal).name();
        let message = format!("Attempting to reclaim {name}");
        self.context.events.note(Note::about_node(
            &self.context.facts.name,
            Weight::Warning,
            "EvictionThresholdMet",
            message,
        ));
        if Condition::of(threshold.signal) == Condition::Disk && self.reclaim().await && self.is_over(&threshold).await
        {
            return false;
        }
        match self.evict(&threshold, &reading).await {
            Some(seat) => self.gone(&seat).await,
            None => {
                tracing::warn!(resource = name, "the node is short of it, and no pod can be evicted");
                false
            }
        }
    }

    async fn read(&self) -> Option<Readings> {
        let (pods, images) = (self.context.dir.clone(), self.images.clone());
        let read = tokio::task::spawn_blocking(move || reading::read(&pods, &images)).await;
        read.inspect_err(|error| tracing::warn!(%error, "not looked at what is left")).ok()
    }

    /// Removes what nobody misses: containers of pods that have ended, and images that nothing runs of. Whether that freed
    /// anything.
    async fn reclaim(&self) -> bool {
        let seats = self.pods.all();
        let (ended, living): (Vec<_>, Vec<_>) = seats.iter().partition(|seat| seat.has_ended());
        let removed = match self.remove_containers(&ended).await {
            Ok(removed) => removed,
            Err(error) => {
                tracing::warn!(%error, "not every dead container was removed");
                true
            }
        };
        match self.remove_images(&living).await {
            Ok(freed) => removed || freed > 0,
            Err(error) => {
                tracing::warn!(%error, "unused images were not removed");
                removed
            }
        }
    }

    async fn remove_containers(&self, ended: &[&Arc<Seat>]) -> Result<bool, RuntimeError> {
        let dead: BTreeSet<String> = ended.iter().map(|seat| policy::uid(&seat.pod()).to_owned()).collect();
        let mut removed = false;
        for container in self.context.runtime.list_containers().await? {
            if dead.contains(&*container.sandbox.0) && matches!(container.state, ContainerState::Exited(_)) {
                self.context.runtime.remove_container(&container.id).await?;
                removed = true;
            }
        }
        Ok(removed)
    }

    async fn remove_images(&self, living: &[&Arc<Seat>]) -> Result<u64, RuntimeError> {
        let mut used = Vec::new();
        for pod in living.iter().map(|seat| seat.pod()) {
            let images = pod.spec.iter().flat_map(policy::images);
            for image in images.collect::<Vec<_>>() {
                used.extend(self.context.runtime.image_status(&image).await?.map(|found| found.id));
            }
        }
        self.context.runtime.remove_unused_images(&used).await
    }

    /// Whether there is enough again of what a threshold watches.
    async fn is_over(&self, threshold: &Threshold) -> bool {
        let reading = self.read().await.and_then(|readings| readings.get(threshold.signal));
        reading.is_some_and(|reading| !outlook::is_met(threshold, &reading, true))
    }

    /// Ends the first pod that may go.
    async fn evict(&self, threshold: &Threshold, reading: &Reading) -> Option<Arc<Seat>> {
        let resource = Resource::of(threshold.signal);
        let mut candidates = Vec::new();
        for seat in self.pods.all().into_iter().filter(|seat| !seat.has_ended()) {
            candidates.extend(self.candidate(&seat, resource).await);
        }
        let first = choice::order(candidates, resource).into_iter().next()?;
        let seat = self.pods.all().into_iter().find(|seat| policy::uid(&seat.pod()) == policy::uid(&first.pod))?;
        let grace = if threshold.is_hard() { Duration::ZERO } else { self.protection.soft_grace_max };
        seat.tell(News::Ends(Ending::pressure(choice::message(&first, threshold, reading), grace)));
        Some(seat)
    }

    /// What a pod uses; none when nothing of it runs.
    async fn candidate(&self, seat: &Seat, resource: Resource) -> Option<Candidate> {
        let pod = seat.pod();
        let read = match resource {
            Resource::Memory | Resource::Pids => self.counted(&pod, resource).await,
            Resource::Storage | Resource::Inodes => storage::measure(&self.context, &pod).await.map(|held| {
                held.counted(|taken| if resource == Resource::Inodes { taken.inodes } else { taken.bytes })
            }),
        };
        match read {
            Ok((used, containers)) => Some(Candidate { pod, used, containers }),
            Err(error) => {
                tracing::debug!(error, pod = policy::full_name(&pod), "not measured");
                None
            }
        }
    }

    async fn counted(
        &self,
        pod: &k8s_openapi::api::core::v1::Pod,
        resource: Resource,
    ) -> Result<(u64, Vec<(String, u64)>), String> {
        let usage = self.context.runtime.usage(&SandboxId(policy::uid(pod).into())).await;
        let usage = usage.map_err(|error| error.to_string())?;
        Ok(match resource {
            Resource::Pids => (usage.total.pids, Vec::new()),
            Resource::Memory | Resource::Storage | Resource::Inodes => {
                let containers = usage.containers.into_iter();
                let containers = containers.map(|container| (container.name, container.usage.memory_working_set));
                (usage.total.memory_working_set, containers.collect())
            }
        })
    }

    /// Waits until an evicted pod has ended. Whether it has.
    async fn gone(&self, seat: &Seat) -> bool {
        let begun = self.context.seam.moment();
        while !seat.has_ended() {
            if self.context.seam.moment().since(begun) > CLEANUP_MAX {
                tracing::warn!(pod = policy::full_name(&seat.pod()), "an evicted pod has not ended yet");
                return false;
            }
            self.context.seam.sleep(CLEANUP_LOOK).await;
        }
        true
    }
}
