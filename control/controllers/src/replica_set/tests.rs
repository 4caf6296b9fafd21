//! Decisions about ReplicaSets, from plain objects.

use serde_json::{Value, json};

use crate::make::{NOW, at, key, lines, time, view};

fn set(replicas: i32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "default", "generation": 1},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        },
        "status": {"replicas": 0, "observedGeneration": 1},
    })
}

/// A pod of the set, `ready` since so many seconds, or not ready.
fn pod(name: &str, node: Option<&str>, ready: Option<i64>) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "default", "labels": {"app": "web"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "uid-web", "controller": true}],
        },
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": if ready.is_some() { "Running" } else { "Pending" }},
    });
    if let Some(node) = node {
        pod["spec"]["nodeName"] = json!(node);
    }
    if let Some(seconds) = ready {
        pod["status"]["conditions"] =
            json!([{"type": "Ready", "status": "True", "lastTransitionTime": time(NOW - seconds)}]);
    }
    pod
}

fn check(objects: Vec<Value>, expected: &[&str]) {
    let decision = super::decide(&view(objects), &key("apps", "replicasets", "default", "web"), at(NOW)).unwrap();
    let asked: Vec<String> = lines(&decision).into_iter().filter(|line| !line.contains("/status")).collect();
    assert_eq!(asked, expected);
}

#[test]
fn missing_pods_are_made_and_names_follow_from_what_was_seen() {
    check(vec![set(2)], &["create pods web", "create pods web"]);
    check(vec![set(2), pod("web-a", None, None)], &["create pods web"]);
    let twice = || {
        let decision =
            super::decide(&view(vec![set(2)]), &key("apps", "replicasets", "default", "web"), at(NOW)).unwrap();
        decision.steps.iter().map(|step| format!("{:?}", step.change)).collect::<Vec<_>>()
    };
    assert_eq!(twice(), twice());
    let names: Vec<String> = twice();
    assert_ne!(names[0], names[1]);
}

#[test]
fn surplus_pods_that_are_missed_least_go_first() {
    let all =
        || vec![pod("a-ready", Some("n"), Some(50)), pod("b-waits", Some("n"), None), pod("c-unbound", None, None)];
    let with = |replicas: i32| std::iter::once(set(replicas)).chain(all()).collect::<Vec<_>>();
    check(with(2), &["delete pods c-unbound Background"]);
    check(with(1), &["delete pods c-unbound Background", "delete pods b-waits Background"]);
    // Of equals, the one that became ready last.
    check(
        vec![set(1), pod("old", Some("n"), Some(50)), pod("young", Some("n"), Some(5))],
        &["delete pods young Background"],
    );
}

#[test]
fn ended_and_ending_pods_do_not_count() {
    let mut failed = pod("failed", Some("n"), None);
    failed["status"]["phase"] = json!("Failed");
    let mut ending = pod("ending", Some("n"), Some(5));
    ending["metadata"]["deletionTimestamp"] = json!(time(NOW));
    check(vec![set(1), failed, ending], &["create pods web"]);
}

#[test]
fn orphans_are_adopted_and_strangers_released() {
    let mut orphan = pod("orphan", Some("n"), Some(5));
    orphan["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    check(
        vec![set(1), orphan],
        &[
            r#"patch pods orphan {"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","blockOwnerDeletion":true,"controller":true,"kind":"ReplicaSet","name":"web","uid":"uid-web"}]}}"#,
        ],
    );
    let mut stranger = pod("stranger", Some("n"), Some(5));
    stranger["metadata"]["labels"]["app"] = json!("other");
    check(vec![set(1), stranger], &[r#"patch pods stranger {"metadata":{"ownerReferences":[]}}"#]);
}

#[test]
fn a_set_that_is_being_deleted_makes_nothing() {
    let mut ending = set(3);
    ending["metadata"]["deletionTimestamp"] = json!(time(NOW));
    check(vec![ending], &[]);
}

#[test]
fn status_counts_ready_and_available_and_looks_again_when_patience_ends() {
    let mut patient = set(3);
    patient["spec"]["minReadySeconds"] = json!(30);
    let objects =
        vec![patient, pod("a", Some("n"), Some(50)), pod("b", Some("n"), Some(10)), pod("c", Some("n"), None)];
    let decision = super::decide(&view(objects), &key("apps", "replicasets", "default", "web"), at(NOW)).unwrap();
    let status = lines(&decision);
    assert_eq!(
        status,
        [
            r#"patch replicasets/status web {"status":{"availableReplicas":1,"fullyLabeledReplicas":3,"observedGeneration":1,"readyReplicas":2,"replicas":3}}"#
        ]
    );
    assert_eq!(decision.look_again, Some(at(NOW + 20)));
}
