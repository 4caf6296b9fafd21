//! Watches: what a client is told, from where on, in which form, and how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    reason = "tests assert"
)]

mod support;

use http::Method;
use serde_json::{Value, json};
use support::{Client, Cluster, pod};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";
const TABLE: (&str, &str) = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
const PARTIAL: (&str, &str) = ("accept", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");

fn config_map(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"k": "v"}})
}

/// Every event as its type, the object's name, and its revision's distance from a beginning.
fn told(events: &[Value], from: u64) -> Vec<String> {
    let one = |event: &Value| {
        let meta = &event["object"]["metadata"];
        let name = meta["name"].as_str().unwrap_or_default();
        format!("{} {name} +{}", event["type"].as_str().unwrap(), revision_of(&event["object"]) - from)
    };
    events.iter().map(one).collect()
}

fn revision_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

async fn now(admin: &Client) -> u64 {
    revision_of(&admin.get(CONFIG_MAPS).await.1)
}

/// Events of an open watch, as they come.
struct Open {
    body: http_body_util::BodyStream<hyper::body::Incoming>,
    text: Vec<u8>,
    /// Up to here the text has no end of a line.
    searched: usize,
}

impl Open {
    async fn start(client: &Client, path: &str, headers: &[(&str, &str)]) -> Self {
        let (parts, body) = client.send(Method::GET, path, headers, "").await.into_parts();
        assert!(parts.status.is_success(), "{path}: {}", parts.status);
        Self { body: http_body_util::BodyStream::new(body), text: Vec::new(), searched: 0 }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.text[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=self.searched + end).collect();
                self.searched = 0;
                return Some(serde_json::from_slice(&line).unwrap());
            }
            self.searched = self.text.len();
            let frame = futures::StreamExt::next(&mut self.body).await?.unwrap();
            self.text.extend_from_slice(&frame.into_data().unwrap());
        }
    }
}

#[tokio::test]
async fn a_watch_begins_where_it_is_asked_to() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let from = now(admin).await;
    for name in ["a", "b"] {
        admin.post(CONFIG_MAPS, &config_map(name)).await;
    }
    let list = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let none = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
    for (query, want) in [
        (String::new(), vec!["ADDED a +1", "ADDED b +2"]),
        ("&resourceVersion=0".into(), vec!["ADDED a +1", "ADDED b +2"]),
        (format!("&resourceVersion={}", from + 1), vec!["ADDED b +2"]),
        (format!("&resourceVersion={}", from + 2), vec![]),
        (format!("&{list}"), vec!["ADDED a +1", "ADDED b +2"]),
        (format!("&{list}&allowWatchBookmarks"), vec!["ADDED a +1", "ADDED b +2", "BOOKMARK  +2", "BOOKMARK  +2"]),
        (format!("&{list}&resourceVersion={from}"), vec!["ADDED a +1", "ADDED b +2"]),
        (format!("&{none}"), vec![]),
        (format!("&{none}&resourceVersion=0"), vec![]),
        (format!("&{none}&resourceVersion={}", from + 1), vec!["ADDED b +2"]),
        ("&allowWatchBookmarks=1".into(), vec!["ADDED a +1", "ADDED b +2", "BOOKMARK  +2", "BOOKMARK  +2"]),
        (format!("&allowWatchBookmarks=1&resourceVersion={}", from + 2), vec!["BOOKMARK  +2"]),
    ] {
        let events = admin.watch(&format!("{CONFIG_MAPS}?watch=1&timeoutSeconds=1{query}")).await;
        assert_eq!(told(&events, from), want, "{query}");
        let marked = |event: &&Value| !event["object"]["metadata"]["annotations"].is_null();
        let marks: Vec<&Value> = events.iter().filter(marked).collect();
        let initial = query.contains("allowWatchBookmarks") && !query.contains("&resourceVersion=");
        assert_eq!(marks.len(), usize::from(initial), "{query}: the end of an initial state is marked once");
        let end = json!({"k8s.io/initial-events-end": "true"});
        assert!(marks.iter().all(|mark| mark["object"]["metadata"]["annotations"] == end), "{query}");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_watch_that_cannot_be_given_is_refused() {
    let cluster = Cluster::start().await;
    let invalid =
        |why: &str| format!("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: {why}");
    let requires = invalid("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    let unless = invalid("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    let number = "resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax";
    for (path, code, message) in [
        (format!("{CONFIG_MAPS}?watch=1&sendInitialEvents=true"), 422, requires.as_str()),
        (format!("{CONFIG_MAPS}?watch=1&resourceVersionMatch=NotOlderThan"), 422, &unless),
        (format!("{CONFIG_MAPS}?watch=1&resourceVersion=x"), 500, number),
        (format!("{CONFIG_MAPS}?watch=1&timeoutSeconds=x"), 400, "strconv.ParseInt: parsing \"x\": invalid syntax"),
        (
            "/api/v1/watch/namespaces/default/configmaps/a?fieldSelector=metadata.name%3Db".into(),
            400,
            "fieldSelector metadata.name doesn't match requested name",
        ),
    ] {
        let (got, status) = cluster.admin.get(&path).await;
        assert_eq!((got, status["message"].as_str().unwrap_or_default()), (code, message), "{path}");
    }
    let late = "sendInitialEvents=1&resourceVersionMatch=NotOlderThan&resourceVersion=99999999";
    assert_eq!(cluster.admin.get(&format!("{CONFIG_MAPS}?watch=1&{late}")).await.0, 504);
    cluster.stop().await;
}

#[tokio::test]
async fn old_paths_watch_collections_and_single_objects() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let from = now(admin).await;
    for name in ["a", "b"] {
        admin.post(CONFIG_MAPS, &config_map(name)).await;
    }
    for (path, want) in [
        ("/api/v1/watch/namespaces/default/configmaps", vec!["ADDED a +1", "ADDED b +2"]),
        ("/api/v1/watch/namespaces/default/configmaps/b", vec!["ADDED b +2"]),
        ("/api/v1/watch/namespaces/other/configmaps", vec![]),
    ] {
        let events = admin.watch(&format!("{path}?timeoutSeconds=1")).await;
        assert_eq!(told(&events, from), want, "{path}");
    }
    let (code, one) = admin.get(&format!("{CONFIG_MAPS}/a?watch=1")).await;
    assert_eq!((code, &one["kind"]), (200, &json!("ConfigMap")), "an object by its own path is read, not watched");
    cluster.stop().await;
}

#[tokio::test]
async fn every_watcher_sees_its_own_part_of_what_happens() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let from = now(admin).await;
    let open = async |path: &str, query: &str| {
        let path = format!("{path}?watch=1&resourceVersion={from}&timeoutSeconds=3{query}");
        Open::start(admin, &path, &[]).await
    };
    let cases: [(&str, &str, &[&str]); 8] = [
        (PODS, "", &["ADDED a +1", "ADDED b +2", "MODIFIED b +3", "MODIFIED a +4", "DELETED a +5"]),
        ("/api/v1/pods", "", &["ADDED a +1", "ADDED b +2", "MODIFIED b +3", "MODIFIED a +4", "DELETED a +5"]),
        ("/api/v1/namespaces/other/pods", "", &[]),
        (PODS, "&fieldSelector=metadata.name%3Da", &["ADDED a +1", "MODIFIED a +4", "DELETED a +5"]),
        ("/api/v1/pods", "&fieldSelector=spec.nodeName%3Dn1", &["ADDED b +3"]),
        (
            PODS,
            "&fieldSelector=spec.nodeName%3D",
            &["ADDED a +1", "ADDED b +2", "DELETED b +3", "MODIFIED a +4", "DELETED a +5"],
        ),
        (PODS, "&labelSelector=app%3Da", &["ADDED a +1", "DELETED a +4"]),
        (PODS, "&labelSelector=app+in+(x)", &["ADDED a +4", "DELETED a +5"]),
    ];
    let mut watches = Vec::new();
    for (path, query, _) in cases {
        watches.push(open(path, query).await);
    }
    for name in ["a", "b"] {
        admin.post(PODS, &pod(name)).await;
    }
    let binding = json!({"metadata": {"name": "b"}, "target": {"kind": "Node", "name": "n1"}});
    admin.post(&format!("{PODS}/b/binding"), &binding).await;
    admin.merge(&format!("{PODS}/a"), &json!({"metadata": {"labels": {"app": "x"}}})).await;
    admin.ask(Method::DELETE, &format!("{PODS}/a?gracePeriodSeconds=0"), &[], "").await;
    for ((path, query, want), mut watch) in cases.into_iter().zip(watches) {
        let mut events = Vec::new();
        while let Some(event) = watch.next().await {
            events.push(event);
        }
        assert_eq!(told(&events, from), want, "{path}{query}");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn what_ceases_to_match_is_deleted_in_its_last_matching_state() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let from = now(admin).await;
    let path = format!("{PODS}?watch=1&resourceVersion={from}&timeoutSeconds=2&labelSelector=app%3Da");
    let mut watch = Open::start(admin, &path, &[]).await;
    admin.post(PODS, &pod("a")).await;
    admin.merge(&format!("{PODS}/a"), &json!({"metadata": {"labels": {"app": "x"}}})).await;
    assert_eq!(watch.next().await.unwrap()["type"], "ADDED");
    let gone = watch.next().await.unwrap();
    assert_eq!((&gone["type"], &gone["object"]["metadata"]["labels"]["app"]), (&json!("DELETED"), &json!("a")));
    assert_eq!(revision_of(&gone["object"]), from + 2);
    cluster.stop().await;
}

#[tokio::test]
async fn tables_tell_their_columns_once() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    admin.post(CONFIG_MAPS, &config_map("a")).await;
    for query in ["", "&resourceVersion=0", "&resourceVersion=1"] {
        let path = format!("{CONFIG_MAPS}?watch=1&timeoutSeconds=2{query}");
        let mut watch = Open::start(admin, &path, &[TABLE]).await;
        let mut events = vec![watch.next().await.unwrap()];
        admin.merge(&format!("{CONFIG_MAPS}/a"), &json!({"data": {"k": query}})).await;
        while let Some(event) = watch.next().await {
            events.push(event);
        }
        let columns: Vec<bool> = events.iter().map(|event| event["object"]["columnDefinitions"].is_array()).collect();
        assert!(columns.len() > 1 && columns[0] && columns[1..].iter().all(|told| !told), "{query}: {events:?}");
        let last = &events.last().unwrap()["object"];
        assert_eq!((&last["kind"], &last["columnDefinitions"]), (&json!("Table"), &Value::Null));
        assert_eq!(last["rows"][0]["cells"][0], "a");
        assert_eq!(last["metadata"]["resourceVersion"], last["rows"][0]["object"]["metadata"]["resourceVersion"]);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn metadata_alone_can_be_watched() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let from = now(admin).await;
    let path = format!("{CONFIG_MAPS}?watch=1&resourceVersion={from}&timeoutSeconds=1&allowWatchBookmarks=true");
    let mut watch = Open::start(admin, &path, &[PARTIAL]).await;
    let (_, made) = admin.post(CONFIG_MAPS, &config_map("a")).await;
    let event = watch.next().await.unwrap();
    let head = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]});
    assert_eq!(event, json!({"type": "ADDED", "object": head}));
    let mark = watch.next().await.unwrap();
    assert_eq!((&mark["type"], &mark["object"]["kind"]), (&json!("BOOKMARK"), &json!("PartialObjectMetadata")));
    assert_eq!(watch.next().await, None);
    cluster.stop().await;
}

#[tokio::test]
async fn a_quiet_watch_tells_every_minute_how_far_it_is() {
    let (cluster, leaps) = Cluster::with_leaps().await;
    let admin = &cluster.admin;
    let from = now(admin).await;
    let path = format!("{CONFIG_MAPS}?watch=1&timeoutSeconds=200&resourceVersion={from}");
    let mut told_marks = Open::start(admin, &format!("{path}&allowWatchBookmarks=true"), &[]).await;
    let mut untold = Open::start(admin, &path, &[]).await;
    let mut beside = Open::start(admin, &format!("{PODS}?watch=1&resourceVersion={from}"), &[]).await;
    let second = std::time::Duration::from_secs(1);
    let mut seen = Vec::new();
    admin.post(PODS, &pod("one")).await;
    leaps.leap(59 * second);
    admin.post(CONFIG_MAPS, &config_map("a")).await;
    seen.push(told_marks.next().await.unwrap());
    // What happens beside the watch moves it on, unseen; the next bookmark tells. Until then everybody has to have been told.
    admin.post(PODS, &pod("two")).await;
    for _ in 0..2 {
        assert!(beside.next().await.is_some());
    }
    now(admin).await;
    for _ in 0..2 {
        leaps.leap(60 * second);
        seen.push(told_marks.next().await.unwrap());
    }
    admin.post(CONFIG_MAPS, &config_map("b")).await;
    seen.push(told_marks.next().await.unwrap());
    // The end of its time, and of everybody's.
    leaps.leap(60 * second);
    while let Some(event) = told_marks.next().await {
        seen.push(event);
    }
    assert_eq!(told(&seen, from), ["ADDED a +2", "BOOKMARK  +3", "BOOKMARK  +3", "ADDED b +4", "BOOKMARK  +4"]);
    let mark = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": seen[1]["object"]["metadata"]});
    assert_eq!(seen[1]["object"], mark, "a bookmark has a kind and a revision, and no name");
    let mut others = Vec::new();
    while let Some(event) = untold.next().await {
        others.push(event);
    }
    assert_eq!(told(&others, from), ["ADDED a +2", "ADDED b +4"], "who did not ask for bookmarks gets none");
    cluster.stop().await;
}

#[tokio::test]
async fn a_slow_watcher_misses_nothing_and_holds_nobody_up() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let path = format!("{CONFIG_MAPS}?watch=1&resourceVersion={}", now(admin).await);
    let mut slow = Open::start(admin, &path, &[]).await;
    let mut quick = Open::start(admin, &path, &[]).await;
    admin.post(CONFIG_MAPS, &config_map("a")).await;
    // More than sockets and the group's ring hold together.
    let long = "x".repeat(500 << 10);
    for nth in 0..60 {
        admin.merge(&format!("{CONFIG_MAPS}/a"), &json!({"data": {"k": format!("{nth} {long}")}})).await;
        assert!(quick.next().await.is_some());
    }
    for nth in 0..=60 {
        let event = slow.next().await.unwrap();
        let value = event["object"]["data"]["k"].as_str().unwrap();
        let want = if nth == 0 { "v".to_owned() } else { (nth - 1).to_string() };
        assert_eq!(value.split(' ').next().unwrap(), want);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_watch_ends_with_its_server_and_not_before() {
    let cluster = Cluster::start().await;
    let from = now(&cluster.admin).await;
    let path = format!("{CONFIG_MAPS}?watch=1&resourceVersion={from}&allowWatchBookmarks=true");
    let mut watch = Open::start(&cluster.admin, &path, &[]).await;
    let ((), event) = futures::join!(cluster.running.shutdown(), watch.next());
    assert_eq!(event.unwrap()["type"], "BOOKMARK", "how far it came, for whoever goes on elsewhere");
    assert_eq!(watch.next().await, None);
    cluster.store.close().await.unwrap();
}
