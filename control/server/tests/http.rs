//! The server from outside: what clients send, and what they get back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_debug_implementations,
    reason = "tests assert"
)]

mod support;

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use support::{Client, Cluster, pod};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";
const SERVICES: &str = "/api/v1/namespaces/default/services";

fn config_map(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"a": name}}, "data": {"k": "v"}})
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_object_lives_from_creation_to_deletion() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let (code, made) = admin.post(CONFIG_MAPS, &config_map("a")).await;
    assert_eq!((code, &made["kind"]), (201, &json!("ConfigMap")));
    assert_eq!(admin.post(CONFIG_MAPS, &config_map("a")).await.1["message"], "configmaps \"a\" already exists");
    let one = format!("{CONFIG_MAPS}/a");
    assert_eq!(admin.get(&one).await, (200, made.clone()));
    let (code, changed) = admin.merge(&one, &json!({"data": {"k": "2"}})).await;
    assert_eq!((code, &changed["data"]), (200, &json!({"k": "2"})));
    let (_, same) = admin.merge(&one, &json!({"data": {"k": "2"}})).await;
    assert_eq!(same, changed, "a patch that changes nothing keeps the revision");
    let stale = json!({"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"k": "3"}});
    assert_eq!(admin.merge(&one, &stale).await.1["reason"], "Conflict");
    let (code, gone) = admin.ask(Method::DELETE, &one, &[], "").await;
    assert_eq!((code, &gone["status"], &gone["details"]["uid"]), (200, &json!("Success"), &made["metadata"]["uid"]));
    assert_eq!(admin.get(&one).await.1["message"], "configmaps \"a\" not found");
    cluster.stop().await;
}

#[tokio::test]
async fn pages_of_a_list_are_of_one_moment() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    for name in ["a", "b", "c"] {
        admin.post(CONFIG_MAPS, &config_map(name)).await;
    }
    let (_, first) = admin.get(&format!("{CONFIG_MAPS}?limit=2")).await;
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a", "b"], &json!(1)));
    admin.post(CONFIG_MAPS, &config_map("d")).await;
    let next = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = admin.get(&format!("{CONFIG_MAPS}?limit=2&continue={next}")).await;
    assert_eq!(names(&second), ["c"], "what was made after the first page is not on the second");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert_eq!(admin.get(&format!("{CONFIG_MAPS}?continue=abc")).await.0, 400);
    assert_eq!(names(&admin.get(&format!("{CONFIG_MAPS}?labelSelector=a+in+(b,c)")).await.1), ["b", "c"]);
    assert_eq!(names(&admin.get(&format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3Dd")).await.1), ["d"]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_filtered_watch_tells_of_objects_that_begin_and_cease_to_match() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let (_, list) = admin.get(CONFIG_MAPS).await;
    let from = list["metadata"]["resourceVersion"].as_str().unwrap();
    admin.post(CONFIG_MAPS, &config_map("x")).await;
    admin.merge(&format!("{CONFIG_MAPS}/x"), &json!({"metadata": {"labels": {"on": "1"}}})).await;
    admin.merge(&format!("{CONFIG_MAPS}/x"), &json!({"data": {"k": "2"}})).await;
    admin.merge(&format!("{CONFIG_MAPS}/x"), &json!({"metadata": {"labels": {"on": null}}})).await;
    let path = format!("{CONFIG_MAPS}?watch=1&labelSelector=on&timeoutSeconds=1&resourceVersion={from}");
    let events = admin.watch(&path).await;
    assert_eq!(types(&events), ["ADDED", "MODIFIED", "DELETED"]);
    assert_eq!(events[2]["object"]["metadata"]["labels"]["on"], "1", "the last state that matched");
    let revision =
        |event: &Value| event["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(revision(&events[2]) > revision(&events[1]));
    cluster.stop().await;
}

#[tokio::test]
async fn a_watch_list_marks_the_end_of_the_initial_state() {
    let cluster = Cluster::start().await;
    cluster.admin.post(CONFIG_MAPS, &config_map("x")).await;
    let options = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let events = cluster.admin.watch(&format!("{CONFIG_MAPS}?{options}&timeoutSeconds=1")).await;
    assert_eq!(types(&events), ["ADDED", "BOOKMARK", "BOOKMARK"]);
    assert_eq!(events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    cluster.stop().await;
}

#[tokio::test]
async fn a_watch_from_before_the_history_is_told_so() {
    let cluster = Cluster::with_history(4).await;
    for nth in 0..8 {
        cluster.admin.post(CONFIG_MAPS, &config_map(&format!("x{nth}"))).await;
    }
    let events = cluster.admin.watch(&format!("{CONFIG_MAPS}?watch=1&resourceVersion=1&timeoutSeconds=1")).await;
    assert_eq!((types(&events), &events[0]["object"]["code"]), (vec!["ERROR"], &json!(410)));
    cluster.stop().await;
}

#[tokio::test]
async fn tables_have_a_cell_for_every_column() {
    let cluster = Cluster::start().await;
    cluster.admin.post(PODS, &pod("web")).await;
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let (_, table) = cluster.admin.ask(Method::GET, PODS, &accept, "").await;
    let columns = table["columnDefinitions"].as_array().unwrap().len();
    assert_eq!((&table["kind"], table["rows"][0]["cells"].as_array().unwrap().len()), (&json!("Table"), columns));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    cluster.stop().await;
}

#[tokio::test]
async fn finalizers_hold_an_object_until_they_are_gone() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let one = format!("{CONFIG_MAPS}/f");
    let mut object = config_map("f");
    object["metadata"]["finalizers"] = json!(["x.io/f"]);
    admin.post(CONFIG_MAPS, &object).await;
    let (code, marked) = admin.ask(Method::DELETE, &one, &[], "").await;
    assert_eq!(code, 200);
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    let more = json!({"metadata": {"finalizers": ["x.io/f", "y.io/g"]}});
    assert_eq!(admin.merge(&one, &more).await.0, 422);
    assert_eq!(admin.merge(&one, &json!({"metadata": {"finalizers": null}})).await.0, 200);
    assert_eq!(admin.get(&one).await.0, 404);
    cluster.stop().await;
}

#[tokio::test]
async fn a_bound_pod_has_its_grace_and_a_second_deletion_ends_it() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    admin.post(PODS, &pod("web")).await;
    let binding = json!({"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}});
    assert_eq!(admin.post(&format!("{PODS}/web/binding"), &binding).await.0, 201);
    assert_eq!(admin.post(&format!("{PODS}/web/binding"), &binding).await.0, 409);
    let (_, marked) = admin.ask(Method::DELETE, &format!("{PODS}/web"), &[], "").await;
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(admin.get(&format!("{PODS}/web")).await.0, 200);
    admin.ask(Method::DELETE, &format!("{PODS}/web?gracePeriodSeconds=0"), &[], "").await;
    assert_eq!(admin.get(&format!("{PODS}/web")).await.0, 404);
    cluster.stop().await;
}

#[tokio::test]
async fn services_made_at_once_get_addresses_of_their_own() {
    let cluster = Cluster::start().await;
    let make = async |nth: usize| {
        let service =
            json!({"metadata": {"name": format!("s{nth}")}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
        let (code, made) = cluster.admin.post(SERVICES, &service).await;
        assert_eq!(code, 201, "{made}");
        (made["spec"]["clusterIP"].to_string(), made["spec"]["ports"][0]["nodePort"].to_string())
    };
    let made = futures::future::join_all((0..4).map(make)).await;
    let addresses: BTreeSet<_> = made.iter().map(|(address, _)| address).collect();
    let ports: BTreeSet<_> = made.iter().map(|(_, port)| port).collect();
    assert_eq!((addresses.len(), ports.len()), (4, 4));
    let (_, kept) = cluster.admin.merge(&format!("{SERVICES}/s1"), &json!({"spec": {"ports": [{"port": 81}]}})).await;
    assert_eq!(kept["spec"]["clusterIP"].to_string(), made[1].0);
    let taken =
        json!({"metadata": {"name": "t"}, "spec": {"clusterIP": kept["spec"]["clusterIP"], "ports": [{"port": 80}]}});
    assert_eq!(cluster.admin.post(SERVICES, &taken).await.0, 422);
    cluster.stop().await;
}

#[tokio::test]
async fn a_namespace_goes_when_its_content_is_gone() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    admin.post("/api/v1/namespaces", &json!({"metadata": {"name": "tmp"}})).await;
    let (_, marked) = admin.ask(Method::DELETE, "/api/v1/namespaces/tmp", &[], "").await;
    assert_eq!(marked["status"]["phase"], "Terminating");
    let (code, refused) = admin.post("/api/v1/namespaces/tmp/configmaps", &config_map("z")).await;
    assert_eq!((code, &refused["details"]["causes"][0]["reason"]), (403, &json!("NamespaceTerminating")));
    let mut ended = marked.clone();
    ended["spec"]["finalizers"] = json!([]);
    admin.ask(Method::PUT, "/api/v1/namespaces/tmp/finalize", &[], &ended.to_string()).await;
    assert_eq!(admin.get("/api/v1/namespaces/tmp").await.0, 404);
    assert_eq!(admin.ask(Method::DELETE, "/api/v1/namespaces/default", &[], "").await.0, 403);
    cluster.stop().await;
}

#[tokio::test]
async fn who_proves_nothing_learns_nothing_but_health_and_version() {
    let cluster = Cluster::start().await;
    let nobody = Client::nobody(&cluster.running.admin_kubeconfig());
    assert_eq!(nobody.get("/api/v1/pods").await.1["message"], "Unauthorized");
    assert_eq!(nobody.get("/apis").await.0, 401);
    assert_eq!(nobody.get("/healthz").await, (200, json!("ok")));
    let (code, version) = nobody.get("/version").await;
    assert_eq!((code, version["gitVersion"].as_str().unwrap()), (200, "v1.37.0+bireme.0.0.0"));
    cluster.stop().await;
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_in_the_words_of_kubernetes() {
    let cluster = Cluster::start().await;
    let check = async |method, path: &str, headers: &[(&str, &str)], body: &str, code: u16, message: &str| {
        let (got, status) = cluster.admin.ask(method, path, headers, body).await;
        assert_eq!((got, status["message"].as_str().unwrap()), (code, message));
    };
    let media = "the body of the request was in an unknown format - accepted media types include: ";
    let objects = format!("{media}application/json, application/yaml, application/vnd.kubernetes.protobuf");
    let patches = "415: Unsupported Media Type";
    check(Method::POST, CONFIG_MAPS, &[("content-type", "application/cbor")], "x", 415, &objects).await;
    let envelope = "the object provided is unrecognized (must be of type ConfigMap): protobuf: byte 0 of the body: \
                    the body does not begin with `k8s` and a zero byte (78)";
    check(Method::POST, CONFIG_MAPS, &[("content-type", "application/vnd.kubernetes.protobuf")], "x", 400, envelope)
        .await;
    check(Method::PATCH, &format!("{CONFIG_MAPS}/a"), &[("content-type", "application/json")], "", 415, patches).await;
    check(Method::GET, CONFIG_MAPS, &[("accept", "text/foo")], "", 406, "406: Not Acceptable").await;
    let method = "the server does not allow this method on the requested resource";
    check(Method::PUT, CONFIG_MAPS, &[], "{}", 405, method).await;
    let unknown = cluster.admin.ask(Method::POST, "/apis/foo.io/v1/widgets", &[], "{}").await;
    assert_eq!(unknown, (404, json!("404 page not found\n")));
    let long = "x".repeat(4 << 20);
    let too_long = "Request entity too large: limit is 3145728";
    check(Method::POST, CONFIG_MAPS, &[], &long, 413, too_long).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_long_list_comes_compressed_and_whole() {
    let cluster = Cluster::start().await;
    for nth in 0..40 {
        let mut object = config_map(&format!("x{nth:02}"));
        object["data"]["long"] = "y".repeat(8 << 10).into();
        cluster.admin.post(CONFIG_MAPS, &object).await;
    }
    let reply = cluster.admin.send(Method::GET, CONFIG_MAPS, &[("accept-encoding", "gzip")], "").await;
    assert_eq!(reply.headers()["content-encoding"], "gzip");
    let bytes = http_body_util::BodyExt::collect(reply.into_body()).await.unwrap().to_bytes();
    let list: Value = serde_json::from_reader(flate2::read::GzDecoder::new(&bytes[..])).unwrap();
    assert_eq!(names(&list).len(), 40);
    assert_eq!(cluster.admin.get(CONFIG_MAPS).await.1, list, "the same without compression");
    cluster.stop().await;
}

#[tokio::test]
async fn who_is_taken_for_another_has_no_rights_of_their_own() {
    let cluster = Cluster::start().await;
    let (code, status) = cluster.admin.ask(Method::GET, PODS, &[("impersonate-user", "alice")], "").await;
    let refused = "pods is forbidden: User \"alice\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"";
    assert_eq!((code, status["message"].as_str().unwrap()), (403, refused));
    let masters = [("impersonate-user", "alice"), ("impersonate-group", "system:masters")];
    assert_eq!(cluster.admin.ask(Method::GET, PODS, &masters, "").await.0, 200);
    let node = Client::of(&cluster.running.node_bundle("n1").unwrap().kubeconfig);
    assert_eq!(node.ask(Method::GET, PODS, &masters, "").await.0, 403);
    cluster.stop().await;
}

#[tokio::test]
async fn unknown_fields_are_warned_about_or_refused() {
    let cluster = Cluster::start().await;
    let mut object = config_map("a");
    object["daata"] = json!({});
    let strict = format!("{CONFIG_MAPS}?fieldValidation=Strict");
    assert_eq!(cluster.admin.post(&strict, &object).await.0, 400);
    let reply = cluster.admin.send(Method::POST, CONFIG_MAPS, &[], &object.to_string()).await;
    assert_eq!(
        (reply.status().as_u16(), reply.headers()["warning"].to_str().unwrap()),
        (201, r#"299 - "unknown field \"daata\"""#)
    );
    cluster.stop().await;
}

#[tokio::test]
async fn a_deletion_does_as_its_options_say() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let delete = async |name: &str, query: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        admin.ask(Method::DELETE, &format!("{CONFIG_MAPS}/{name}{query}"), &[], &body).await
    };
    for name in ["a", "b", "c"] {
        admin.post(CONFIG_MAPS, &config_map(name)).await;
    }
    let (_, stale) = delete("a", "", json!({"preconditions": {"resourceVersion": "1"}})).await;
    let message = stale["message"].as_str().unwrap();
    assert!(
        message.starts_with(
            "Operation cannot be fulfilled on ConfigMap \"a\": the ResourceVersion in the precondition (1)"
        )
    );
    assert!(message.ends_with("The object might have been modified"), "{message}");
    let (code, _) = delete("a", "?dryRun=All", json!({"gracePeriodSeconds": 0})).await;
    assert_eq!((code, admin.get(&format!("{CONFIG_MAPS}/a")).await.0), (200, 200), "a dry run keeps the object");
    let (code, marked) = delete("a", "", json!({"propagationPolicy": "Foreground"})).await;
    assert_eq!((code, &marked["metadata"]["finalizers"]), (200, &json!(["foregroundDeletion"])));
    let (_, other) = delete("a", "", json!({"propagationPolicy": "Orphan"})).await;
    assert_eq!(other["metadata"]["finalizers"], json!(["orphan"]), "the last wish counts while nothing runs");
    let (code, gone) = delete("a", "?propagationPolicy=Background", Value::Null).await;
    assert_eq!((code, &gone["status"]), (200, &json!("Success")));
    let mut held = config_map("h");
    held["metadata"]["finalizers"] = json!(["x.io/f"]);
    admin.post(CONFIG_MAPS, &held).await;
    assert_eq!(delete("h", "?orphanDependents=false", Value::Null).await.0, 202);
    let (code, both) = delete("b", "", json!({"propagationPolicy": "Orphan", "orphanDependents": true})).await;
    let why = "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: \"Orphan\": \
               orphanDependents and deletionPropagation cannot be both set";
    assert_eq!((code, both["message"].as_str().unwrap()), (422, why));
    let path = format!("{CONFIG_MAPS}?labelSelector=a+in+(b,c)&limit=1");
    let (code, deleted) = admin.ask(Method::DELETE, &path, &[], "").await;
    assert_eq!((code, names(&deleted)), (200, vec!["b"]), "a page at a time, as it was before");
    assert!(deleted["items"][0]["metadata"].get("deletionTimestamp").is_none());
    assert_eq!(names(&admin.get(CONFIG_MAPS).await.1), ["c", "h"]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_grace_can_be_shortened_and_nothing_else() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    admin.post(PODS, &pod("web")).await;
    let binding = json!({"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}});
    admin.post(&format!("{PODS}/web/binding"), &binding).await;
    let delete = async |query: &str| {
        let (code, pod) = admin.ask(Method::DELETE, &format!("{PODS}/web{query}"), &[], "").await;
        assert_eq!(code, 200, "{pod}");
        (pod["metadata"]["deletionGracePeriodSeconds"].clone(), pod["metadata"]["resourceVersion"].clone())
    };
    let (grace, revision) = delete("?gracePeriodSeconds=90").await;
    assert_eq!(grace, 90);
    assert_eq!(delete("").await, (json!(90), revision.clone()), "the pod's own grace does not shorten");
    assert_eq!(delete("?gracePeriodSeconds=100").await, (json!(90), revision.clone()));
    assert_eq!(delete("?propagationPolicy=Foreground").await, (json!(90), revision));
    assert_eq!(delete("?gracePeriodSeconds=5").await.0, 5);
    assert_eq!(delete("?gracePeriodSeconds=-1").await.0, 1, "below zero means a second");
    assert_eq!(delete("?gracePeriodSeconds=0").await.0, 0);
    assert_eq!(admin.get(&format!("{PODS}/web")).await.0, 404);
    cluster.stop().await;
}
