//! Watches Services, `EndpointSlices` and the ranges of Services, keeps the pod network's table as they say, and names
//! Services to containers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use network::contract::Services;
use seam::{Seam, Task};
use tokio::sync::watch;

use crate::contract::PodNetworking;
use crate::services;

/// Changes that come this close together are applied as one table.
const DEBOUNCE: Duration = Duration::from_millis(20);
/// Wait before a failed watch or a refused table is tried again.
const RETRY: Duration = Duration::from_secs(1);

type Objects<K> = BTreeMap<(String, String), Arc<K>>;

/// What is known of one kind.
#[derive(Debug)]
struct Kept<K> {
    objects: Objects<K>,
    listed: bool,
}

impl<K> Default for Kept<K> {
    fn default() -> Self {
        Self { objects: Objects::new(), listed: false }
    }
}

#[derive(Debug, Default)]
struct Known {
    services: Kept<Service>,
    slices: Kept<EndpointSlice>,
    ranges: Kept<ServiceCIDR>,
}

/// Services as last heard.
#[derive(Clone, Debug)]
pub(crate) struct ServiceWatch {
    known: Arc<Mutex<Known>>,
    version: Arc<watch::Sender<u64>>,
}

impl ServiceWatch {
    /// Nothing known yet.
    pub(crate) fn new() -> Self {
        Self { known: Arc::default(), version: Arc::new(watch::Sender::new(0)) }
    }

    /// Starts watching and applying.
    pub(crate) fn start(
        &self,
        seam: &Seam,
        client: &Client,
        network: Arc<dyn PodNetworking>,
        node: String,
    ) -> Vec<Task> {
        let services =
            follow(self.clone(), seam.clone(), Api::<Service>::all(client.clone()), |known| &mut known.services);
        let slices =
            follow(self.clone(), seam.clone(), Api::<EndpointSlice>::all(client.clone()), |known| &mut known.slices);
        let ranges =
            follow(self.clone(), seam.clone(), Api::<ServiceCIDR>::all(client.clone()), |known| &mut known.ranges);
        vec![
            seam.spawn("watch services", services),
            seam.spawn("watch endpoints", slices),
            seam.spawn("watch ranges of services", ranges),
            seam.spawn("apply services", apply(self.clone(), seam.clone(), network, node)),
        ]
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
        self.version.send_modify(|version| *version += 1);
    }

    /// Variables that name the Services of a namespace, once the Services are known.
    pub(crate) async fn environment(&self, namespace: &str, links: bool) -> Vec<(String, String)> {
        let mut version = self.version.subscribe();
        loop {
            version.borrow_and_update();
            {
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if known.services.listed {
                    return services::environment(known.services.objects.values().map(Arc::as_ref), namespace, links);
                }
            }
            if version.changed().await.is_err() {
                return Vec::new();
            }
        }
    }

    /// The Services as if they had been listed: for pods of tests.
    #[cfg(test)]
    pub(crate) fn listed(self) -> Self {
        self.change(|known| known.services.listed = true);
        self
    }
}

async fn follow<K>(watch: ServiceWatch, seam: Seam, api: Api<K>, part: fn(&mut Known) -> &mut Kept<K>)
where
    K: kube::Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    let key = |object: &K| (object.namespace().unwrap_or_default(), object.name_any());
    let events = watcher::watcher(api, watcher::Config::default());
    pin_mut!(events);
    let mut fresh = Objects::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => fresh = Objects::new(),
            Ok(Event::InitApply(object)) => drop(fresh.insert(key(&object), Arc::new(object))),
            Ok(Event::InitDone) => {
                let objects = std::mem::take(&mut fresh);
                watch.change(|known| *part(known) = Kept { objects, listed: true });
            }
            Ok(Event::Apply(object)) => watch.change(|known| {
                part(known).objects.insert(key(&object), Arc::new(object));
            }),
            Ok(Event::Delete(object)) => watch.change(|known| {
                part(known).objects.remove(&key(&object));
            }),
            Err(error) => {
                tracing::debug!(%error, "watch of services interrupted");
                seam.sleep(RETRY).await;
            }
        }
    }
}

async fn apply(watch: ServiceWatch, seam: Seam, network: Arc<dyn PodNetworking>, node: String) {
    let mut version = watch.version.subscribe();
    let mut applied = None;
    while version.changed().await.is_ok() {
        seam.sleep(DEBOUNCE).await;
        version.borrow_and_update();
        let table = {
            let known = watch.known.lock().unwrap_or_else(PoisonError::into_inner);
            let Known { services, slices, ranges } = &*known;
            if !services.listed || !slices.listed || !ranges.listed {
                continue;
            }
            let (all, slices) = (services.objects.values(), slices.objects.values());
            let ports = services::table(all.map(Arc::as_ref), slices.map(Arc::as_ref), &node);
            Services { ranges: services::ranges(ranges.objects.values().map(Arc::as_ref)), ports }
        };
        if applied.as_ref() == Some(&table) {
            continue;
        }
        match network.set_services(&table).await {
            Ok(()) => applied = Some(table),
            Err(error) => {
                tracing::warn!(%error, "services not applied, will try again");
                seam.sleep(RETRY).await;
                version.mark_changed();
            }
        }
    }
}
