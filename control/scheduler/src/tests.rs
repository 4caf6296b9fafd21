//! Where pods go, from plain nodes and pods.

use std::sync::Arc;

use api::meta::{Key, Resource, Revision};
use api::record::{Body, Record};
use api::view::View;
use serde_json::{Value, json};

use crate::{Placement, place, waiting};

fn view(objects: Vec<Value>) -> View {
    let mut view = View::new();
    for (nth, mut object) in objects.into_iter().enumerate() {
        let kind = api::kinds::by_kind("", "v1", object["kind"].as_str().unwrap()).unwrap();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        object["metadata"]["uid"] = json!(format!("uid-{name}"));
        kind.strategy.default(&mut object);
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let key = Key::new(&kind.resource(), namespace, &name).unwrap();
        let header = api::header::extract(kind, &object);
        let body = Body::encode(&object).unwrap();
        view.put(Arc::new(Record { key, revision: Revision(nth as u64 + 1), header, body }));
    }
    view
}

fn node(name: &str, cpu: &str, more: Value) -> Value {
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"zone": name}}, "spec": {},
        "status": {
            "allocatable": {"cpu": cpu, "memory": "1Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    });
    merge(&mut node, more);
    node
}

fn pod(name: &str, cpu: &str, more: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}]},
    });
    merge(&mut pod, more);
    pod
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// Places all waiting pods and tells where each went, in order of decision.
fn check(objects: Vec<Value>, expected: &[&str]) {
    let view = view(objects);
    let pods: Vec<Key> = waiting(&view).cloned().collect();
    let told: Vec<String> = place(&view, &pods)
        .into_iter()
        .map(|placement| match placement {
            Placement::Chosen { pod, node } => format!("{} on {node}", pod.name()),
            Placement::Nowhere { pod, message } => format!("{}: {message}", pod.name()),
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn a_batch_spreads_and_never_overfills() {
    check(
        vec![
            node("a", "1", json!({})),
            node("b", "1", json!({})),
            pod("p1", "600m", json!({})),
            pod("p2", "600m", json!({})),
            pod("p3", "600m", json!({})),
        ],
        &["p1 on a", "p2 on b", "p3: 0/2 nodes are available: 2 Insufficient cpu."],
    );
}

#[test]
fn what_runs_already_counts_and_what_ended_does_not() {
    check(
        vec![
            node("a", "1", json!({})),
            pod("old", "900m", json!({"spec": {"nodeName": "a"}, "status": {"phase": "Running"}})),
            pod("p", "200m", json!({})),
        ],
        &["p: 0/1 nodes are available: 1 Insufficient cpu."],
    );
    check(
        vec![
            node("a", "1", json!({})),
            pod("old", "900m", json!({"spec": {"nodeName": "a"}, "status": {"phase": "Succeeded"}})),
            pod("p", "200m", json!({})),
        ],
        &["p on a"],
    );
}

#[test]
fn taints_cordons_and_selectors_keep_pods_away_with_kubernetes_words() {
    let tainted = json!({"spec": {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}});
    check(
        vec![
            node("a", "1", tainted.clone()),
            node("b", "1", json!({"spec": {"unschedulable": true}})),
            node("c", "1", json!({})),
            pod("p", "1m", json!({"spec": {"nodeSelector": {"zone": "none"}}})),
            pod(
                "q",
                "1m",
                json!({"spec": {"tolerations": [{"key": "gpu", "operator": "Exists"}], "nodeSelector": {"zone": "a"}}}),
            ),
        ],
        &[
            "p: 0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, \
             1 node(s) had untolerated taint(s) {gpu: yes}, 1 node(s) were unschedulable.",
            "q on a",
        ],
    );
}

#[test]
fn higher_priority_goes_first_and_host_ports_exclude_each_other() {
    let port = json!({"spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]}]}});
    let mut urgent = port.clone();
    urgent["spec"]["priority"] = json!(10);
    check(
        vec![node("a", "1", json!({})), pod("calm", "1m", port), pod("urgent", "1m", urgent)],
        &[
            "urgent on a",
            "calm: 0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
        ],
    );
}

#[test]
fn a_node_that_has_the_image_and_the_preference_wins() {
    let here = json!({"status": {"images": [{"names": ["i"]}]}});
    check(vec![node("a", "1", json!({})), node("b", "1", here.clone()), pod("p", "1m", json!({}))], &["p on b"]);
    let wish = json!({"spec": {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}}]}}}});
    check(vec![node("a", "1", json!({})), node("b", "1", here), pod("p", "1m", wish)], &["p on a"]);
}

#[test]
fn gated_and_foreign_pods_are_left_alone() {
    check(
        vec![
            node("a", "1", json!({})),
            pod("gated", "1m", json!({"spec": {"schedulingGates": [{"name": "wait"}]}})),
            pod("foreign", "1m", json!({"spec": {"schedulerName": "other"}})),
        ],
        &[],
    );
    check(vec![pod("p", "1m", json!({}))], &["p: no nodes available to schedule pods"]);
}

#[test]
fn resources_of_the_view_are_only_read() {
    let view = view(vec![node("a", "1", json!({}))]);
    let revision = view.revision();
    assert!(place(&view, &[Key::new(&Resource::new("", "pods"), "default", "gone").unwrap()]).is_empty());
    assert_eq!(view.revision(), revision);
}
