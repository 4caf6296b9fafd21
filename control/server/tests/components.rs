//! `ComponentStatus`: how the parts of the control plane are.
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

use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::Component;
use support::{Client, Cluster};

const PATH: &str = "/api/v1/componentstatuses";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// Code, warning and body of an answer.
async fn ask(client: &Client, method: Method, path: &str, accept: &str) -> (u16, String, Value) {
    let (parts, body) = client.send(method, path, &[("accept", accept)], "").await.into_parts();
    let warning = parts.headers.get("warning").map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), warning, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn parts_are_told_as_long_as_they_run() {
    let (components, alive) = Component::run_together(&["scheduler", "controller-manager"]);
    let cluster = Cluster::with_components(components).await;
    let read = |path: &'static str, accept: &'static str| ask(&cluster.admin, Method::GET, path, accept);
    let (code, warning, list) = read(PATH, "*/*").await;
    assert_eq!((code, warning.as_str()), (200, "299 - \"v1 ComponentStatus is deprecated in v1.19+\""));
    let healthy = json!([{"type": "Healthy", "status": "True", "message": "ok"}]);
    let item = |name: &str| json!({"metadata": {"name": name}, "conditions": healthy});
    let items = [item("controller-manager"), item("etcd-0"), item("scheduler")];
    assert_eq!(list, json!({"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": items}));
    let (_, _, one) = read("/api/v1/componentstatuses/etcd-0", "*/*").await;
    let named =
        json!({"kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": "etcd-0"}, "conditions": healthy});
    assert_eq!(one, named);
    drop(alive);
    let (_, _, table) = read("/api/v1/componentstatuses?fieldSelector=metadata.name%3Dscheduler", TABLE).await;
    let columns: Vec<_> = table["columnDefinitions"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(json!(columns), json!(["Name", "Status", "Message", "Error"]));
    let cells = json!(["scheduler", "Unhealthy", "it does not run; see the log of the server", ""]);
    assert_eq!((&table["rows"][0]["cells"], table["rows"].as_array().unwrap().len()), (&cells, 1));
    assert_eq!(table["metadata"], json!({}));
    cluster.stop().await;
}

#[tokio::test]
async fn they_are_read_and_nothing_else() {
    let cluster = Cluster::start().await;
    let (code, _, status) = ask(&cluster.admin, Method::GET, "/api/v1/componentstatuses/nothing", "*/*").await;
    assert_eq!((code, &status["message"]), (500, &json!("Component not found: nothing")));
    let refused = [
        (Method::GET, "/api/v1/componentstatuses?watch=1"),
        (Method::POST, PATH),
        (Method::DELETE, PATH),
        (Method::DELETE, "/api/v1/componentstatuses/etcd-0"),
        (Method::PATCH, "/api/v1/componentstatuses/etcd-0"),
    ];
    for (method, path) in refused {
        let (code, _, status) = ask(&cluster.admin, method.clone(), path, "*/*").await;
        assert_eq!((code, &status["reason"]), (405, &json!("MethodNotAllowed")), "{method} {path}");
    }
    let (_, list) = cluster.admin.get("/api/v1").await;
    let resource = list["resources"].as_array().unwrap().iter().find(|one| one["name"] == "componentstatuses").unwrap();
    assert_eq!(resource["verbs"], json!(["get", "list"]));
    assert_eq!(resource["storageVersionHash"], Value::Null);
    cluster.stop().await;
}

#[tokio::test]
async fn reading_what_goes_is_warned_of() {
    let cluster = Cluster::start().await;
    let (code, warning, _) =
        ask(&cluster.admin, Method::GET, "/api/v1/namespaces/default/endpoints/nothing", "*/*").await;
    let told = "299 - \"v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\"";
    assert_eq!((code, warning.as_str()), (404, told));
    cluster.stop().await;
}
