//! All pods of the node: one worker for each, fed by the API's watch and the runtime's events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::watcher::{self, Event};
use runtime::contract::{Container, ContainerState, RuntimeError, RuntimeEvent, SandboxId};
use seam::{Seam, Task};
use tokio::sync::mpsc;

use crate::context::Context;
use crate::policy;
use crate::seat::{News, Seat};
use crate::static_pods::{Mirrors, is_mirror, is_static};
use crate::worker::{Adopted, Worker};

/// Wait before a failed watch is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// How often the runtime is asked for ends that nobody was told of.
const RELIST: Duration = Duration::from_mins(1);

/// The pods of the node by uid.
#[derive(Debug)]
pub(crate) struct Pods {
    context: Arc<Context>,
    seats: Mutex<BTreeMap<String, (Arc<Seat>, Task)>>,
    adopted: Mutex<BTreeMap<SandboxId, Adopted>>,
    heard_of: Mutex<HeardOf>,
}

/// Who has said which pods there are. What nobody wants is known only when both have.
#[derive(Clone, Copy, Debug, Default)]
struct HeardOf {
    api: bool,
    sources: bool,
}

impl Pods {
    /// Takes stock of what runs already.
    ///
    /// # Errors
    /// When the runtime cannot be read.
    pub(crate) async fn new(context: Arc<Context>) -> Result<Self, RuntimeError> {
        let mut adopted: BTreeMap<SandboxId, Adopted> = BTreeMap::new();
        for sandbox in context.runtime.list_pod_sandboxes().await? {
            let id = sandbox.config.id.clone();
            adopted.entry(id).or_default().sandbox = Some(sandbox);
        }
        for uid in context.network.attached().await {
            adopted.entry(SandboxId(uid.into())).or_default();
        }
        // An agent that died while it removed a pod may have left nothing but its directory.
        for uid in directories(&context.dir.join("pods")) {
            adopted.entry(SandboxId(uid.into())).or_default();
        }
        for container in context.runtime.list_containers().await? {
            adopted.entry(container.sandbox.clone()).or_default().containers.push(container);
        }
        let (seats, heard_of) = (Mutex::default(), Mutex::default());
        Ok(Self { context, seats, adopted: Mutex::new(adopted), heard_of })
    }

    /// Time and tasks.
    pub(crate) fn seam(&self) -> &Seam {
        &self.context.seam
    }

    /// The mirrors of static pods.
    pub(crate) fn mirrors(&self) -> &Mirrors {
        &self.context.mirrors
    }

    fn seat(&self, uid: &str) -> Option<Arc<Seat>> {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.get(uid).map(|(seat, _)| Arc::clone(seat))
    }

    /// Every pod.
    pub(crate) fn all(&self) -> Vec<Arc<Seat>> {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.values().map(|(seat, _)| Arc::clone(seat)).collect()
    }

    /// The pod of that name: the youngest one, if an older one of the same name is still ending.
    pub(crate) fn named(&self, namespace: &str, name: &str) -> Option<Arc<Seat>> {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let same = seats.values().map(|(seat, _)| seat).filter(|seat| {
            let pod = seat.pod();
            policy::namespace(&pod) == namespace && policy::name(&pod) == name
        });
        same.max_by_key(|seat| (!seat.is_gone(), seat.pod().metadata.creation_timestamp.clone())).cloned()
    }

    /// Takes over a pod as the API has it.
    pub(crate) fn apply(self: &Arc<Self>, pod: Pod) {
        let uid = policy::uid(&pod).to_owned();
        let pod = Arc::new(pod);
        if let Some(seat) = self.seat(&uid) {
            return seat.set_pod(pod);
        }
        let adopted =
            self.adopted.lock().unwrap_or_else(PoisonError::into_inner).remove(&SandboxId(uid.as_str().into()));
        let seat = Arc::new(Seat::new(pod));
        let worker = Worker::new(Arc::clone(&self.context), Arc::clone(&seat), adopted.unwrap_or_default());
        let (pods, key) = (Arc::clone(self), uid.clone());
        let task = self.context.seam.spawn("pod", async move {
            worker.run().await;
            pods.seats.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        });
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, (seat, task));
    }

    /// Takes over what the API says about a pod, or about the mirror of one.
    fn heard(self: &Arc<Self>, pod: Pod) {
        if is_mirror(&pod) {
            self.mirrors().apply(&pod);
            self.mirrored(&pod);
        } else {
            self.apply(pod);
        }
    }

    /// The API no longer has a pod.
    fn lost(&self, pod: &Pod) {
        if is_mirror(pod) {
            self.mirrors().remove(pod);
            self.mirrored(pod);
        } else if let Some(seat) = self.seat(policy::uid(pod)) {
            seat.set_gone();
        }
    }

    /// Tells a static pod that its mirror changed.
    fn mirrored(&self, mirror: &Pod) {
        if let Some(seat) = self.named(policy::namespace(mirror), policy::name(mirror)) {
            seat.tell(News::Mirrored);
        }
    }

    /// The static pods that are not ending.
    pub(crate) fn static_pods(&self) -> Vec<Arc<Pod>> {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let pods = seats.values().filter(|(seat, _)| !seat.is_gone()).map(|(seat, _)| seat.pod());
        pods.filter(|pod| is_static(pod)).collect()
    }

    /// The sources of static pods name exactly these, by uid. One that has to wait until another of its name has ended stays in
    /// `wanted`. `all` tells that every source has been read.
    pub(crate) fn set_static(self: &Arc<Self>, wanted: &mut BTreeMap<String, Pod>, all: bool) {
        let present: Vec<Arc<Seat>> = {
            let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
            seats.values().map(|(seat, _)| Arc::clone(seat)).filter(|seat| is_static(&seat.pod())).collect()
        };
        for seat in present.iter().filter(|seat| !wanted.contains_key(policy::uid(&seat.pod()))) {
            seat.set_gone();
        }
        wanted.retain(|uid, pod| {
            let same = |seat: &Arc<Seat>| {
                let other = seat.pod();
                policy::name(&other) == policy::name(pod) && policy::namespace(&other) == policy::namespace(pod)
            };
            let here = present.iter().any(|seat| policy::uid(&seat.pod()) == uid);
            let waits = !here && present.iter().any(same);
            if !here && !waits {
                self.apply(pod.clone());
            }
            waits
        });
        self.mirrors().poke();
        self.heard_of.lock().unwrap_or_else(PoisonError::into_inner).sources |= all;
        self.sweep();
    }

    /// The API has exactly these pods.
    fn settle(&self, listed: &BTreeSet<String>) {
        {
            let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
            let asked_for = seats.iter().filter(|(_, (seat, _))| !is_static(&seat.pod()));
            asked_for.filter(|(uid, _)| !listed.contains(*uid)).for_each(|(_, (seat, _))| seat.set_gone());
        }
        self.mirrors().settle(listed);
        self.heard_of.lock().unwrap_or_else(PoisonError::into_inner).api = true;
        self.sweep();
    }

    /// Removes the sandboxes that nobody wants, once everybody has been heard.
    fn sweep(&self) {
        let heard = *self.heard_of.lock().unwrap_or_else(PoisonError::into_inner);
        if !heard.api || !heard.sources {
            return;
        }
        let orphans = std::mem::take(&mut *self.adopted.lock().unwrap_or_else(PoisonError::into_inner));
        for (id, _) in orphans {
            drop(self.context.seam.spawn("orphan", remove(Arc::clone(&self.context), id)));
        }
    }

    /// Follows the API's pods of this node, for ever.
    pub(crate) async fn follow(self: Arc<Self>, api: Api<Pod>) {
        let config = watcher::Config::default().fields(&format!("spec.nodeName={}", self.context.facts.name));
        let events = watcher::watcher(api, config);
        pin_mut!(events);
        let mut listed = BTreeSet::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(pod)) => {
                    listed.insert(policy::uid(&pod).to_owned());
                    self.heard(pod);
                }
                Ok(Event::InitDone) => self.settle(&listed),
                Ok(Event::Apply(pod)) => self.heard(pod),
                Ok(Event::Delete(pod)) => self.lost(&pod),
                Err(error) => {
                    tracing::debug!(%error, "watch of pods interrupted; what runs keeps running");
                    self.context.seam.sleep(RETRY).await;
                }
            }
        }
    }

    /// Passes on what the runtime says, for ever.
    pub(crate) async fn listen(self: Arc<Self>, mut events: mpsc::Receiver<RuntimeEvent>) {
        let seam = self.context.seam.clone();
        loop {
            match seam.timeout(RELIST, events.recv()).await {
                Ok(Some(RuntimeEvent::Exited(container))) => self.ended(*container),
                Ok(Some(RuntimeEvent::SandboxLost(id))) => {
                    if let Some(seat) = self.seat(&id.0) {
                        seat.tell(News::Lost);
                    }
                }
                Ok(None) => return,
                Err(_) => self.relist().await,
            }
        }
    }

    fn ended(&self, container: Container) {
        match self.seat(&container.sandbox.0) {
            Some(seat) => seat.tell(News::Ended(container)),
            None => {
                // Its pod has not been heard of yet: the worker will find it among what it adopts.
                let mut adopted = self.adopted.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(known) = adopted.get_mut(&container.sandbox) {
                    known.containers.retain(|before| before.id != container.id);
                    known.containers.push(container);
                }
            }
        }
    }

    async fn relist(&self) {
        match self.context.runtime.list_containers().await {
            Ok(all) => {
                all.into_iter().filter(|c| matches!(c.state, ContainerState::Exited(_))).for_each(|c| self.ended(c));
            }
            Err(error) => tracing::warn!(%error, "containers not listed"),
        }
    }

    /// Stops all workers; their pods keep running.
    pub(crate) fn stop(&self) {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.values().for_each(|(_, task)| task.abort());
    }

    /// Stops and removes everything that runs.
    pub(crate) async fn remove_all(&self) {
        self.stop();
        let sandboxes = match self.context.runtime.list_pod_sandboxes().await {
            Ok(sandboxes) => sandboxes,
            Err(error) => return tracing::error!(%error, "sandboxes not listed: they are left"),
        };
        let removals = sandboxes.into_iter().map(|sandbox| remove(Arc::clone(&self.context), sandbox.config.id));
        futures::future::join_all(removals).await;
    }
}

/// The pods that have a directory.
fn directories(pods: &std::path::Path) -> Vec<String> {
    match std::fs::read_dir(pods) {
        Ok(entries) => entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect(),
        Err(error) => {
            tracing::debug!(%error, dir = %pods.display(), "no directories of pods");
            Vec::new()
        }
    }
}

/// Removes what is left of a pod that nobody wants any more.
async fn remove(context: Arc<Context>, id: SandboxId) {
    let attempt = async {
        context.runtime.stop_pod_sandbox(&id).await.map_err(|error| error.to_string())?;
        context.runtime.remove_pod_sandbox(&id).await.map_err(|error| error.to_string())?;
        context.network.detach(&id.0).await.map_err(|error| error.to_string())?;
        let volumes = crate::volumes::Volumes::new(context.pod_dir(&id.0), None);
        volumes.remove_pod().map_err(|error| error.to_string())
    };
    if let Err(error) = attempt.await {
        tracing::warn!(pod = %id.0, error, "not everything of the pod was removed");
    }
}

#[cfg(test)]
mod tests;
