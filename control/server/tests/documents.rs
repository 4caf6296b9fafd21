//! What clients read before they do anything: discovery and OpenAPI documents.
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

use std::io::Read;

use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use support::{Client, Cluster};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// Status, headers and bytes of an answer.
async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let (parts, body) = client.send(Method::GET, path, headers, "").await.into_parts();
    (parts.status.as_u16(), parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut out).unwrap();
    out
}

#[tokio::test]
async fn the_aggregated_form_is_fetched_once() {
    let cluster = Cluster::start().await;
    for (path, first) in [("/api", Value::Null), ("/apis", json!("apiregistration.k8s.io"))] {
        let (code, headers, body) = get(&cluster.admin, path, &[("accept", AGGREGATED)]).await;
        let list: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((code, &list["kind"]), (200, &json!("APIGroupDiscoveryList")));
        assert_eq!(list["items"][0]["metadata"]["name"], first);
        assert_eq!((header(&headers, "content-type"), header(&headers, "vary")), (AGGREGATED, "Accept"));
        let tag = header(&headers, "etag");
        assert_eq!(tag.len(), 130, "{tag}");
        let (code, _, body) = get(&cluster.admin, path, &[("accept", AGGREGATED), ("if-none-match", tag)]).await;
        assert_eq!((code, body.len()), (304, 0));
    }
    let older = AGGREGATED.replace("v=v2;", "v=v2beta1;");
    let (code, _, body) = get(&cluster.admin, "/apis", &[("accept", &format!("{older},application/json"))]).await;
    let list: Value = serde_json::from_slice(&body).unwrap();
    let first = &list["groups"][0]["name"];
    assert_eq!((code, &list["kind"], first), (200, &json!("APIGroupList"), &json!("apiregistration.k8s.io")));
    cluster.stop().await;
}

#[tokio::test]
async fn every_group_version_has_its_documents() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let (_, index) = admin.get("/openapi/v3").await;
    let (_, groups) = admin.get("/apis").await;
    let mut roots = vec!["api/v1".to_owned()];
    for group in groups["groups"].as_array().unwrap() {
        for version in group["versions"].as_array().unwrap() {
            roots.push(format!("apis/{}", version["groupVersion"].as_str().unwrap()));
        }
    }
    for root in roots {
        let (code, list) = admin.get(&format!("/{root}")).await;
        assert_eq!((code, &list["kind"]), (200, &json!("APIResourceList")), "{root}");
        let url = index["paths"][&root]["serverRelativeURL"].as_str().unwrap();
        let (code, headers, body) = get(admin, url, &[("accept-encoding", "gzip")]).await;
        let body = if header(&headers, "content-encoding") == "gzip" { unpacked(&body) } else { body };
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((code, &document["openapi"]), (200, &json!("3.0.0")), "{root}");
        assert_eq!(header(&headers, "cache-control"), "public, immutable");
        assert!(!document["paths"].as_object().unwrap().is_empty());
    }
    for path in ["/apis/foo.io", "/apis/foo.io/v1", "/apis/apps/v9", "/openapi/v3/apis/foo.io/v1"] {
        assert_eq!(admin.get(path).await, (404, json!("404 page not found\n")), "{path}");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn the_older_document_comes_as_text_and_as_protobuf() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let (code, headers, body) = get(admin, "/openapi/v2", &[]).await;
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((code, &document["swagger"]), (200, &json!("2.0")));
    assert_eq!(header(&headers, "content-type"), "application/json");
    let accept = [("accept", PROTOBUF), ("accept-encoding", "gzip")];
    let (code, headers, packed) = get(admin, "/openapi/v2", &accept).await;
    assert_eq!((code, header(&headers, "content-encoding")), (200, "gzip"));
    assert_eq!(header(&headers, "content-type"), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    let message = unpacked(&packed);
    assert!(message.starts_with(b"\x12\x15\x0a\x0aKubernetes"));
    let (_, _, plain) = get(admin, "/openapi/v2", &accept[..1]).await;
    assert_eq!(plain, message);
    let tag = header(&headers, "etag");
    let again = [("accept", PROTOBUF), ("if-none-match", tag)];
    assert_eq!(get(admin, "/openapi/v2", &again).await.0, 304);
    assert_eq!(get(admin, "/openapi/v2", &[("accept", "text/html")]).await.0, 406);
    cluster.stop().await;
}
