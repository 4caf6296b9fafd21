//! Decisions about what has lost its owner, from plain objects.

use serde_json::{Value, json};

use crate::make::{NOW, at, key, lines, time, view};

fn owner(finalizer: Option<&str>) -> Value {
    let mut owner =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": "default"}});
    if let Some(finalizer) = finalizer {
        owner["metadata"]["deletionTimestamp"] = json!(time(NOW));
        owner["metadata"]["finalizers"] = json!([finalizer, "mine/too"]);
    }
    owner
}

fn dependent(owners: &[(&str, &str)]) -> Value {
    let owners: Vec<Value> = owners
        .iter()
        .map(|(name, uid)| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "blockOwnerDeletion": true})
        })
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "dependent", "namespace": "default", "ownerReferences": owners},
    })
}

fn check(objects: Vec<Value>, plural: &str, name: &str, expected: &[&str]) {
    let decision = super::decide(&view(objects), &key("", plural, "default", name), at(NOW)).unwrap();
    assert_eq!(lines(&decision), expected);
}

#[test]
fn what_has_no_owner_left_goes() {
    check(vec![owner(None), dependent(&[("owner", "uid-owner")])], "secrets", "dependent", &[]);
    check(vec![dependent(&[("owner", "uid-owner")])], "secrets", "dependent", &["delete secrets dependent Background"]);
    // Another object of the same name is another owner.
    check(
        vec![owner(None), dependent(&[("owner", "old")])],
        "secrets",
        "dependent",
        &["delete secrets dependent Background"],
    );
}

#[test]
fn what_has_an_owner_left_forgets_the_others() {
    check(
        vec![owner(None), dependent(&[("owner", "uid-owner"), ("gone", "uid-gone")])],
        "secrets",
        "dependent",
        &[
            r#"patch secrets dependent {"metadata":{"ownerReferences":[{"apiVersion":"v1","blockOwnerDeletion":true,"kind":"ConfigMap","name":"owner","uid":"uid-owner"}]}}"#,
        ],
    );
}

#[test]
fn an_owner_of_an_unknown_kind_is_never_known_to_be_gone() {
    let mut foreign = dependent(&[("x", "y")]);
    foreign["metadata"]["ownerReferences"][0]["apiVersion"] = json!("example.com/v1");
    check(vec![foreign], "secrets", "dependent", &[]);
}

#[test]
fn foreground_deletion_waits_for_dependents() {
    let objects = || vec![owner(Some("foregroundDeletion")), dependent(&[("owner", "uid-owner")])];
    check(objects(), "configmaps", "owner", &[]);
    check(objects(), "secrets", "dependent", &["delete secrets dependent Background"]);
    let alone = vec![owner(Some("foregroundDeletion"))];
    let done = [r#"patch configmaps owner {"metadata":{"finalizers":["mine/too"]}}"#];
    check(alone, "configmaps", "owner", &done);
    let mut free = dependent(&[("owner", "uid-owner")]);
    free["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = json!(false);
    check(vec![owner(Some("foregroundDeletion")), free], "configmaps", "owner", &done);
}

#[test]
fn what_another_owner_keeps_does_not_go_with_one_that_waits() {
    let mut other = owner(None);
    other["metadata"]["name"] = json!("other");
    let shared = dependent(&[("owner", "uid-owner"), ("other", "uid-other")]);
    check(
        vec![owner(Some("foregroundDeletion")), other, shared],
        "secrets",
        "dependent",
        &[
            r#"patch secrets dependent {"metadata":{"ownerReferences":[{"apiVersion":"v1","blockOwnerDeletion":true,"kind":"ConfigMap","name":"other","uid":"uid-other"}]}}"#,
        ],
    );
}

#[test]
fn a_chain_goes_from_its_end() {
    let mut last = dependent(&[("dependent", "uid-dependent")]);
    last["metadata"]["name"] = json!("last");
    last["metadata"]["ownerReferences"][0]["kind"] = json!("Secret");
    let chain = vec![owner(Some("foregroundDeletion")), dependent(&[("owner", "uid-owner")]), last];
    check(chain, "secrets", "dependent", &["delete secrets dependent Foreground"]);
}

#[test]
fn a_circle_is_broken() {
    let mut first = owner(Some("foregroundDeletion"));
    first["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Secret", "name": "dependent",
        "uid": "uid-dependent", "blockOwnerDeletion": true}]);
    check(
        vec![first, dependent(&[("owner", "uid-owner")])],
        "secrets",
        "dependent",
        &[
            r#"patch secrets dependent {"metadata":{"ownerReferences":[{"apiVersion":"v1","blockOwnerDeletion":false,"kind":"ConfigMap","name":"owner","uid":"uid-owner"}]}}"#,
            "delete secrets dependent Foreground",
        ],
    );
}

#[test]
fn finalizers_say_what_becomes_of_dependents_of_dependents() {
    let mut orphaning = dependent(&[("owner", "uid-owner")]);
    orphaning["metadata"]["finalizers"] = json!(["orphan"]);
    check(vec![orphaning], "secrets", "dependent", &["delete secrets dependent Orphan"]);
}

#[test]
fn a_cluster_scoped_object_has_no_namespaced_owner() {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n",
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "u"}]}});
    let decision = super::decide(&view(vec![node]), &key("", "nodes", "", "n"), at(NOW)).unwrap();
    assert_eq!(lines(&decision), [] as [&str; 0]);
}

#[test]
fn orphaning_frees_dependents_first() {
    let objects = vec![owner(Some("orphan")), dependent(&[("owner", "uid-owner")])];
    check(objects, "configmaps", "owner", &[r#"patch secrets dependent {"metadata":{"ownerReferences":[]}}"#]);
    let alone = vec![owner(Some("orphan"))];
    check(alone, "configmaps", "owner", &[r#"patch configmaps owner {"metadata":{"finalizers":["mine/too"]}}"#]);
}
