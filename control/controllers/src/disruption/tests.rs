//! Decisions about PodDisruptionBudgets, from plain objects.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::make::{NOW, at, key, lines, put, time, view};

fn budget(spec: Value, status: Value) -> Value {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"app": "web"}});
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"namespace": "default", "name": "b", "generation": 1}, "spec": spec, "status": status})
}

fn pod(name: &str, owner: Value, ready: bool) -> Value {
    let references = if owner.is_null() { json!([]) } else { json!([owner]) };
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "default", "name": name, "labels": {"app": "web"}, "ownerReferences": references},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": format!("uid-{name}"), "controller": true})
}

fn workload(kind: &str, name: &str, replicas: i64, owner: Value) -> Value {
    let references = if owner.is_null() { json!([]) } else { json!([owner]) };
    let template =
        json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    json!({"apiVersion": "apps/v1", "kind": kind,
        "metadata": {"namespace": "default", "name": name, "ownerReferences": references},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}})
}

fn decided(objects: Vec<Value>) -> Decision {
    decide(&view(objects), &key("policy", "poddisruptionbudgets", "default", "b"), at(NOW)).unwrap()
}

fn check(objects: Vec<Value>, expected: &Expect) {
    expected.assert_eq(&lines(&decided(objects)).join("\n"));
}

#[test]
fn a_number_of_pods_must_stay() {
    let min = budget(json!({"minAvailable": 1}), json!({}));
    let pods = ["a", "b", "c"].map(|name| pod(name, Value::Null, name != "c"));
    check(
        [vec![min], pods.to_vec()].concat(),
        &expect![[
            r#"patch poddisruptionbudgets/status b {"status":{"conditions":[{"lastTransitionTime":"2026-11-23T12:00:00Z","message":"","observedGeneration":1,"reason":"SufficientPods","status":"True","type":"DisruptionAllowed"}],"currentHealthy":2,"desiredHealthy":1,"disruptionsAllowed":1,"expectedPods":3,"observedGeneration":1}}"#
        ]],
    );
}

#[test]
fn a_share_is_of_what_their_makers_want() {
    let max = || budget(json!({"maxUnavailable": "30%"}), json!({}));
    let deployment = workload("Deployment", "d", 10, Value::Null);
    let set = workload("ReplicaSet", "s", 4, reference("Deployment", "d"));
    let pods = (0..8).map(|nth| pod(&format!("p{nth}"), reference("ReplicaSet", "s"), true));
    let decision = decided([max(), deployment, set].into_iter().chain(pods).collect());
    let Change::Patch { patch, .. } = &decision.steps[0].change else { panic!("{decision:?}") };
    let counts = ["expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed"];
    assert_eq!(counts.map(|field| patch["status"][field].as_i64().unwrap()), [10, 7, 8, 1]);
}

#[test]
fn a_maker_that_is_not_known_allows_nothing() {
    let percent = budget(json!({"minAvailable": "50%"}), json!({"disruptionsAllowed": 3, "observedGeneration": 1}));
    check(
        vec![percent, pod("p", reference("ReplicaSet", "gone"), true)],
        &expect![[r#"
        event CalculateExpectedPodCountFailed Failed to calculate the number of expected pods: found no controllers for pod "p"
        patch poddisruptionbudgets/status b {"status":{"conditions":[{"lastTransitionTime":"2026-11-23T12:00:00Z","message":"found no controllers for pod \"p\"","observedGeneration":1,"reason":"SyncFailed","status":"False","type":"DisruptionAllowed"}],"disruptionsAllowed":0,"observedGeneration":1}}"#]],
    );
}

#[test]
fn an_evicted_pod_counts_as_gone_until_it_stays_too_long() {
    let status =
        |since: i64| json!({"disruptedPods": {"a": time(since), "gone": time(since)}, "observedGeneration": 1});
    let pods = || ["a", "b"].map(|name| pod(name, Value::Null, true)).to_vec();
    let fresh = budget(json!({"minAvailable": 1}), status(NOW - 10));
    let decision = decided([vec![fresh], pods()].concat());
    let Change::Patch { patch, .. } = &decision.steps[0].change else { panic!("{decision:?}") };
    assert_eq!(patch["status"]["currentHealthy"], 1);
    assert_eq!(patch["status"]["disruptedPods"], json!({"a": time(NOW - 10), "gone": null}));
    assert_eq!(decision.look_again, Some(at(NOW + 111)));
    let stale = budget(json!({"minAvailable": 1}), status(NOW - 200));
    let decision = decided([vec![stale], pods()].concat());
    assert_eq!(lines(&decision)[0], "event NotDeleted Pod was expected by PDB default/b to be deleted but it wasn't");
    let Change::Patch { patch, .. } = &decision.steps[1].change else { panic!("{decision:?}") };
    assert_eq!((&patch["status"]["currentHealthy"], &patch["status"]["disruptedPods"]["a"]), (&json!(2), &Value::Null));
}

#[test]
fn a_status_that_says_it_all_stays() {
    let objects = vec![budget(json!({"minAvailable": 1}), json!({})), pod("a", Value::Null, true)];
    let Change::Patch { patch, .. } = decided(objects.clone()).steps.remove(0).change else { panic!("no patch") };
    let settled = budget(json!({"minAvailable": 1}), patch["status"].clone());
    assert_eq!(decided(vec![settled, objects[1].clone()]), Decision::nothing());
}

#[test]
fn a_pod_that_becomes_ready_makes_its_budgets_due() {
    let mut view = view(vec![budget(json!({"minAvailable": 1}), json!({})), pod("a", Value::Null, false)]);
    let pod_key = key("", "pods", "default", "a");
    let before = view.get(&pod_key).cloned();
    put(&mut view, pod("a", Value::Null, true), 9);
    let event = Event { revision: api::meta::Revision(9), before, after: view.get(&pod_key).cloned() };
    assert_eq!(due(&view, &event), [key("policy", "poddisruptionbudgets", "default", "b")]);
    let same = Event { before: event.after.clone(), ..event };
    assert_eq!(due(&view, &same), []);
}
