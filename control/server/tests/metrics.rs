//! `metrics.k8s.io`: what nodes say of their use of resources, as metrics-server would tell it.
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
use api::requester::Requester;
use http::Method;
use serde_json::{Value, json};
use support::{Cluster, pod};

const PODS: &str = "/api/v1/namespaces/default/pods";
const METRICS: &str = "/apis/metrics.k8s.io/v1beta1";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const TIME: &str = "2026-01-01T00:00:00Z";

/// What a node measured; no rate is known before the second look.
fn measured(nano_cores: Option<u64>, bytes: u64) -> Value {
    let mut cpu = json!({"time": TIME, "usageCoreNanoSeconds": 5});
    if let Some(rate) = nano_cores {
        cpu["usageNanoCores"] = rate.into();
        cpu["usageWindowNanoSeconds"] = 10_250_000_000_u64.into();
    }
    json!({"cpu": cpu, "memory": {"time": TIME, "workingSetBytes": bytes}})
}

fn said(name: &str, uid: &Value, container: Value) -> Value {
    let mut container = container;
    container["name"] = "c".into();
    json!({"podRef": {"name": name, "namespace": "default", "uid": uid}, "containers": [container]})
}

/// A cluster with a node that measures, on which the pod `a` is known, `b` is measured once, and `gone` is another pod by now.
async fn cluster() -> Cluster {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    admin.post("/api/v1/nodes", &json!({"metadata": {"name": "n1", "labels": {"disk": "ssd"}}})).await;
    admin.post("/api/v1/nodes", &json!({"metadata": {"name": "silent"}})).await;
    let mut pods = Vec::new();
    for name in ["a", "b", "gone", "waiting"] {
        let (_, created) = admin.post(PODS, &pod(name)).await;
        let uid = created["metadata"]["uid"].clone();
        let bind = Change::Bind {
            pod: api::meta::Key::new(&api::meta::Resource::new("", "pods"), "default", name).unwrap(),
            uid: api::meta::Uid::new(uid.as_str().unwrap()),
            node: "n1".into(),
        };
        cluster.running.verbs.carry_out(&Requester::component("x"), None, vec![bind]).await.pop().unwrap().unwrap();
        let phase = if name == "waiting" { "Pending" } else { "Running" };
        admin.merge(&format!("{PODS}/{name}/status"), &json!({"status": {"phase": phase}})).await;
        pods.push(uid);
    }
    let mut summary = json!({"node": measured(Some(250_000_000), 1 << 30), "pods": [
        said("a", &pods[0], measured(Some(1_500_000), 3 << 20)), said("b", &pods[1], measured(None, 1)),
        said("gone", &json!("another"), measured(Some(1), 1)), said("waiting", &pods[3], measured(Some(1), 1)),
    ]});
    summary["node"]["nodeName"] = "n1".into();
    let answer = move |line: &str| {
        if line.starts_with("GET /stats/summary ") { summary.to_string() } else { line.to_owned() }
    };
    let port = support::node::endpoint(&cluster.running.node_bundle("n1").unwrap(), answer).await;
    assert_eq!(admin.merge("/api/v1/nodes/n1/status", &support::node::status(port)).await.0, 200);
    cluster
}

/// An object without the moment at which it was asked for.
fn timeless(mut object: Value) -> Value {
    object["metadata"].as_object_mut().unwrap().remove("creationTimestamp").expect("it is as young as the question");
    object
}

#[tokio::test]
async fn nodes_and_pods_tell_what_they_use() {
    let cluster = cluster().await;
    let get = async |path: &str| cluster.admin.get(&format!("{METRICS}{path}")).await;
    let node = json!({"kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": "n1", "labels": {"disk": "ssd"}}, "timestamp": TIME, "window": "10.25s",
        "usage": {"cpu": "250m", "memory": "1Gi"}});
    assert_eq!(timeless(get("/nodes/n1").await.1), node);
    let pod = json!({"kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": "a", "namespace": "default", "labels": {"app": "a"}}, "timestamp": TIME, "window": "10.25s",
        "containers": [{"name": "c", "usage": {"cpu": "1500u", "memory": "3Mi"}}]});
    assert_eq!(timeless(get("/namespaces/default/pods/a").await.1), pod);
    let names = async |path: &str| {
        let (code, list) = get(path).await;
        assert_eq!(code, 200, "{list}");
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("/nodes").await, ["n1"], "a node that says nothing is not in the list");
    assert_eq!(names("/nodes?labelSelector=disk%3Dhdd").await, Vec::<String>::new());
    assert_eq!(names("/pods").await, ["a"], "what is not measured yet, or not this pod, or does not run, is not");
    assert_eq!(names("/namespaces/default/pods?labelSelector=app%3Da").await, ["a"]);
    assert_eq!(names("/namespaces/default/pods?labelSelector=app%3Db").await, Vec::<String>::new());
    assert_eq!(names("/namespaces/other/pods").await, Vec::<String>::new());
    assert_eq!(names("/pods?fieldSelector=metadata.name%3Da").await, ["a"]);
    cluster.stop().await;
}

#[tokio::test]
async fn what_is_not_known_is_refused_as_by_metrics_server() {
    let cluster = cluster().await;
    let check = async |path: &str, code: u16, message: &str| {
        let (got, status) = cluster.admin.get(&format!("{METRICS}{path}")).await;
        assert_eq!((got, &status["message"]), (code, &json!(message)), "{path}");
    };
    check("/nodes/silent", 404, "nodemetrics.metrics.k8s.io \"silent\" not found").await;
    check("/nodes/nothing", 404, "nodes \"nothing\" not found").await;
    check("/namespaces/default/pods/b", 404, "podmetrics.metrics.k8s.io \"default/b\" not found").await;
    check("/namespaces/default/pods/waiting", 404, "pods \"waiting\" not found").await;
    let refused = "the server does not allow this method on the requested resource";
    check("/nodes?watch=1", 405, refused).await;
    check("/pods?watch=1", 405, refused).await;
    let (code, _) = cluster.admin.ask(Method::DELETE, &format!("{METRICS}/nodes/n1"), &[], "").await;
    assert_eq!(code, 405);
    cluster.stop().await;
}

#[tokio::test]
async fn they_are_discovered_and_shown_as_a_table() {
    let cluster = cluster().await;
    let (_, list) = cluster.admin.get(METRICS).await;
    let entry = |name: &str, kind: &str, namespaced: bool| json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]});
    assert_eq!(list["resources"], json!([entry("nodes", "NodeMetrics", false), entry("pods", "PodMetrics", true)]));
    let (_, table) = cluster.admin.ask(Method::GET, &format!("{METRICS}/pods"), &[("accept", TABLE)], "").await;
    let titles: Vec<&Value> = table["columnDefinitions"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(json!(titles), json!(["Name", "cpu", "memory", "Window"]));
    assert_eq!(table["rows"][0]["cells"], json!(["a", "1500u", "3Mi", "10.25s"]));
    let (code, document) = cluster.admin.get("/openapi/v3/apis/metrics.k8s.io/v1beta1").await;
    let schemas = &document["components"]["schemas"];
    assert_eq!(code, 200);
    assert!(schemas["io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetricsList"].is_object(), "{schemas}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_node_is_read_through_the_server() {
    let cluster = cluster().await;
    let get = async |path: &str| cluster.admin.get(&format!("/api/v1/nodes/n1/proxy{path}")).await;
    assert_eq!(get("/metrics/a%20b?x=1").await, (200, json!("GET /metrics/a%20b?x=1 HTTP/1.1")));
    assert_eq!(get("").await, (200, json!("GET / HTTP/1.1")));
    let (code, status) = cluster.admin.get("/api/v1/nodes/nothing/proxy/metrics").await;
    assert_eq!((code, &status["reason"]), (503, &json!("ServiceUnavailable")));
    let (code, _) = cluster.admin.post("/api/v1/nodes/n1/proxy/metrics", &json!({})).await;
    assert_eq!(code, 405);
    cluster.stop().await;
}
