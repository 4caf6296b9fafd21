//! What pods may use and do use: groups of classes, new limits without a restart, measurements.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::containers::not_found;
use super::{Inner, blocking, cgroup_error, system};
use crate::cgroup::{CgroupError, Group};
use crate::contract::{
    ContainerId, ContainerState, ContainerUsage, DiskUsage, Limits, PodUsage, Qos, Result, RuntimeError, SandboxConfig,
    SandboxId, SandboxKind,
};
use crate::disk::{Taken, usage_of};
use crate::protocol::PlannedSandbox;
use crate::runfile;
use crate::shim::note::chain;

/// The weight of a class: guaranteed pods stand beside the classes' groups and are weighed one by one.
fn class_limits<'a>(qos: Qos, sandboxes: impl Iterator<Item = &'a SandboxConfig>) -> Limits {
    let requested = sandboxes.filter(|config| config.qos == qos).filter_map(|config| config.limits.cpu_request_milli);
    match qos {
        Qos::Guaranteed | Qos::BestEffort => Limits::default(),
        Qos::Burstable => Limits { cpu_request_milli: Some(requested.sum()), ..Limits::default() },
    }
}

/// Weights that the groups of the classes have now, as far as this agent wrote them.
pub(super) type Weights = BTreeMap<Qos, Limits>;

/// Weighs the groups of the classes by the pods that are in them now. Writes only what changes: a pod waits for this while it
/// starts, and most pods leave their class as heavy as it was.
pub(super) async fn weigh(inner: &Arc<Inner>) -> Result<()> {
    // Held until the kernel has them: of two that weigh at once, the later one must write last.
    let mut weights = inner.weights.lock().await;
    for qos in [Qos::Burstable, Qos::BestEffort] {
        let limits = class_limits(qos, inner.state().sandboxes.values().map(|entry| &entry.record.config));
        if weights.get(&qos) == Some(&limits) {
            continue;
        }
        let group = inner.group(&inner.layout.class_cgroup(qos))?;
        let weighed = move || group.create(&limits).map_err(|error| cgroup_error("weigh the classes of pods", &error));
        blocking(weighed).await?;
        weights.insert(qos, limits);
    }
    Ok(())
}

/// Bounds all pods together.
pub(super) async fn bound_pods(inner: &Arc<Inner>, limits: Limits) -> Result<()> {
    let group = inner.group(&inner.layout.pods_cgroup())?;
    blocking(move || group.create(&limits).map_err(|error| cgroup_error("bound what pods use", &error))).await
}

/// Sets a container's limits anew, and records them for a later agent.
pub(super) async fn update_container(inner: &Arc<Inner>, id: &ContainerId, limits: Limits) -> Result<()> {
    let mut record = inner.state().container(id).ok_or_else(|| not_found(id))?.record.clone();
    if record.kind == SandboxKind::Wasm && record.config.limits.memory != limits.memory {
        let name = &record.config.name;
        return Err(RuntimeError::Unsupported(format!(
            "change the memory of Wasm container {name:?} while it runs: its linear memory was bounded at its start"
        )));
    }
    let group = inner.group(&record.plan.cgroup)?;
    record.config.limits = limits;
    if let PlannedSandbox::Wasm(wasm) = &mut record.plan.sandbox {
        wasm.limits = limits;
    }
    let (file, copy) = (inner.layout.pod(&record.config.sandbox).container_file(id), record.clone());
    blocking(move || {
        set(&group, &limits)?;
        runfile::write(&file, &copy)
            .map_err(|error| system("record the container's limits", io::Error::other(chain(&error))))
    })
    .await?;
    inner.state().set_limits(id, record);
    Ok(())
}

/// Sets a pod's limits anew, and records them for a later agent.
pub(super) async fn update_sandbox(inner: &Arc<Inner>, id: &SandboxId, limits: Limits) -> Result<()> {
    let mut record = inner.state().ready_sandbox(id)?.record.clone();
    let group = inner.group(&inner.layout.pod_cgroup(id, record.config.qos))?;
    record.config.limits = limits;
    let (file, copy) = (inner.layout.pod(id).sandbox_file(), record.clone());
    blocking(move || {
        set(&group, &limits)?;
        runfile::write(&file, &copy).map_err(|error| system("record the pod's limits", io::Error::other(chain(&error))))
    })
    .await?;
    inner.state().ready_sandbox(id)?.record = record;
    weigh(inner).await
}

/// A limit of memory below what is used now would kill on v2 and be refused by v1: it is refused on both.
fn set(group: &Group, limits: &Limits) -> Result<()> {
    if let Some(limit) = limits.memory {
        let used = match group.usage() {
            Ok(usage) => usage.memory_working_set,
            Err(CgroupError::Absent) => 0,
            Err(error) => return Err(cgroup_error("read the memory in use", &error)),
        };
        if limit < used {
            return Err(RuntimeError::Invalid(format!(
                "attempting to set memory limit ({limit}) below current usage ({used})"
            )));
        }
    }
    group.update(limits).map_err(|error| cgroup_error("set limits", &error))
}

/// What a container holds on disk.
pub(super) async fn disk_usage(inner: &Arc<Inner>, id: &ContainerId) -> Result<DiskUsage> {
    let log = inner.state().container(id).ok_or_else(|| not_found(id))?.record.plan.log.clone();
    let writable = inner.layout.writable_layer(id).join("upper");
    blocking(move || {
        let measured = || -> io::Result<DiskUsage> {
            let logs = log.parent().map_or(Ok(Taken::default()), usage_of)?;
            Ok(DiskUsage { writable: usage_of(&writable)?, logs })
        };
        measured().map_err(|cause| system(format!("measure {}", writable.display()), cause))
    })
    .await
}

/// What a pod and its running containers use.
pub(super) async fn usage(inner: &Arc<Inner>, id: &SandboxId) -> Result<PodUsage> {
    let (total, groups) = {
        let mut state = inner.state();
        let entry = state.ready_sandbox(id)?;
        let total = inner.group(&inner.layout.pod_cgroup(id, entry.record.config.qos))?;
        let running = entry.containers.values().filter(|entry| matches!(entry.state, ContainerState::Running { .. }));
        let named = running.map(|entry| Ok((entry.record.clone(), inner.group(&entry.record.plan.cgroup)?)));
        (total, named.collect::<Result<Vec<_>>>()?)
    };
    blocking(move || {
        let read = |group: &Group| {
            group.usage().map_err(|error| cgroup_error(&format!("read what cgroup {} uses", group.name()), &error))
        };
        let mut containers = Vec::new();
        for (record, group) in groups {
            match read(&group) {
                Ok(usage) => containers.push(ContainerUsage { id: record.id, name: record.config.name, usage }),
                // It ended and was removed meanwhile.
                Err(_) if !group.exists() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(PodUsage { total: read(&total)?, containers })
    })
    .await
}

/// Removes the images that neither the caller nor a container uses.
pub(super) async fn remove_unused_images(inner: &Arc<Inner>, used: &[String]) -> Result<u64> {
    let of_containers = inner.state().list_containers().into_iter().map(|container| container.image);
    let kept: BTreeSet<String> = used.iter().cloned().chain(of_containers).collect();
    let images = Arc::clone(&inner.images);
    blocking(move || {
        images.retain(&kept).map_err(|error| system("remove unused images", io::Error::other(chain(&error))))
    })
    .await
}
