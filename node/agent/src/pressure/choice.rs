//! Which pod goes when a node has too little of something, and what it is told: a pure decision.

use std::cmp::Reverse;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::reading::Reading;
use crate::amount;
use crate::policy;
use crate::protection::{Signal, Threshold};
use crate::storage::written;

/// What pods can be evicted for, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Memory.
    Memory,
    /// Bytes on a disk.
    Storage,
    /// Files on a disk.
    Inodes,
    /// Process ids.
    Pids,
}

impl Resource {
    /// What a signal is about.
    pub(crate) const fn of(signal: Signal) -> Self {
        match signal {
            Signal::MemoryAvailable => Self::Memory,
            Signal::NodefsAvailable | Signal::ImagefsAvailable => Self::Storage,
            Signal::NodefsInodesFree | Signal::ImagefsInodesFree => Self::Inodes,
            Signal::PidAvailable => Self::Pids,
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Storage => "ephemeral-storage",
            Self::Inodes => "inodes",
            Self::Pids => "pids",
        }
    }

    /// Whether pods can ask for it.
    const fn can_be_requested(self) -> bool {
        matches!(self, Self::Memory | Self::Storage)
    }
}

/// A pod that could go.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The pod.
    pub pod: Arc<Pod>,
    /// What it uses.
    pub used: u64,
    /// What each of its containers uses.
    pub containers: Vec<(String, u64)>,
}

impl Candidate {
    fn requested(&self, resource: Resource) -> u64 {
        let spec = self.pod.spec.as_ref();
        let overhead = spec.and_then(|spec| spec.overhead.as_ref()).and_then(|all| all.get(resource.name()));
        let of = |container: &Container| request(container, resource);
        let containers: u64 = spec.into_iter().flat_map(|spec| &spec.containers).map(of).sum();
        containers.saturating_add(overhead.and_then(amount::whole).unwrap_or(0))
    }
}

fn request(container: &Container, resource: Resource) -> u64 {
    let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    requests.and_then(|requests| requests.get(resource.name())).and_then(amount::whole).unwrap_or(0)
}

/// The pods in the order in which they go ("Pod selection for kubelet eviction" in the Kubernetes documentation): those that
/// use more than they asked for, then those of lower priority, then those that are furthest above what they asked for.
/// Pods that a cluster cannot do without do not go at all.
pub(crate) fn order(candidates: Vec<Candidate>, resource: Resource) -> Vec<Candidate> {
    let mut going: Vec<Candidate> =
        candidates.into_iter().filter(|candidate| !policy::is_critical(&candidate.pod)).collect();
    going.sort_by_key(|candidate| {
        let requested = if resource.can_be_requested() { candidate.requested(resource) } else { 0 };
        let exceeds = resource.can_be_requested() && candidate.used > requested;
        let above = i128::from(candidate.used) - i128::from(requested);
        (!exceeds, policy::priority(&candidate.pod), Reverse(above))
    });
    going
}

/// What the pod is told.
pub(crate) fn message(candidate: &Candidate, threshold: &Threshold, reading: &Reading) -> String {
    let resource = Resource::of(threshold.signal);
    let quantity = written(threshold.amount.of(reading.capacity));
    let name = resource.name();
    let mut message = format!(
        "The node was low on resource: {name}. Threshold quantity: {quantity}, available: {}. ",
        written_available(reading),
    );
    if !resource.can_be_requested() {
        return message;
    }
    let spec = candidate.pod.spec.as_ref();
    for (container, used) in &candidate.containers {
        let asked = spec.into_iter().flat_map(|spec| &spec.containers).find(|spec| spec.name == *container);
        let requested = asked.map_or(0, |asked| request(asked, resource));
        if *used > requested {
            message.push_str(&format!(
                "Container {container} was using {}, request is {}, has larger consumption of {name}. ",
                written(*used),
                written(requested),
            ));
        }
    }
    message
}

/// Bytes as the kubelet writes what is left: in the largest unit that divides them, and plain numbers plain.
fn written_available(reading: &Reading) -> String {
    match Resource::of(reading.signal) {
        Resource::Memory | Resource::Storage => written(reading.available),
        Resource::Inodes | Resource::Pids => reading.available.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::protection::Amount;

    fn candidate(name: &str, used: u64, spec: Value) -> Candidate {
        let pod = json!({ "metadata": { "name": name, "uid": name }, "spec": spec });
        let pod = Arc::new(serde_json::from_value(pod).unwrap());
        Candidate { pod, used, containers: vec![("c".to_owned(), used)] }
    }

    fn spec(priority: i32, request: &str) -> Value {
        let requests = if request.is_empty() { json!({}) } else { json!({ "memory": request }) };
        json!({ "priority": priority, "containers": [{ "name": "c", "resources": { "requests": requests } }] })
    }

    fn names(candidates: Vec<Candidate>, resource: Resource) -> Vec<String> {
        let ordered = order(candidates, resource);
        ordered.iter().map(|candidate| policy::name(&candidate.pod).to_owned()).collect()
    }

    #[test]
    fn who_exceeds_its_request_goes_first_then_the_unimportant_then_the_greedy() {
        let pods = || {
            vec![
                candidate("within", 900, spec(0, "1000")),
                candidate("within-but-less", 100, spec(0, "1000")),
                candidate("exceeds-a-little", 1010, spec(0, "1000")),
                candidate("exceeds-much", 500, spec(0, "100")),
                candidate("exceeds-but-important", 5000, spec(10, "")),
                candidate("critical", 9000, spec(2_000_000_000, "")),
            ]
        };
        let expected = ["exceeds-much", "exceeds-a-little", "exceeds-but-important", "within", "within-but-less"];
        assert_eq!(names(pods(), Resource::Memory), expected);
        let by_use = ["exceeds-a-little", "within", "exceeds-much", "within-but-less", "exceeds-but-important"];
        assert_eq!(names(pods(), Resource::Pids), by_use);
    }

    #[test]
    fn the_message_names_the_threshold_and_who_took_more_than_asked() {
        let threshold = Threshold {
            signal: Signal::MemoryAvailable,
            amount: Amount::Units(100 << 20),
            grace: Duration::ZERO,
            minimum_reclaim: None,
            own_disk_only: false,
        };
        let reading = Reading { signal: Signal::MemoryAvailable, available: 99_100 << 10, capacity: 1 << 30 };
        let low = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 99100Ki. ";
        let exceeds = "Container c was using 2Mi, request is 1Mi, has larger consumption of memory. ";
        let of = |used, request| message(&candidate("p", used, spec(0, request)), &threshold, &reading);
        assert_eq!(of(2 << 20, "1Mi"), format!("{low}{exceeds}"));
        assert_eq!(of(1 << 20, "1Mi"), low);
    }
}
