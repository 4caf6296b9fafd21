//! Ephemeral storage: what a pod holds on the node's disk, and when that is too much.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use runtime::contract::{Container as Running, ContainerState};
use runtime::disk::Taken;

use crate::amount;
use crate::context::Context;
use crate::ending::Ending;
use crate::pods::Pods;
use crate::policy;
use crate::seat::News;

/// How often pods with limits are measured, as often as the kubelet looks for reasons to evict.
const MEASURE_EVERY: Duration = Duration::from_secs(10);
/// The resource's name.
const NAME: &str = "ephemeral-storage";

/// What a pod holds on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Writable layers and logs, by container.
    pub containers: Vec<(String, Taken)>,
    /// `emptyDir` volumes on disk, by name.
    pub volumes: Vec<(String, Taken)>,
}

impl Held {
    /// One side of it: of all together, and of each container.
    pub(crate) fn counted(&self, of: impl Fn(&Taken) -> u64) -> (u64, Vec<(String, u64)>) {
        let all = self.containers.iter().chain(&self.volumes).map(|(_, taken)| *taken).sum();
        (of(&all), self.containers.iter().map(|(name, taken)| (name.clone(), of(taken))).collect())
    }
}

/// Why a pod is evicted, in Kubernetes' words; none while it keeps its limits.
fn excess(spec: &PodSpec, held: &Held) -> Option<String> {
    for volume in spec.volumes.iter().flatten() {
        let limit = volume.empty_dir.as_ref().and_then(|dir| dir.size_limit.as_ref());
        let Some((limit, bytes)) = limit.and_then(|limit| Some((limit, bytes(limit)?))) else { continue };
        if held.volumes.iter().any(|(name, used)| *name == volume.name && used.bytes > bytes) {
            return Some(format!("Usage of EmptyDir volume \"{}\" exceeds the limit \"{}\". ", volume.name, limit.0));
        }
    }
    let limits: Vec<&Quantity> = all(spec).filter_map(limit).collect();
    let total = limits.iter().filter_map(|limit| bytes(limit)).sum::<u64>();
    let used = held.containers.iter().chain(&held.volumes).map(|(_, used)| used.bytes).sum::<u64>();
    if !limits.is_empty() && used > total {
        let total = match limits.as_slice() {
            [only] => only.0.clone(),
            _ => written(total),
        };
        return Some(format!("Pod ephemeral local storage usage exceeds the total limit of containers {total}. "));
    }
    all(spec).find_map(|container| {
        let limit = limit(container)?;
        let used = held.containers.iter().find(|(name, _)| *name == container.name)?.1.bytes;
        let exceeded = used > bytes(limit)?;
        let name = &container.name;
        exceeded.then(|| format!("Container {name} exceeded its local ephemeral storage limit \"{}\". ", limit.0))
    })
}

fn all(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.containers.iter().chain(policy::init(spec))
}

fn limit(container: &Container) -> Option<&Quantity> {
    container.resources.as_ref()?.limits.as_ref()?.get(NAME)
}

fn bytes(limit: &Quantity) -> Option<u64> {
    amount::whole(limit)
}

/// An amount in the largest binary unit that divides it.
pub(crate) fn written(bytes: u64) -> String {
    let units = ["Ei", "Pi", "Ti", "Gi", "Mi", "Ki"].iter().zip([60, 50, 40, 30, 20, 10]);
    let fitting = units.into_iter().find(|(_, shift)| bytes >> shift << shift == bytes && bytes > 0);
    fitting.map_or_else(|| bytes.to_string(), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

/// Whether anything of the pod is bounded, and so worth measuring.
fn is_bounded(spec: &PodSpec) -> bool {
    let volumes = spec.volumes.iter().flatten();
    all(spec).any(|container| limit(container).is_some())
        || volumes.filter_map(|volume| volume.empty_dir.as_ref()).any(|dir| dir.size_limit.is_some())
}

/// Measures pods and has those evicted that hold too much, for ever.
pub(crate) async fn watch(context: Arc<Context>, pods: Arc<Pods>) {
    loop {
        context.seam.sleep(MEASURE_EVERY).await;
        let seats = pods.all().into_iter().filter(|seat| !seat.has_ended()).map(|seat| (seat.pod(), seat));
        let bounded = seats.filter(|(pod, _)| pod.spec.as_ref().is_some_and(is_bounded));
        for (pod, seat) in bounded.collect::<Vec<_>>() {
            let held = match measure(&context, &pod).await {
                Ok(held) => held,
                Err(error) => {
                    tracing::warn!(%error, pod = policy::full_name(&pod), "not measured");
                    continue;
                }
            };
            if let Some(message) = pod.spec.as_ref().and_then(|spec| excess(spec, &held)) {
                seat.tell(News::Ends(Ending::over_limit(message)));
            }
        }
    }
}

/// What the pod holds now: of its containers those that run.
///
/// # Errors
/// What could not be measured, and why.
pub(crate) async fn measure(context: &Context, pod: &Pod) -> Result<Held, String> {
    let uid = policy::uid(pod);
    let mut held = Held::default();
    let list = context.runtime.list_containers().await.map_err(|error| error.to_string())?;
    let running = |c: &Running| &*c.sandbox.0 == uid && matches!(c.state, ContainerState::Running { .. });
    for container in list.into_iter().filter(running) {
        let usage = context.runtime.disk_usage(&container.id).await.map_err(|error| error.to_string())?;
        held.containers.push((container.name, usage.writable.and(usage.logs)));
    }
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let on_disk =
        volumes.filter(|volume| volume.empty_dir.as_ref().is_some_and(|d| d.medium.as_deref() != Some("Memory")));
    for volume in on_disk {
        let dir = context.pod_dir(uid).join("volumes").join(&volume.name);
        let used = tokio::task::spawn_blocking(move || runtime::disk::usage_of(&dir)).await;
        let used = used.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        held.volumes.push((volume.name.clone(), used));
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(containers: &[(&str, u64)], volumes: &[(&str, u64)], expected: Option<&str>) {
        let limited = |name: &str, limit: &str| json!({ "name": name, "resources": { "limits": { NAME: limit } } });
        let spec = json!({
            "containers": [limited("a", "1Mi"), limited("b", "512Ki")],
            "volumes": [{ "name": "v", "emptyDir": { "sizeLimit": "100Ki" } }, { "name": "w", "emptyDir": {} }],
        });
        let named = |list: &[(&str, u64)]| {
            list.iter().map(|(name, kib)| ((*name).to_owned(), Taken { bytes: kib << 10, inodes: 1 })).collect()
        };
        let held = Held { containers: named(containers), volumes: named(volumes) };
        assert_eq!(excess(&serde_json::from_value(spec).unwrap(), &held).as_deref(), expected);
    }

    #[test]
    fn files_and_bytes_are_counted_apart() {
        let taken = |bytes, inodes| Taken { bytes, inodes };
        let held = Held {
            containers: vec![("a".to_owned(), taken(10, 1)), ("b".to_owned(), taken(5, 70))],
            volumes: vec![("v".to_owned(), taken(100, 3))],
        };
        let named = |a, b| vec![("a".to_owned(), a), ("b".to_owned(), b)];
        assert_eq!(held.counted(|taken| taken.bytes), (115, named(10, 5)));
        assert_eq!(held.counted(|taken| taken.inodes), (74, named(1, 70)));
    }

    #[test]
    fn each_limit_is_told_in_kubernetes_words() {
        check(&[("a", 900), ("b", 500)], &[("v", 100)], None);
        check(&[], &[("v", 101)], Some("Usage of EmptyDir volume \"v\" exceeds the limit \"100Ki\". "));
        let container = "Container b exceeded its local ephemeral storage limit \"512Ki\". ";
        check(&[("b", 513)], &[], Some(container));
        let pod = "Pod ephemeral local storage usage exceeds the total limit of containers 1536Ki. ";
        check(&[("a", 1000)], &[("w", 600)], Some(pod));
    }
}
