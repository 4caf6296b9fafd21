//! Bodies in protobuf, as Go programs send them, for everything that has a body.
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
use serde_json::{Value, json};
use support::{Client, Cluster, pod};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// What kubectl 1.37.1 sent for `create deployment web --image=nginx:1.27 --port=80 --replicas=0`.
const DEPLOYMENT: &[u8] = include_bytes!("../../api/src/protobuf/recorded/deployment.bin");

/// A part of a message: bytes, text or a message of fewer than 128 bytes.
fn part(number: u8, content: &[u8]) -> Vec<u8> {
    assert!(number < 16 && content.len() < 128);
    [&[number << 3 | 2, content.len().to_le_bytes()[0]], content].concat()
}

/// A body of the endpoint's own kind.
fn body(message: &[u8]) -> Vec<u8> {
    [b"k8s\0".as_slice(), &part(2, message)].concat()
}

async fn send(client: &Client, method: Method, path: &str, body: &[u8]) -> (u16, Value) {
    let headers = [
        ("content-type", "application/vnd.kubernetes.protobuf"),
        ("accept", "application/vnd.kubernetes.protobuf,application/json"),
    ];
    client.ask(method, path, &headers, body).await
}

/// An object without what differs between any two.
fn comparable(mut object: Value) -> Value {
    for field in ["uid", "name", "resourceVersion", "creationTimestamp", "managedFields"] {
        object["metadata"].as_object_mut().unwrap().remove(field);
    }
    object
}

#[tokio::test]
async fn an_object_made_in_protobuf_is_the_one_made_in_json() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let strict = format!("{DEPLOYMENTS}?fieldManager=kubectl-create&fieldValidation=Strict");
    let (code, made) = send(admin, Method::POST, &strict, DEPLOYMENT).await;
    assert_eq!((code, &made["metadata"]["name"]), (201, &json!("web")), "{made}");
    let same = json!({
        "metadata": {"name": "same", "labels": {"app": "web"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}]},
            },
        },
    });
    assert_eq!(comparable(made), comparable(admin.post(DEPLOYMENTS, &same).await.1));
    let (code, refused) = send(admin, Method::POST, "/api/v1/namespaces/default/secrets", DEPLOYMENT).await;
    let message = "Deployment in version \"v1\" cannot be handled as a Secret: \
                   converting (v1.Deployment) to (core.Secret): unknown conversion";
    assert_eq!((code, &refused["message"]), (400, &json!(message)));
    cluster.stop().await;
}

#[tokio::test]
async fn scale_binding_and_deletion_are_read_in_protobuf() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    send(admin, Method::POST, DEPLOYMENTS, DEPLOYMENT).await;
    let scale = body(&[part(1, &part(1, b"web")), part(2, &[0x08, 3])].concat());
    let (code, scaled) = send(admin, Method::PUT, &format!("{DEPLOYMENTS}/web/scale"), &scale).await;
    assert_eq!((code, &scaled["spec"]), (200, &json!({"replicas": 3})), "{scaled}");

    admin.post(PODS, &pod("a")).await;
    let binding = body(&[part(1, &part(1, b"a")), part(2, &[part(1, b"Node"), part(3, b"n1")].concat())].concat());
    let (code, bound) = send(admin, Method::POST, &format!("{PODS}/a/binding"), &binding).await;
    assert_eq!((code, &bound["status"]), (201, &json!("Success")), "{bound}");
    assert_eq!(admin.get(&format!("{PODS}/a")).await.1["spec"]["nodeName"], "n1");

    let other = body(&part(2, &part(1, b"another-uid")));
    let (code, held) = send(admin, Method::DELETE, &format!("{PODS}/a"), &other).await;
    assert_eq!((code, &held["reason"]), (409, &json!("Conflict")), "{held}");
    let at_once = body(&[0x08, 0]);
    assert_eq!(send(admin, Method::DELETE, &format!("{PODS}/a"), &at_once).await.0, 200);
    assert_eq!(admin.get(&format!("{PODS}/a")).await.0, 404, "no grace was asked for, although the pod is on a node");
    cluster.stop().await;
}

#[tokio::test]
async fn there_are_no_patches_in_protobuf() {
    let cluster = Cluster::start().await;
    send(&cluster.admin, Method::POST, DEPLOYMENTS, DEPLOYMENT).await;
    let (code, refused) = send(&cluster.admin, Method::PATCH, &format!("{DEPLOYMENTS}/web"), DEPLOYMENT).await;
    assert_eq!((code, &refused["reason"]), (415, &json!("UnsupportedMediaType")), "{refused}");
    cluster.stop().await;
}
