//! Resource limits and what follows from requests.

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use runtime::contract::{Limits, Qos};

use crate::amount;
use crate::policy;

/// The limits of one container.
pub(super) fn of_container(container: &Container) -> Limits {
    container.resources.as_ref().map_or_else(|| of(&ResourceRequirements::default()), of)
}

/// The class that the API server wrote into the pod's status.
pub(super) fn qos(pod: &Pod) -> Qos {
    match pod.status.as_ref().and_then(|status| status.qos_class.as_deref()) {
        Some("Guaranteed") => Qos::Guaranteed,
        Some("Burstable") => Qos::Burstable,
        _ => Qos::BestEffort,
    }
}

fn of(resources: &ResourceRequirements) -> Limits {
    let limits = resources.limits.as_ref();
    let requests = resources.requests.as_ref();
    let milli = |quantity| amount::milli(quantity).and_then(|milli| u64::try_from(milli).ok());
    let cpu_limit_milli = limits.and_then(|limits| limits.get("cpu")).and_then(milli).filter(|&milli| milli > 0);
    // Unlike other resources, huge pages are only for those who ask (manage-hugepages in the Kubernetes documentation).
    let huge = |name: &str| limits.and_then(|limits| limits.get(name)).and_then(amount::whole).or(Some(0));
    Limits {
        cpu_request_milli: requests.and_then(|requests| requests.get("cpu")).and_then(milli).or(cpu_limit_milli),
        cpu_limit_milli,
        memory: limits.and_then(|limits| limits.get("memory")).and_then(amount::whole).filter(|&bytes| bytes > 0),
        pids: None,
        huge_2mi: huge("hugepages-2Mi"),
        huge_1gi: huge("hugepages-1Gi"),
    }
}

/// The limits of all containers together: the larger of what runs together and of each init container; none for a
/// resource that one container may use freely. `spec.resources` overrides (KEP-2837).
pub(super) fn of_pod(spec: &PodSpec) -> Limits {
    let (sidecars, init): (Vec<_>, Vec<_>) = policy::init(spec).iter().partition(|init| policy::is_sidecar(init));
    let together: Vec<Limits> = spec.containers.iter().chain(sidecars).map(of_container).collect();
    let alone: Vec<Limits> = init.into_iter().map(of_container).collect();
    let own = spec.resources.as_ref().map(of).unwrap_or_default();
    let bound = |pick: fn(&Limits) -> Option<u64>| {
        let sum = together.iter().try_fold(0_u64, |sum, limits| Some(sum.saturating_add(pick(limits)?)))?;
        alone.iter().try_fold(sum, |most, limits| Some(most.max(pick(limits)?)))
    };
    let requested: u64 = together.iter().filter_map(|limits| limits.cpu_request_milli).sum();
    Limits {
        cpu_request_milli: own.cpu_request_milli.or((requested > 0).then_some(requested)),
        cpu_limit_milli: own.cpu_limit_milli.or_else(|| bound(|limits| limits.cpu_limit_milli)),
        memory: own.memory.or_else(|| bound(|limits| limits.memory)),
        pids: None,
        huge_2mi: bound(|limits| limits.huge_2mi),
        huge_1gi: bound(|limits| limits.huge_1gi),
    }
}

/// `oom_score_adj` by quality of service, as "Node-pressure eviction" in the Kubernetes documentation tables it.
pub(super) fn oom_score_adj(spec: &PodSpec, container: &Container, memory: u64) -> i32 {
    const GUARANTEED: i32 = -997;
    const BEST_EFFORT: i32 = 1000;
    let all = || spec.containers.iter().chain(policy::init(spec));
    let request = |container: &Container, name: &str| {
        let resources = container.resources.as_ref()?;
        let of = |list: &Option<std::collections::BTreeMap<_, _>>| {
            list.as_ref().and_then(|list| list.get(name)).and_then(amount::milli)
        };
        Some((of(&resources.requests).or_else(|| of(&resources.limits))?, of(&resources.limits)))
    };
    let names = ["cpu", "memory"];
    if all().all(|container| names.iter().all(|name| request(container, name).is_none())) {
        return BEST_EFFORT;
    }
    let guaranteed = |container: &Container| {
        names.iter().all(|name| request(container, name).is_some_and(|(request, limit)| limit == Some(request)))
    };
    if all().all(guaranteed) {
        return GUARANTEED;
    }
    let requested = request(container, "memory").map_or(0, |(milli, _)| milli / 1000);
    let share = requested.saturating_mul(1000).checked_div(i128::from(memory)).unwrap_or(0);
    i32::try_from(1000 - share).unwrap_or(3).clamp(3, 999)
}
