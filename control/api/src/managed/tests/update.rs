//! Managers by other writes than apply.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Reach, Story};

fn check(story: &Story, owners: &Expect) {
    owners.assert_eq(&story.owners());
}

fn set(pointer: &'static str, value: Value) -> impl FnOnce(Value) -> Value {
    move |mut object| {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[name] = value;
        object
    }
}

/// As `kubectl apply` of a Deployment shows it on every cluster: no dot where Go has a struct or a list that must be there.
#[test]
fn a_creation_owns_what_the_object_has_beyond_an_empty_one() {
    let object = json!({
        "metadata": {"labels": {"app": "x"}, "uid": "u", "creationTimestamp": "t", "generation": 1, "generateName": "g-",
            "ownerReferences": [{"uid": "o", "name": "n", "kind": "k", "apiVersion": "v"}]},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "resources": {},
                "ports": [{"containerPort": 80, "protocol": "TCP"}]}], "securityContext": {}, "nodeSelector": {"x": "y"}}}},
        "status": {"replicas": 1},
    });
    let story = Story::created("apps/v1", "Deployment", "kubectl", &object);
    let fields = &story.object.as_ref().unwrap()["metadata"]["managedFields"][0]["fieldsV1"];
    let port = json!({"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:protocol": {}}, ".": {}});
    let container = json!({".": {}, "f:name": {}, "f:resources": {}, "f:ports": port});
    let owner = json!({".": {}, "k:{\"uid\":\"o\"}": {}});
    assert_eq!(
        *fields,
        json!({
            "f:metadata": {"f:generateName": {}, "f:labels": {".": {}, "f:app": {}}, "f:ownerReferences": owner},
            "f:spec": {"f:replicas": {}, "f:selector": {},
                "f:strategy": {"f:type": {}, "f:rollingUpdate": {".": {}, "f:maxSurge": {}}},
                "f:template": {"f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                    "f:spec": {"f:containers": {"k:{\"name\":\"c\"}": container}, "f:securityContext": {}, "f:nodeSelector": {}}}},
        })
    );
}

#[test]
fn an_update_takes_what_it_changes_and_keeps_times_otherwise() {
    let mut story = Story::created("v1", "ConfigMap", "a", &json!({"data": {"x": "1", "y": "1"}}));
    story.update("b", set("/data/x", "2".into()));
    check(
        &story,
        &expect![[r"
            Update a@01: .data .data.y
            Update b@02: .data.x"]],
    );
    let before = story.object.clone();
    story.update("c", |object| object);
    assert_eq!(story.object, before, "nothing changed");
    story.update("a", set("/data", json!({"y": "1", "z": "1"})));
    check(&story, &expect!["Update a@04: .data .data.y .data.z"]);
    story.update("b", |mut object| {
        object.as_object_mut().unwrap().remove("data");
        object
    });
    check(&story, &expect![""]);
}

#[test]
fn a_status_is_owned_by_who_writes_the_status() {
    let mut story =
        Story::created("v1", "Pod", "a", &json!({"spec": {"nodeName": "n"}, "status": {"phase": "Pending"}}));
    check(&story, &expect!["Update a@01: .spec.nodeName"]);
    (story.subresource, story.reach) = ("status", Reach::But(&[&["spec"]]));
    story.update("kubelet", |mut object| {
        object["spec"]["nodeName"] = "m".into();
        object["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        object["metadata"]["managedFields"] = json!([]);
        object
    });
    let owners = expect![[r#"
        Update a@01: .spec.nodeName
        Update kubelet status@02: .status.conditions .status.phase .status.conditions[type="Ready"] .status.conditions[type="Ready"].status .status.conditions[type="Ready"].type"#]];
    check(&story, &owners);
}

#[test]
fn managers_can_be_written_where_they_can_be_read() {
    let mut story = Story::created("v1", "ConfigMap", "a", &json!({"data": {"x": "1"}}));
    let moved = json!([{"manager": "b", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "time": "1970-01-01T00:07:00Z", "fieldsV1": {"f:data": {"f:x": {}}}}]);
    story.update("c", set("/metadata/managedFields", moved.clone()));
    check(&story, &expect!["Apply b@07: .data.x"]);
    let before = story.object.clone();
    for wrong in [
        json!([{"manager": "b", "operation": "Apply"}]),
        json!([{"manager": "b", "operation": "Steal", "apiVersion": "v1", "fieldsType": "FieldsV1"}]),
        json!([{"manager": "b", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV2"}]),
        json!([{"manager": "b", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"x": {}}}]),
        Value::Null,
    ] {
        story.update("c", set("/metadata/managedFields", wrong));
        assert_eq!(story.object, before);
    }
    for forget in [json!([]), json!([{}])] {
        let mut story = Story { object: before.clone(), ..Story::of("v1", "ConfigMap") };
        story.update("c", set("/metadata/managedFields", forget));
        check(&story, &expect![""]);
        story.update("c", set("/data/x", "2".into()));
        check(&story, &expect![""]);
    }
}

#[test]
fn entries_of_versions_that_are_gone_go_with_the_next_change() {
    let mut story = Story::created("v1", "ConfigMap", "a", &json!({"data": {"x": "1"}}));
    let entry = json!({"manager": "old", "operation": "Update", "apiVersion": "v1beta1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:x": {}}}});
    story.object.as_mut().unwrap()["metadata"]["managedFields"].as_array_mut().unwrap().push(entry);
    story.update("b", set("/data/y", "1".into()));
    check(
        &story,
        &expect![[r"
            Update a@01: .data .data.x
            Update b@02: .data.y"]],
    );
}

#[test]
fn the_oldest_of_many_updaters_become_one() {
    let mut story = Story::created("v1", "ConfigMap", "m0", &json!({"data": {"k0": "1"}}));
    for nth in 1..12 {
        story.update(&format!("m{nth}"), |mut object| {
            object["data"][format!("k{nth}")] = "1".into();
            object
        });
    }
    let owners = story.owners();
    let lines: Vec<_> = owners.lines().collect();
    assert_eq!(lines.len(), 10, "{owners}");
    assert_eq!(lines[0], "Update ancient-changes@03: .data .data.k0 .data.k1 .data.k2");
    assert_eq!(lines[1], "Update m3@04: .data.k3");
}
