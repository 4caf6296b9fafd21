//! Nodes that stop renewing their Lease: their conditions become unknown, taints keep pods away, and pods that do not
//! tolerate it leave.

use api::meta::{Key, Resource, Timestamp};
use api::view::{Event, View};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};
use serde_json::{Value, json};

use crate::decision::{Damaged, Decision};
use crate::objects::{decode, delete, patch, seconds};

/// Silence after which a node counts as lost (kube-controller-manager's `node-monitor-grace-period`).
const GRACE_SECONDS: i64 = 50;
/// Namespace of node Leases (KEP-589).
const LEASES: &str = "kube-node-lease";
/// Taints that this controller keeps.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// Taints that tell new pods of a condition, while that is true.
const SHORTAGES: [(&str, &str); 4] = [
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
];

pub(crate) fn due(_view: &View, event: &Event) -> Vec<Key> {
    let nodes = Resource::new("", "nodes");
    let Some(key) = event.key() else { return Vec::new() };
    let lease = key.is("coordination.k8s.io", "leases") && key.namespace() == LEASES;
    let name = if lease || key.is("", "nodes") {
        Some(key.name())
    } else {
        let bound = |record: &std::sync::Arc<api::record::Record>| record.header.facts.pod()?.node.clone();
        let (before, after) = (event.before.as_ref().and_then(bound), event.after.as_ref().and_then(bound));
        // Only a pod that has just arrived on a node can be one that must leave it.
        return match after {
            Some(node) if before.is_none() => Key::new(&nodes, "", &node).into_iter().collect(),
            _ => Vec::new(),
        };
    };
    name.and_then(|name| Key::new(&nodes, "", name).ok()).into_iter().collect()
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Ready,
    NotReady,
    Lost,
}

pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Result<Decision, Damaged> {
    let mut decision = Decision::nothing();
    let Some(record) = view.get(key) else { return Ok(decision) };
    let node: Node = decode(record)?;
    let created = node.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
    let heard = match view.find("coordination.k8s.io", "leases", LEASES, key.name()) {
        Some(lease) => {
            let lease: Lease = decode(lease)?;
            lease.spec.and_then(|spec| spec.renew_time).map_or(created, |time| time.0.as_second())
        }
        None => created,
    };
    let ready = |wanted: &str| {
        let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == wanted)
    };
    let deadline = heard.saturating_add(GRACE_SECONDS);
    let health = if now.as_second() >= deadline {
        Health::Lost
    } else if ready("True") {
        Health::Ready
    } else {
        // Also `Unknown` with a fresh Lease: the agent will write its conditions itself in a moment.
        Health::NotReady
    };
    if health != Health::Lost
        && let Ok(at) = Timestamp::from_second(deadline)
    {
        decision.look_at(at);
    }
    let taints = taints(&node, health, now);
    let old = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
    if taints != old {
        decision.change(patch(record, None, json!({"spec": {"taints": taints}})));
    }
    if health == Health::Lost && !ready("Unknown") {
        decision.change(patch(record, Some("status"), json!({"status": {"conditions": unknown(&node, now)}})));
    }
    evict(view, key, &taints, now, &mut decision)?;
    Ok(decision)
}

/// All conditions of the node as `Unknown`.
fn unknown(node: &Node, now: Timestamp) -> Value {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let conditions = conditions.map(|condition| {
        let mut value = json!(condition);
        value["status"] = json!("Unknown");
        value["reason"] = json!("NodeStatusUnknown");
        value["message"] = json!("Kubelet stopped posting node status.");
        value["lastTransitionTime"] = json!(seconds(now));
        value
    });
    conditions.collect()
}

/// The node's taints with ours as its health says.
fn taints(node: &Node, health: Health, now: Timestamp) -> Vec<Taint> {
    let old = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    let wanted: &[(&str, &str)] = match health {
        Health::Ready => &[],
        Health::NotReady => &[(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")],
        Health::Lost => &[(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")],
    };
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_short =
        |kind: &str| conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True");
    let short = SHORTAGES.into_iter().filter(|(kind, _)| is_short(kind)).map(|(_, key)| (key, "NoSchedule"));
    let cordon = cordoned.then_some((UNSCHEDULABLE, "NoSchedule"));
    let wanted: Vec<(&str, &str)> = wanted.iter().copied().chain(short).chain(cordon).collect();
    let ours = |taint: &Taint| {
        let key = taint.key.as_str();
        [UNREACHABLE, NOT_READY, UNSCHEDULABLE].contains(&key) || SHORTAGES.iter().any(|(_, ours)| *ours == key)
    };
    let is = |taint: &Taint, (key, effect): (&str, &str)| taint.key == key && taint.effect == effect;
    let mut taints: Vec<Taint> =
        old.into_iter().filter(|taint| !ours(taint) || wanted.iter().any(|wanted| is(taint, *wanted))).collect();
    for (key, effect) in wanted {
        if !taints.iter().any(|taint| is(taint, (key, effect))) {
            let time = seconds(now).parse().ok().map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time);
            taints.push(Taint { key: key.into(), effect: effect.into(), time_added: time, value: None });
        }
    }
    taints
}

/// Deletes pods that do not tolerate a `NoExecute` taint of their node, at once or when their patience ends.
fn evict(view: &View, node: &Key, taints: &[Taint], now: Timestamp, decision: &mut Decision) -> Result<(), Damaged> {
    let executing: Vec<&Taint> = taints.iter().filter(|taint| taint.effect == "NoExecute").collect();
    if executing.is_empty() {
        return Ok(());
    }
    for record in view.on_node(node.name()).filter(|record| record.header.deletion.is_none()) {
        let pod: Pod = decode(record)?;
        let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.clone()).unwrap_or_default();
        let Some(end) = executing.iter().filter_map(|taint| patience(taint, &tolerations, now)).min() else { continue };
        if end <= now.as_second() {
            decision.change(delete(record));
        } else if let Ok(at) = Timestamp::from_second(end) {
            decision.look_at(at);
        }
    }
    Ok(())
}

/// When a pod with these tolerations must leave a node with this taint, seconds since 1970; never is `None`.
fn patience(taint: &Taint, tolerations: &[Toleration], now: Timestamp) -> Option<i64> {
    let since = taint.time_added.as_ref().map_or(now.as_second(), |time| time.0.as_second());
    let matching: Vec<&Toleration> = tolerations
        .iter()
        .filter(|toleration| api::taints::tolerates(toleration_of(toleration), taint_of(taint)))
        .collect();
    if matching.is_empty() {
        return Some(since);
    }
    matching
        .iter()
        .filter_map(|toleration| toleration.toleration_seconds)
        .min()
        .map(|patience| since.saturating_add(patience))
}

fn toleration_of(toleration: &Toleration) -> api::taints::Toleration<'_> {
    api::taints::Toleration {
        key: toleration.key.as_deref().unwrap_or_default(),
        exists: toleration.operator.as_deref() == Some("Exists"),
        value: toleration.value.as_deref().unwrap_or_default(),
        effect: toleration.effect.as_deref().unwrap_or_default(),
    }
}

fn taint_of(taint: &Taint) -> api::taints::Taint<'_> {
    api::taints::Taint { key: &taint.key, value: taint.value.as_deref().unwrap_or_default(), effect: &taint.effect }
}

#[cfg(test)]
mod tests;
