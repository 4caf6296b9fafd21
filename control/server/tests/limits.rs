//! How much a server takes on, and how it treats those who ask for more.
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

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use seam::Seam;
use serde_json::{Value, json};
use server::Limits;
use support::{Client, Cluster};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// No test waits longer than this for what should happen at once.
const SOON: Duration = Duration::from_secs(20);

async fn soon<T>(what: impl Future<Output = T>) -> T {
    Seam::real().timeout(SOON, what).await.expect("it should have happened by now")
}

/// A write that has begun and goes on when [`Slow::end`] sends the rest of its body.
struct Slow {
    stream: TlsStream<TcpStream>,
    rest: String,
}

impl Slow {
    async fn begin(client: &Client, user: &str, name: &str) -> Self {
        let body = json!({"metadata": {"name": name}}).to_string();
        let (first, rest) = body.split_at(1);
        let mut stream = client.connect().await;
        let head = format!(
            "POST {CONFIG_MAPS} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\nimpersonate-user: {user}\r\n\
             impersonate-group: system:masters\r\nconnection: close\r\n\r\n{first}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        Self { stream, rest: rest.to_owned() }
    }

    /// The whole answer as it came.
    async fn end(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        soon(self.stream.read_to_end(&mut answer)).await.unwrap_or_default();
        String::from_utf8(answer).unwrap()
    }
}

/// Waits until a figure has a value.
async fn until(client: &Client, figure: &str, value: &str) {
    let line = format!("{figure} {value}");
    soon(async {
        while !client.get("/metrics").await.1.as_str().unwrap().lines().any(|one| one == line) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

const WRITES: &str = "apiserver_current_inflight_requests{request_kind=\"mutating\"}";
const QUEUED: &str = "apiserver_current_inqueue_requests{request_kind=\"mutating\"}";

#[tokio::test]
async fn who_floods_waits_and_others_do_not() {
    let cluster = Cluster::with_limits(Limits { writes: 4, wait: SOON, ..Limits::default() }).await;
    let admin = &cluster.admin;
    let mut flood = Vec::new();
    for nth in 0..6 {
        flood.push(Slow::begin(admin, "flood", &format!("f{nth}")).await);
    }
    until(admin, WRITES, "3").await;
    until(admin, QUEUED, "3").await;
    let (code, made) = soon(admin.post(CONFIG_MAPS, &json!({"metadata": {"name": "quiet"}}))).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(soon(admin.get(CONFIG_MAPS)).await.0, 200, "reads have seats of their own");
    for one in flood {
        let answer = one.end().await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
    until(admin, WRITES, "0").await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_request_that_gets_no_seat_is_told_when_to_come_back() {
    let wait = Duration::from_millis(100);
    let cluster = Cluster::with_limits(Limits { writes: 1, wait, ..Limits::default() }).await;
    let slow = Slow::begin(&cluster.admin, "slow", "s").await;
    until(&cluster.admin, WRITES, "1").await;
    let body = json!({"metadata": {"name": "x"}}).to_string();
    let reply = cluster.admin.send(Method::POST, CONFIG_MAPS, &[], &body).await;
    let (parts, body) = reply.into_parts();
    assert_eq!((parts.status.as_u16(), &parts.headers["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(parts.headers["content-type"], "text/plain; charset=utf-8");
    let text = body.collect().await.unwrap().to_bytes();
    assert_eq!(text, "Too many requests, please try again later.\n");
    until(&cluster.admin, "apiserver_dropped_requests_total{request_kind=\"mutating\"}", "1").await;
    let answer = slow.end().await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let cluster = Cluster::with_limits(Limits { request: Duration::from_millis(300), ..Limits::default() }).await;
    let slow = Slow::begin(&cluster.admin, "slow", "s").await;
    let mut stream = slow.stream;
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap_or_default();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 504 "), "{answer}");
    let status: Value = serde_json::from_str(body).unwrap();
    let want = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "Timeout: request did not complete within the allotted timeout", "reason": "Timeout", "details": {},
        "code": 504});
    assert_eq!(status, want);
    let (code, refused) = cluster.admin.get(&format!("{CONFIG_MAPS}?timeout=soon")).await;
    let message = "invalid timeout specified in the request URL - time: invalid duration \"soon\"";
    assert_eq!((code, refused["message"].as_str().unwrap()), (400, message));
    assert_eq!(cluster.admin.get(&format!("{CONFIG_MAPS}?timeout=32s")).await.0, 200);
    cluster.stop().await;
}

#[tokio::test]
async fn a_patch_of_too_many_operations_is_refused() {
    let cluster = Cluster::start().await;
    cluster.admin.post(CONFIG_MAPS, &json!({"metadata": {"name": "a"}})).await;
    let operations = vec![json!({"op": "test", "path": "/kind", "value": "ConfigMap"}); 10_001];
    let media = [("content-type", "application/json-patch+json")];
    let body = Value::from(operations).to_string();
    let (code, status) = cluster.admin.ask(Method::PATCH, &format!("{CONFIG_MAPS}/a"), &media, &body).await;
    let message = "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001";
    assert_eq!((code, status["message"].as_str().unwrap()), (413, message));
    cluster.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let cluster = Cluster::with_limits(Limits { head: Duration::from_millis(300), ..Limits::default() }).await;
    let mut slow = cluster.admin.connect().await;
    slow.write_all(b"GET /version HTTP/1.1\r\nhost: te").await.unwrap();
    let mut answer = Vec::new();
    soon(slow.read_to_end(&mut answer)).await.unwrap_or_default();
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));
    let mut wrong = cluster.admin.connect().await;
    wrong.write_all(b"this is not HTTP\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    soon(wrong.read_to_end(&mut answer)).await.unwrap_or_default();
    assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(cluster.admin.get("/version").await.0, 200, "others are served");
    cluster.stop().await;
}

#[tokio::test]
async fn every_answer_can_be_found_again_and_is_not_kept() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let audit = async |id: &str| {
        let reply = admin.send(Method::GET, CONFIG_MAPS, &[("audit-id", id)], "").await;
        assert_eq!(reply.headers()["cache-control"], "no-cache, private");
        reply.headers()["audit-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(audit("mine").await, "mine");
    assert_eq!(audit(&"x".repeat(100)).await, "x".repeat(64));
    assert_eq!(audit("").await.len(), 36);
    let refused = admin.send(Method::GET, CONFIG_MAPS, &[("impersonate-user", "alice")], "").await;
    assert_eq!(refused.headers()["x-content-type-options"], "nosniff");
    assert_eq!(refused.headers()["audit-id"].len(), 36);
    cluster.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_answers_what_is_under_way() {
    let cluster = Cluster::start().await;
    let slow = Slow::begin(&cluster.admin, "slow", "s").await;
    until(&cluster.admin, WRITES, "1").await;
    let watch = cluster.admin.send(Method::GET, &format!("{CONFIG_MAPS}?watch=1"), &[], "").await;
    let two = cluster.admin.http2().connect().await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(two)).await.unwrap();
    let (ended, end) = tokio::sync::oneshot::channel();
    Seam::real().spawn("client", async move { ended.send(connection.await.is_ok()).unwrap() });
    let request = Request::get("https://test/version").body(Full::<Bytes>::default()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200, "HTTP/2 on the same port");
    let Cluster { running, store, .. } = cluster;
    let stopped = running.shutdown();
    let others = async {
        soon(watch.into_body().collect()).await.unwrap();
        assert!(soon(end).await.unwrap(), "the connection was told to go away and went");
        slow.end().await
    };
    let ((), answer) = Box::pin(soon(futures::future::join(stopped, others))).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_lenient_clients_send_is_understood() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    assert_eq!(admin.get("/version/").await.0, 200);
    assert_eq!(admin.get("/api/").await.1["kind"], "APIVersions");
    assert_eq!(admin.get(&format!("{CONFIG_MAPS}/")).await.1["kind"], "ConfigMapList");
    let bare = r#"{"metadata":{"name":"a"}}"#;
    assert_eq!(admin.ask(Method::POST, CONFIG_MAPS, &[], bare).await.0, 201, "no content type, no kind");
    let charset =
        [("content-type", "application/json; charset=utf-8"), ("accept", "application/json;charset=utf-8, */*")];
    assert_eq!(
        admin.ask(Method::POST, &format!("{CONFIG_MAPS}?&"), &charset, r#"{"metadata":{"name":"b"}}"#).await.0,
        201
    );
    assert_eq!(admin.get(&format!("{CONFIG_MAPS}?&limit=1&")).await.1["items"].as_array().unwrap().len(), 1);
    let merge = [("content-type", "application/merge-patch+json;charset=UTF-8")];
    assert_eq!(admin.ask(Method::PATCH, &format!("{CONFIG_MAPS}/b"), &merge, r#"{"data":{"k":"v"}}"#).await.0, 200);
    let yaml = [("content-type", "application/yaml")];
    assert_eq!(admin.ask(Method::POST, CONFIG_MAPS, &yaml, "metadata:\n  name: c\n").await.0, 201);
    cluster.stop().await;
}
