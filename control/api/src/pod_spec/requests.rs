//! What a pod needs of a node, summed over its containers.

use serde_json::Value;

use crate::facts::Amounts;
use crate::json::{boolean, entries, is_empty, items, text};
use crate::quantity::Quantity;

/// How much a pod's containers hold back, which decides who is stopped first when memory runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QosClass {
    /// Every container's requests equal its limits, for cpu and memory.
    Guaranteed,
    /// Some container requests or limits something.
    Burstable,
    /// Nothing is requested or limited.
    BestEffort,
}

impl QosClass {
    /// As `status.qosClass` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// The amount at a JSON pointer, or nothing when there is none or it is malformed.
pub(crate) fn amount(object: &Value, pointer: &str) -> Quantity {
    object.pointer(pointer).and_then(|amount| Quantity::from_value(amount).ok()).unwrap_or(Quantity::ZERO)
}

/// Resources that scheduling always counts; everything else makes a pod [`constrained`].
const COUNTED: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// What the node must have free for a pod of this spec: the larger of all containers together and of any step of
/// initialization, plus overhead (KEP-753: an init container that restarts always runs beside all that follow).
#[must_use]
pub fn effective_requests(spec: &Value) -> Amounts {
    held_requests(spec, &Value::Null)
}

/// What the node must have free for a pod of this spec and status: as [`effective_requests`], but a container that is being
/// resized counts with the largest of what it asks for, was promised and has (KEP-1287).
#[must_use]
pub fn held_requests(spec: &Value, status: &Value) -> Amounts {
    let [cpu, memory, storage] = COUNTED.map(|resource| effective(spec, status, resource));
    let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
    Amounts {
        cpu_milli: unsigned(cpu.milli()),
        memory: unsigned(memory.bytes()),
        storage: unsigned(storage.bytes()),
        pods: 1,
    }
}

fn effective(spec: &Value, status: &Value, resource: &str) -> Quantity {
    let overhead = amount(spec, &format!("/overhead/{resource}"));
    let request = format!("/resources/requests/{resource}");
    if spec.pointer(&request).is_some() {
        return amount(spec, &request) + overhead;
    }
    let (mut beside, mut peak) = (Quantity::ZERO, Quantity::ZERO);
    for container in items(spec, "/initContainers") {
        let stays = text(container, "/restartPolicy") == "Always";
        let known = if stays { status } else { &Value::Null };
        let own = held(container, known, "/initContainerStatuses", resource);
        peak = peak.max(beside + own);
        if stays {
            beside = beside + own;
        }
    }
    let containers = items(spec, "/containers").iter();
    let containers: Quantity = containers.map(|main| held(main, status, "/containerStatuses", resource)).sum();
    peak.max(beside + containers) + overhead
}

/// What one container holds. What its node has told that it will never get does not count.
fn held(container: &Value, status: &Value, list: &str, resource: &str) -> Quantity {
    let asked = amount(container, &format!("/resources/requests/{resource}"));
    let known = items(status, list).iter().find(|known| known["name"] == container["name"]);
    let Some(known) = known.filter(|known| !known["resources"].is_null()) else { return asked };
    let has = amount(known, &format!("/resources/requests/{resource}"));
    let has = has.max(amount(known, &format!("/allocatedResources/{resource}")));
    let refused = |condition: &Value| condition["type"] == "PodResizePending" && condition["reason"] == "Infeasible";
    if items(status, "/conditions").iter().any(refused) { has } else { asked.max(has) }
}

/// Whether a spec asks for something that only itself tells: where it may run, with whom, which ports of the node, and
/// resources other than cpu, memory and storage. Tolerations do not count; a tainted node says so itself.
#[must_use]
pub fn constrained(spec: &Value) -> bool {
    let placed = ["nodeSelector", "affinity", "topologySpreadConstraints", "schedulingGates", "resourceClaims"];
    let claims = items(spec, "/volumes").iter().any(|volume| !volume["persistentVolumeClaim"].is_null());
    let containers = || items(spec, "/containers").iter().chain(items(spec, "/initContainers"));
    let host_port = |container: &Value| {
        boolean(spec, "/hostNetwork") && !items(container, "/ports").is_empty()
            || items(container, "/ports").iter().any(|port| port["hostPort"].as_i64().unwrap_or_default() != 0)
    };
    let special = |container: &Value| {
        entries(container, "/resources/requests")
            .chain(entries(container, "/resources/limits"))
            .any(|(resource, _)| !COUNTED.contains(&resource))
    };
    placed.iter().any(|name| !is_empty(&spec[*name]))
        || claims
        || containers().any(|container| host_port(container) || special(container))
}

/// The class of a pod of this spec.
#[must_use]
pub fn qos_class(spec: &Value) -> QosClass {
    const CLASSED: [&str; 2] = ["cpu", "memory"];
    let containers: Vec<&Value> = items(spec, "/containers").iter().chain(items(spec, "/initContainers")).collect();
    let given = |container: &Value, list: &str, resource: &str| {
        let amount = amount(container, &format!("/resources/{list}/{resource}"));
        (amount > Quantity::ZERO).then_some(amount)
    };
    let (mut any, mut all) = (false, true);
    for container in &containers {
        for resource in CLASSED {
            let (request, limit) = (given(container, "requests", resource), given(container, "limits", resource));
            any |= request.is_some() || limit.is_some();
            all &= limit.is_some() && (request.is_none() || request == limit);
        }
    }
    match (any, all) {
        (false, _) => QosClass::BestEffort,
        (true, true) => QosClass::Guaranteed,
        (true, false) => QosClass::Burstable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asking(cpu: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn initialization_counts_when_it_needs_more_at_once() {
        let mut spec = json!({"containers": [asking("100m"), asking("200m")], "initContainers": [asking("250m")]});
        assert_eq!(effective_requests(&spec).cpu_milli, 300);
        let mut sidecar = asking("500m");
        sidecar["restartPolicy"] = "Always".into();
        spec["initContainers"] = json!([sidecar, asking("1")]);
        assert_eq!(effective_requests(&spec).cpu_milli, 1500);
        spec["overhead"] = json!({"cpu": "10m", "memory": "1Mi"});
        assert_eq!(effective_requests(&spec), Amounts { cpu_milli: 1510, memory: 1 << 20, storage: 0, pods: 1 });
    }

    #[test]
    fn a_pod_that_is_resized_counts_with_the_most_that_it_may_have() {
        let check = |asked: &str, promised: &str, has: &str, reason: &str, expected: u64| {
            let spec = json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": asked}}}]});
            let known =
                json!({"name": "c", "allocatedResources": {"cpu": promised}, "resources": {"requests": {"cpu": has}}});
            let status = json!({"containerStatuses": [known],
                "conditions": [{"type": "PodResizePending", "status": "True", "reason": reason}]});
            assert_eq!(held_requests(&spec, &status).cpu_milli, expected, "{asked} {promised} {has} {reason}");
        };
        check("100m", "100m", "100m", "", 100);
        check("500m", "100m", "100m", "Deferred", 500);
        check("500m", "100m", "100m", "Infeasible", 100);
        check("100m", "100m", "500m", "", 500);
        check("100m", "300m", "200m", "", 300);
    }

    #[test]
    fn only_what_needs_the_full_spec_constrains() {
        assert!(!constrained(&json!({"containers": [asking("1")], "tolerations": [{}], "affinity": {}})));
        assert!(constrained(&json!({"nodeSelector": {"a": "b"}})));
        assert!(constrained(&json!({"containers": [{"ports": [{"hostPort": 80}]}]})));
        assert!(constrained(&json!({"containers": [{"resources": {"limits": {"x.io/gpu": "1"}}}]})));
    }

    #[test]
    fn classes_follow_requests_and_limits() {
        let both = json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}});
        let class = |containers: Value| qos_class(&json!({"containers": containers}));
        assert_eq!(class(json!([{}])), QosClass::BestEffort);
        assert_eq!(class(json!([{"resources": both}])), QosClass::Guaranteed);
        assert_eq!(class(json!([{"resources": both}, {}])), QosClass::Burstable);
        assert_eq!(class(json!([asking("1")])), QosClass::Burstable);
    }
}
