//! Decisions about Deployments, from plain objects.

use serde_json::{Value, json};

use crate::make::{NOW, at, key, lines, time, view};

fn deployment(spec: Value, status: Value) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "generation": 1, "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template("v2"),
        },
        "status": status,
    });
    for (name, value) in spec.as_object().unwrap() {
        object["spec"][name] = value.clone();
    }
    object
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}})
}

/// A ReplicaSet of `web`: image, wanted, existing, available.
fn set(name: &str, image: &str, wanted: i32, available: i32) -> Value {
    let mut template = template(image);
    template["metadata"]["labels"]["pod-template-hash"] = json!(name);
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("web-{name}"), "namespace": "default", "generation": 1,
            "labels": {"app": "web", "pod-template-hash": name},
            "annotations": {"deployment.kubernetes.io/revision": name.trim_start_matches('r')},
            "creationTimestamp": time(NOW - 100 + name.trim_start_matches('r').parse::<i64>().unwrap()),
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "uid-web", "controller": true}],
        },
        "spec": {
            "replicas": wanted,
            "selector": {"matchLabels": {"app": "web", "pod-template-hash": name}},
            "template": template,
        },
        "status": {"replicas": wanted, "readyReplicas": available, "availableReplicas": available, "observedGeneration": 1},
    })
}

/// What the controller asks for besides status and annotations, as short lines.
fn check(objects: Vec<Value>, expected: &[&str]) {
    let decision = super::decide(&view(objects), &key("apps", "deployments", "default", "web"), at(NOW)).unwrap();
    let told: Vec<String> =
        decision.steps.iter().filter_map(|step| Some(step.tell.as_ref()?.done.as_ref()?.1.clone())).collect();
    let deleted = lines(&decision).into_iter().filter(|line| line.starts_with("delete"));
    assert_eq!(told.into_iter().chain(deleted).collect::<Vec<_>>(), expected);
}

#[test]
fn a_new_deployment_gets_a_set_of_full_size() {
    let objects = vec![deployment(json!({}), json!({}))];
    let decision = super::decide(&view(objects), &key("apps", "deployments", "default", "web"), at(NOW)).unwrap();
    let created = lines(&decision);
    assert_eq!(created[0], "create replicasets.apps web");
    let api::change::Change::Create { object, .. } = &decision.steps[0].change else { panic!("{created:?}") };
    assert_eq!(object["spec"]["replicas"], json!(4));
    let hash = object["metadata"]["labels"]["pod-template-hash"].as_str().unwrap();
    assert_eq!(object["metadata"]["name"], json!(format!("web-{hash}")));
    assert_eq!(object["spec"]["selector"]["matchLabels"]["pod-template-hash"], json!(hash));
    assert_eq!(object["spec"]["template"]["metadata"]["labels"]["pod-template-hash"], json!(hash));
}

#[test]
fn a_rollout_surges_then_shrinks_the_old_as_the_new_becomes_available() {
    let web = || deployment(json!({}), json!({}));
    // 25 % of 4: one more, one less.
    check(vec![web(), set("r1", "v1", 4, 4), set("r2", "v2", 0, 0)], &["Scaled up replica set web-r2 from 0 to 1"]);
    check(vec![web(), set("r1", "v1", 4, 4), set("r2", "v2", 1, 0)], &["Scaled down replica set web-r1 from 4 to 3"]);
    check(vec![web(), set("r1", "v1", 3, 3), set("r2", "v2", 1, 0)], &["Scaled up replica set web-r2 from 1 to 2"]);
    check(vec![web(), set("r1", "v1", 3, 3), set("r2", "v2", 2, 0)], &[]);
    check(vec![web(), set("r1", "v1", 3, 3), set("r2", "v2", 2, 2)], &["Scaled down replica set web-r1 from 3 to 1"]);
    check(vec![web(), set("r1", "v1", 1, 1), set("r2", "v2", 4, 4)], &["Scaled down replica set web-r1 from 1 to 0"]);
    check(vec![web(), set("r1", "v1", 0, 0), set("r2", "v2", 4, 4)], &[]);
}

#[test]
fn unhealthy_old_pods_make_room_first() {
    let web = deployment(json!({}), json!({}));
    check(vec![web, set("r1", "v1", 4, 1), set("r2", "v2", 1, 0)], &["Scaled down replica set web-r1 from 4 to 3"]);
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let recreate = || deployment(json!({"strategy": {"type": "Recreate"}}), json!({}));
    check(
        vec![recreate(), set("r1", "v1", 4, 4), set("r2", "v2", 0, 0)],
        &["Scaled down replica set web-r1 from 4 to 0"],
    );
    let ending = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "old", "namespace": "default", "deletionTimestamp": time(NOW), "deletionGracePeriodSeconds": 30,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-r1", "uid": "uid-web-r1", "controller": true}]},
        "spec": {"containers": [{"name": "c", "image": "v1"}]},
    });
    check(vec![recreate(), set("r1", "v1", 0, 0), set("r2", "v2", 0, 0), ending], &[]);
    check(
        vec![recreate(), set("r1", "v1", 0, 0), set("r2", "v2", 0, 0)],
        &["Scaled up replica set web-r2 from 0 to 4"],
    );
}

#[test]
fn a_paused_deployment_only_scales() {
    let paused = deployment(json!({"paused": true, "replicas": 6}), json!({}));
    check(vec![paused, set("r1", "v1", 4, 4)], &["Scaled up replica set web-r1 from 4 to 6"]);
}

#[test]
fn history_beyond_the_limit_goes_oldest_first() {
    let web = deployment(json!({"revisionHistoryLimit": 1}), json!({}));
    check(
        vec![web, set("r1", "v0", 0, 0), set("r2", "v1", 0, 0), set("r3", "v2", 4, 4)],
        &["delete replicasets web-r1 Background"],
    );
}

/// The change of the set `web-r2`, if there is one.
fn change_of_set(objects: Vec<Value>) -> Option<Value> {
    let decision = super::decide(&view(objects), &key("apps", "deployments", "default", "web"), at(NOW)).unwrap();
    decision.steps.into_iter().find_map(|step| match step.change {
        api::change::Change::Patch { key, patch, .. } if key.name() == "web-r2" => Some(patch),
        _ => None,
    })
}

#[test]
fn the_current_set_follows_the_deployments_annotations() {
    let mut web = deployment(json!({}), json!({}));
    web["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!("second");
    let mut current = set("r2", "v2", 4, 4);
    let wanted = json!({"metadata": {"annotations": {"kubernetes.io/change-cause": "second"}}});
    assert_eq!(change_of_set(vec![web.clone(), current.clone()]), Some(wanted));
    current["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!("second");
    assert_eq!(change_of_set(vec![web, current]), None);
}

#[test]
fn a_set_without_an_owner_is_adopted_before_another_is_made() {
    let mut orphan = set("r2", "v2", 4, 4);
    orphan["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    let objects = || vec![deployment(json!({}), json!({})), orphan.clone()];
    let adopted = change_of_set(objects()).unwrap();
    assert_eq!(adopted["metadata"]["ownerReferences"][0]["uid"], json!("uid-web"));
    check(objects(), &[]);
}

#[test]
fn an_empty_set_is_made_without_a_word() {
    check(vec![deployment(json!({"replicas": 0}), json!({}))], &[]);
}

fn condition(objects: Vec<Value>, kind: &str, now: i64) -> (String, String) {
    let decision = super::decide(&view(objects), &key("apps", "deployments", "default", "web"), at(now)).unwrap();
    let status = decision.steps.iter().find_map(|step| match &step.change {
        api::change::Change::Patch { subresource: Some("status"), patch, .. } => Some(patch["status"].clone()),
        _ => None,
    });
    let conditions = status.unwrap()["conditions"].as_array().unwrap().clone();
    let found = conditions.into_iter().find(|condition| condition["type"] == kind).unwrap();
    let text = |name: &str| found[name].as_str().unwrap().to_owned();
    (text("status"), text("reason"))
}

#[test]
fn conditions_tell_progress_completion_and_a_missed_deadline() {
    let web = |status: Value| deployment(json!({"progressDeadlineSeconds": 60}), status);
    let under_way = || vec![web(json!({})), set("r1", "v1", 3, 3), set("r2", "v2", 2, 1)];
    assert_eq!(condition(under_way(), "Progressing", NOW), ("True".into(), "ReplicaSetUpdated".into()));
    assert_eq!(condition(under_way(), "Available", NOW), ("True".into(), "MinimumReplicasAvailable".into()));
    let complete = vec![web(json!({})), set("r2", "v2", 4, 4)];
    assert_eq!(condition(complete, "Progressing", NOW), ("True".into(), "NewReplicaSetAvailable".into()));
    let stalled = json!({
        "replicas": 4, "updatedReplicas": 4, "unavailableReplicas": 4, "observedGeneration": 1,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "lastUpdateTime": time(NOW - 60)}],
    });
    let objects = vec![web(stalled.clone()), set("r2", "v2", 4, 0)];
    let exceeded = ("False".to_owned(), "ProgressDeadlineExceeded".to_owned());
    assert_eq!(condition(objects, "Progressing", NOW), exceeded);
    let mut late = stalled;
    late["unavailableReplicas"] = 3.into();
    late["conditions"][0] = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
        "lastUpdateTime": time(NOW)});
    let objects = |ready| vec![web(late.clone()), set("r2", "v2", 4, ready)];
    assert_eq!(condition(objects(0), "Progressing", NOW + 1), exceeded, "it does not begin again by itself");
    let moved = ("True".to_owned(), "ReplicaSetUpdated".to_owned());
    assert_eq!(condition(objects(1), "Progressing", NOW + 1), moved);
}
