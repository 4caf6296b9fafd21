//! The server as the other parts meet it: nodes, controllers, whoever starts it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_debug_implementations,
    dead_code,
    reason = "tests assert"
)]

mod support;

use api::change::Change;
use api::meta::{Key, Resource};
use api::requester::Requester;
use http::Method;
use seam::Seam;
use serde_json::{Value, json};
use server::{Server, StartError};
use support::{Client, Cluster, pod};

const PODS: &str = "/api/v1/namespaces/default/pods";

fn key(plural: &str, namespace: &str, name: &str) -> Key {
    Key::new(&Resource::new("", plural), namespace, name).unwrap()
}

fn bind(cluster: &Cluster, name: &str) -> Change {
    let pod = key("pods", "default", name);
    let uid = cluster.running.verbs.view().get(&pod).unwrap().header.uid.clone();
    Change::Bind { pod, uid, node: "n1".into() }
}

#[tokio::test]
async fn bindings_of_a_batch_share_a_revision_and_a_bad_one_does_not_stop_them() {
    let cluster = Cluster::start().await;
    for name in ["a", "b", "c"] {
        cluster.admin.post(PODS, &pod(name)).await;
    }
    let changes = vec![bind(&cluster, "a"), bind(&cluster, "b"), bind(&cluster, "c")];
    let verbs = &cluster.running.verbs;
    let scheduler = Requester::component("scheduler");
    verbs.carry_out(&scheduler, None, vec![changes[1].clone()]).await.pop().unwrap().unwrap();
    let outcomes = verbs.carry_out(&scheduler, None, changes).await;
    let revision = |at: usize| outcomes[at].as_ref().unwrap().revision;
    assert_eq!(revision(0), revision(2));
    assert_eq!(outcomes[1].as_ref().unwrap_err().reason, "Conflict");
    assert_eq!(cluster.admin.get(&format!("{PODS}/c")).await.1["spec"]["nodeName"], "n1");
    cluster.admin.post(PODS, &pod("twice")).await;
    let twice = verbs.carry_out(&scheduler, None, vec![bind(&cluster, "twice"), bind(&cluster, "twice")]).await;
    assert!(twice[0].is_ok() && twice[1].as_ref().unwrap_err().message.contains("already assigned"), "{twice:?}");
    cluster.stop().await;
}

#[tokio::test]
async fn changes_that_were_decided_together_do_not_refuse_each_other() {
    let cluster = Cluster::start().await;
    cluster.admin.post(PODS, &pod("a")).await;
    let one = key("pods", "default", "a");
    let verbs = &cluster.running.verbs;
    let decided = |revision| {
        let patch = |subresource, patch| Change::Patch { key: one.clone(), subresource, if_revision: revision, patch };
        vec![
            patch(None, json!({"metadata": {"labels": {"turn": "1"}}})),
            patch(Some("status"), json!({"status": {"reason": "Because"}})),
            patch(None, json!({"metadata": {"labels": {"turn": "2"}}})),
        ]
    };
    let replica_set = Requester::component("replicaset");
    let seen = verbs.view().get(&one).unwrap().revision;
    let outcomes = verbs.carry_out(&replica_set, None, decided(Some(seen))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let (_, changed) = cluster.admin.get(&format!("{PODS}/a")).await;
    let (turn, reason) = (&changed["metadata"]["labels"]["turn"], &changed["status"]["reason"]);
    assert_eq!((turn, reason), (&json!("2"), &json!("Because")));
    let outcomes = verbs.carry_out(&replica_set, None, decided(Some(seen))).await;
    let reasons: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().unwrap_err().reason).collect();
    assert_eq!(reasons, ["Conflict"; 3], "what was seen is not what is there");
    cluster.stop().await;
}

#[tokio::test]
async fn equal_events_are_counted_and_tries_to_place_a_pod_are_one() {
    let cluster = Cluster::start().await;
    cluster.admin.post(PODS, &pod("a")).await;
    let about = key("pods", "default", "a");
    let uid = cluster.running.verbs.view().get(&about).unwrap().header.uid.clone();
    let event = |reason, message: &str| Change::Event {
        about: about.clone(),
        uid: uid.clone(),
        warning: true,
        reason,
        message: message.into(),
    };
    let told = async |reason, messages: [&str; 3]| {
        let events = messages.map(|message| event(reason, message)).into();
        let outcomes = cluster.running.verbs.carry_out(&Requester::component("scheduler"), None, events).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let path = format!("/api/v1/namespaces/default/events?fieldSelector=reason%3D{reason}");
        let (_, list) = cluster.admin.get(&path).await;
        let items = list["items"].as_array().unwrap().iter();
        let mut counts: Vec<_> = items.map(|event| (event["message"].clone(), event["count"].clone())).collect();
        counts.sort_by_key(|(message, _)| message.to_string());
        counts
    };
    assert_eq!(told("Preempted", ["x", "x", "y"]).await, [(json!("x"), json!(2)), (json!("y"), json!(1))]);
    assert_eq!(told("FailedScheduling", ["x", "x", "y"]).await, [(json!("y"), json!(3))], "the last try's words stand");
    cluster.stop().await;
}

#[tokio::test]
async fn a_node_may_what_concerns_it_and_its_pods() {
    let cluster = Cluster::start().await;
    let secret = |name: &str| json!({"metadata": {"name": name}});
    let mut using = pod("mine");
    using["spec"]["volumes"] = json!([{"name": "v", "secret": {"secretName": "used"}}]);
    let secrets = "/api/v1/namespaces/default/secrets";
    cluster.admin.post(secrets, &secret("used")).await;
    cluster.admin.post(secrets, &secret("other")).await;
    cluster.admin.post(PODS, &using).await;
    cluster.admin.post(PODS, &pod("foreign")).await;
    let scheduler = Requester::component("scheduler");
    cluster.running.verbs.carry_out(&scheduler, None, vec![bind(&cluster, "mine")]).await.pop().unwrap().unwrap();
    let node = Client::of(&cluster.running.node_bundle("n1").unwrap().kubeconfig);
    let check = async |method: Method, path: &str, body: &Value, code: u16| {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let headers: &[(&str, &str)] =
            if method == Method::PATCH { &[("content-type", "application/merge-patch+json")] } else { &[] };
        let (got, status) = node.ask(method.clone(), path, headers, &text).await;
        assert_eq!(got, code, "{method} {path}: {status}");
    };
    let none = Value::Null;
    check(Method::GET, "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", &none, 200).await;
    check(Method::GET, "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2", &none, 403).await;
    check(Method::GET, "/api/v1/pods", &none, 403).await;
    check(Method::GET, &format!("{PODS}/mine"), &none, 200).await;
    check(Method::GET, &format!("{PODS}/foreign"), &none, 403).await;
    check(Method::PATCH, &format!("{PODS}/mine/status"), &json!({"status": {"phase": "Running"}}), 200).await;
    check(Method::PATCH, &format!("{PODS}/mine"), &json!({"metadata": {"labels": {"x": "y"}}}), 403).await;
    check(Method::GET, &format!("{secrets}/used"), &none, 200).await;
    check(Method::GET, &format!("{secrets}/other"), &none, 403).await;
    check(Method::POST, "/api/v1/nodes", &json!({"metadata": {"name": "n1"}}), 201).await;
    check(Method::POST, "/api/v1/nodes", &json!({"metadata": {"name": "n2"}}), 403).await;
    check(Method::DELETE, &format!("{PODS}/mine?gracePeriodSeconds=0"), &none, 200).await;
    cluster.stop().await;
}

#[tokio::test]
async fn logs_come_from_the_node_that_runs_the_pod() {
    let cluster = Cluster::start().await;
    let port = support::node::endpoint(&cluster.running.node_bundle("n1").unwrap(), |line| line.to_owned()).await;
    let admin = &cluster.admin;
    admin.post("/api/v1/nodes", &json!({"metadata": {"name": "n1"}})).await;
    assert_eq!(admin.merge("/api/v1/nodes/n1/status", &support::node::status(port)).await.0, 200);
    admin.post(PODS, &pod("a")).await;
    let message = |answer: (u16, Value)| answer.1["message"].as_str().unwrap_or_default().to_owned();
    assert_eq!(admin.get(&format!("{PODS}/a/log")).await, (204, json!("")), "nothing can have written a log");
    cluster.running.verbs.carry_out(&Requester::component("x"), None, vec![bind(&cluster, "a")]).await;
    assert_eq!(
        message(admin.get(&format!("{PODS}/a/log")).await),
        "container \"c\" in pod \"a\" is waiting to start: ContainerCreating"
    );
    let running = json!({"status": {"containerStatuses": [{"name": "c", "ready": true, "restartCount": 0, "image": "i", "imageID": "i",
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}});
    assert_eq!(admin.merge(&format!("{PODS}/a/status"), &running).await.0, 200);
    let (code, text) = admin.get(&format!("{PODS}/a/log?follow=true&tailLines=5")).await;
    assert_eq!((code, text), (200, json!("GET /containerLogs/default/a/c?follow=true&tailLines=5 HTTP/1.1")));
    cluster.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_remedy() {
    let cluster = Cluster::start().await;
    let taken = cluster.running.addresses[0];
    let dir = tempfile::tempdir().unwrap();
    let config = server::ServerConfig { listen: vec![taken], ..support::config(dir.path()) };
    let error = Server::start(config, cluster.store.clone(), Seam::real()).await.unwrap_err();
    assert!(matches!(error, StartError::PortInUse { address } if address == taken));
    assert!(error.to_string().contains("choose another port"), "{error}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_server_that_starts_again_knows_its_objects_and_its_clients() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = None;
    for _ in 0..2 {
        let seam = Seam::real();
        let store = store::Store::open(store::StoreConfig::new(dir.path().join("store")), seam.clone()).await.unwrap();
        let running = Server::start(support::config(dir.path()), store.clone(), seam).await.unwrap();
        let (code, namespace) = Client::of(&running.admin_kubeconfig()).get("/api/v1/namespaces/default").await;
        assert_eq!(code, 200);
        let view = running.verbs.view();
        let service = view.find("", "services", "default", "kubernetes").unwrap().to_value().unwrap();
        let port = &service["spec"]["ports"][0];
        assert_eq!(
            (&service["spec"]["clusterIP"], &port["targetPort"]),
            (&json!("10.96.0.1"), &json!(running.addresses[0].port()))
        );
        let seen = (namespace["metadata"]["uid"].clone(), running.pki().clients.certificate().to_owned());
        assert_eq!(*first.get_or_insert_with(|| seen.clone()), seen);
        running.shutdown().await;
        store.close().await.unwrap();
    }
}
