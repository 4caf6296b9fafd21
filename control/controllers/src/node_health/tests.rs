//! Decisions about nodes that fall silent, from plain nodes and leases.

use serde_json::{Value, json};

use crate::make::{NOW, at, key, lines, time, view};

fn node(ready: &str, taints: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"taints": taints},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    })
}

fn lease(age: i64) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "n", "namespace": "kube-node-lease"},
        "spec": {"renewTime": format!("{}.000000Z", time(NOW - age).trim_end_matches('Z'))},
    })
}

fn check(objects: Vec<Value>, expected: &[&str], look_again: Option<i64>) {
    let decision = super::decide(&view(objects), &key("", "nodes", "", "n"), at(NOW)).unwrap();
    let told: Vec<String> = lines(&decision).iter().map(|line| line.split(" {").next().unwrap().to_owned()).collect();
    assert_eq!(told, expected);
    assert_eq!(decision.look_again, look_again.map(at));
}

#[test]
fn a_live_node_is_left_alone_until_its_lease_would_end() {
    check(vec![node("True", json!([])), lease(10)], &[], Some(NOW + 40));
}

#[test]
fn a_silent_node_is_tainted_and_its_conditions_are_unknown() {
    check(vec![node("True", json!([])), lease(50)], &["patch nodes n", "patch nodes/status n"], None);
}

#[test]
fn a_node_that_comes_back_loses_our_taints_and_keeps_others() {
    let taints = json!([
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, {"key": "gpu", "effect": "NoSchedule"},
    ]);
    let objects = vec![node("True", taints), lease(1)];
    let decision = super::decide(&view(objects), &key("", "nodes", "", "n"), at(NOW)).unwrap();
    assert_eq!(lines(&decision), [r#"patch nodes n {"spec":{"taints":[{"effect":"NoSchedule","key":"gpu"}]}}"#]);
}

#[test]
fn what_a_node_is_short_of_is_a_taint_as_long_as_it_lasts() {
    let short = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"},
        "spec": {"taints": [{"key": "node.kubernetes.io/pid-pressure", "effect": "NoSchedule"}]},
        "status": {"conditions": [
            {"type": "MemoryPressure", "status": "True"}, {"type": "DiskPressure", "status": "False"},
            {"type": "PIDPressure", "status": "False"}, {"type": "Ready", "status": "True"},
        ]},
    });
    let decision = super::decide(&view(vec![short, lease(1)]), &key("", "nodes", "", "n"), at(NOW)).unwrap();
    let taint =
        format!(r#"{{"effect":"NoSchedule","key":"node.kubernetes.io/memory-pressure","timeAdded":"{}"}}"#, time(NOW));
    assert_eq!(lines(&decision), [format!(r#"patch nodes n {{"spec":{{"taints":[{taint}]}}}}"#)]);
}

#[test]
fn pods_leave_a_lost_node_when_their_patience_ends() {
    let taints = json!([
        {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule", "timeAdded": time(NOW - 100)},
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": time(NOW - 100)},
    ]);
    let pod = |name: &str, tolerations: Value| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"nodeName": "n", "tolerations": tolerations, "containers": [{"name": "c", "image": "i"}]},
        })
    };
    let patient = json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]);
    let faithful = json!([{"operator": "Exists"}]);
    check(
        vec![
            node("Unknown", taints),
            lease(100),
            pod("hasty", json!([])),
            pod("patient", patient),
            pod("faithful", faithful),
        ],
        &["delete pods hasty Background"],
        Some(NOW + 200),
    );
}
