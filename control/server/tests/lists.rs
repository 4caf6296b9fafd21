//! Lists: which state a client is shown, in which pieces, and what is refused in whose words.
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

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use support::{Client, Cluster, pod};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";

fn config_map(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"a": name}}, "data": {"k": "v"}})
}

/// Makes them one after the other; returns the revision after the last.
async fn make(admin: &Client, names: &[&str]) -> u64 {
    let mut revision = 0;
    for name in names {
        let (code, made) = admin.post(CONFIG_MAPS, &config_map(name)).await;
        assert_eq!(code, 201, "{made}");
        revision = revision_of(&made);
    }
    revision
}

fn revision_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

async fn refused(admin: &Client, path: &str, code: u16, message: &str) -> Value {
    let (got, status) = admin.get(path).await;
    assert_eq!((got, status["message"].as_str().unwrap_or_default()), (code, message), "{path}");
    status
}

#[tokio::test]
async fn a_list_is_of_the_state_that_is_asked_for() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let two = make(admin, &["a", "b"]).await;
    let three = make(admin, &["c"]).await;
    for (query, want) in [
        (String::new(), "abc"),
        ("?resourceVersion=0".into(), "abc"),
        ("?resourceVersion=0&limit=1".into(), "abc"),
        (format!("?resourceVersion={two}"), "abc"),
        (format!("?resourceVersion={two}&resourceVersionMatch=NotOlderThan"), "abc"),
        (format!("?resourceVersion={two}&resourceVersionMatch=NotOlderThan&limit=2"), "ab"),
        (format!("?resourceVersion={two}&resourceVersionMatch=Exact"), "ab"),
        (format!("?resourceVersion={two}&limit=500"), "ab"),
        (format!("?resourceVersion={three}&resourceVersionMatch=Exact"), "abc"),
        ("?limit=-1".into(), "abc"),
    ] {
        let (code, list) = admin.get(&format!("{CONFIG_MAPS}{query}")).await;
        assert_eq!((code, names(&list).concat().as_str()), (200, want), "{query}");
        let exact = query.contains("Exact") || query.contains("limit=500");
        let is_old = exact && query.contains(&format!("resourceVersion={two}"));
        assert_eq!(revision_of(&list), if is_old { two } else { three }, "{query}");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn parameters_that_exclude_each_other_are_refused_all_at_once() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let unless =
        "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided";
    let next = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided";
    let other = "resourceVersionMatch: Unsupported value: \"x\": supported values: \"Exact\", \"NotOlderThan\", \"\"";
    let zero = "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
    let initial = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list";
    for (query, why) in [
        ("resourceVersionMatch=Exact", unless.to_owned()),
        ("resourceVersionMatch=Exact&continue=x", format!("[{unless}, {next}]")),
        ("resourceVersionMatch=x&resourceVersion=1", other.to_owned()),
        ("resourceVersionMatch=Exact&resourceVersion=0", zero.to_owned()),
        ("sendInitialEvents=false", initial.to_owned()),
        ("sendInitialEvents=true&resourceVersionMatch=NotOlderThan", format!("[{unless}, {initial}]")),
    ] {
        let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {why}");
        let status = refused(admin, &format!("{CONFIG_MAPS}?{query}"), 422, &message).await;
        assert_eq!(status["details"]["kind"], "ListOptions", "{query}");
    }
    let parse = "strconv.ParseInt: parsing \"x\": invalid syntax";
    refused(admin, &format!("{CONFIG_MAPS}?limit=x"), 400, parse).await;
    let parse = "resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax";
    refused(admin, &format!("{CONFIG_MAPS}?resourceVersion=abc"), 500, parse).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_revision_that_does_not_come_is_told_after_a_while() {
    let cluster = Cluster::start().await;
    let current = revision_of(&cluster.admin.get(CONFIG_MAPS).await.1);
    let message = format!("Timeout: Too large resource version: 99999999, current: {current}");
    let path = format!("{CONFIG_MAPS}?resourceVersion=99999999");
    let reply = cluster.admin.send(Method::GET, &path, &[], "").await;
    assert_eq!((reply.status().as_u16(), &reply.headers()["retry-after"]), (504, &"1".parse().unwrap()));
    let status = refused(&cluster.admin, &format!("{path}&resourceVersionMatch=Exact"), 504, &message).await;
    let cause = json!([{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]);
    assert_eq!((&status["reason"], &status["details"]["causes"]), (&json!("Timeout"), &cause));
    cluster.stop().await;
}

#[tokio::test]
async fn all_pages_are_of_the_first_ones_moment_and_only_whole_lists_are_counted() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    make(admin, &["a", "b", "c", "d", "e"]).await;
    let (mut path, mut seen, mut counts) = (format!("{CONFIG_MAPS}?limit=2"), Vec::new(), Vec::new());
    let first = revision_of(&admin.get(&path).await.1);
    loop {
        let (code, page) = admin.get(&path).await;
        assert_eq!((code, revision_of(&page)), (200, first));
        seen.extend(names(&page).into_iter().map(str::to_owned));
        counts.push(page["metadata"]["remainingItemCount"].as_u64());
        let Some(next) = page["metadata"]["continue"].as_str() else { break };
        path = format!("{CONFIG_MAPS}?limit=2&continue={next}");
        admin.ask(Method::DELETE, &format!("{CONFIG_MAPS}/{}", seen.last().unwrap()), &[], "").await;
        make(admin, &[&format!("f{}", seen.len())]).await;
    }
    assert_eq!((seen.concat().as_str(), counts.as_slice()), ("abcde", &[Some(3), Some(1), None][..]));
    let (_, page) = admin.get(&format!("{CONFIG_MAPS}?limit=1&labelSelector=a")).await;
    assert!(page["metadata"]["continue"].is_string());
    assert_eq!(page["metadata"]["remainingItemCount"], Value::Null, "nobody counts what a selector leaves over");
    let rest = page["metadata"]["continue"].as_str().unwrap();
    let message = "specifying resource version is not allowed when using continue";
    refused(admin, &format!("{CONFIG_MAPS}?continue={rest}&resourceVersion=1"), 400, message).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_page_of_a_lost_moment_offers_the_rest_of_a_newer_one() {
    let cluster = Cluster::with_history(4).await;
    let admin = &cluster.admin;
    make(admin, &["a", "b", "c"]).await;
    let (_, first) = admin.get(&format!("{CONFIG_MAPS}?limit=1")).await;
    let token = URL_SAFE_NO_PAD.decode(first["metadata"]["continue"].as_str().unwrap()).unwrap();
    let mut token: Value = serde_json::from_slice(&token).unwrap();
    assert_eq!(token["v"], "meta.k8s.io/v1");
    // A moment from before this process began is as lost as one that is too long ago.
    token["rv"] = 1.into();
    let lost = URL_SAFE_NO_PAD.encode(token.to_string());
    let (code, status) = admin.get(&format!("{CONFIG_MAPS}?limit=1&continue={lost}")).await;
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
    let begin = "The provided continue parameter is too old to display a consistent list result.";
    assert!(status["message"].as_str().unwrap().starts_with(begin));
    let next = status["metadata"]["continue"].as_str().unwrap();
    let (code, rest) = admin.get(&format!("{CONFIG_MAPS}?continue={next}")).await;
    assert_eq!((code, names(&rest)), (200, vec!["b", "c"]));
    let too_old = "The resourceVersion for the provided list is too old.";
    refused(admin, &format!("{CONFIG_MAPS}?resourceVersion=1&resourceVersionMatch=Exact"), 410, too_old).await;
    let bad = "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value";
    refused(admin, &format!("{CONFIG_MAPS}?limit=2&continue=abc"), 400, bad).await;
    cluster.stop().await;
}

#[tokio::test]
async fn selectors_choose_or_are_refused_in_the_words_of_kubernetes() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    make(admin, &["a", "b", "c"]).await;
    admin.post("/api/v1/namespaces", &json!({"metadata": {"name": "other"}})).await;
    admin.post("/api/v1/namespaces/other/configmaps", &config_map("a")).await;
    for (query, want) in [
        ("labelSelector=a+in+(b,c)", "bc"),
        ("labelSelector=a+notin+(b,c)", "a"),
        ("labelSelector=a%3Da", "a"),
        ("labelSelector=a,a!%3Db", "ac"),
        ("labelSelector=!a", ""),
        ("fieldSelector=metadata.name%3Db", "b"),
        ("fieldSelector=metadata.name!%3Db", "ac"),
        ("fieldSelector=metadata.namespace%3D%3Dother", ""),
        ("fieldSelector=metadata.name%3Db,metadata.namespace%3Ddefault", "b"),
    ] {
        assert_eq!(names(&admin.get(&format!("{CONFIG_MAPS}?{query}")).await.1).concat(), want, "{query}");
    }
    let (_, everywhere) = admin.get("/api/v1/configmaps?fieldSelector=metadata.namespace%3Dother").await;
    assert_eq!(names(&everywhere), ["a"]);
    let unknown = "\"data.k\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";
    let key = "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of alphanumeric \
               characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or \
               'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    for (path, message) in [
        (format!("{CONFIG_MAPS}?fieldSelector=data.k%3Dv"), unknown),
        (format!("{PODS}?fieldSelector=data.k%3Dv"), "field label not supported: data.k"),
        (format!("{PODS}?fieldSelector=x"), "invalid selector: 'x'; can't understand 'x'"),
        (
            format!("{CONFIG_MAPS}?labelSelector=a%3D%3D%3Db"),
            "unable to parse requirement: found '=', expected: identifier",
        ),
        (format!("{CONFIG_MAPS}?labelSelector=-a"), key),
    ] {
        let status = refused(admin, &path, 400, message).await;
        assert_eq!(status["reason"], "BadRequest");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn pods_are_chosen_by_their_own_fields() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    for name in ["a", "b"] {
        admin.post(PODS, &pod(name)).await;
    }
    let binding = json!({"metadata": {"name": "b"}, "target": {"kind": "Node", "name": "n1"}});
    admin.post(&format!("{PODS}/b/binding"), &binding).await;
    for (selector, want) in [
        ("spec.nodeName=n1", "b"),
        ("spec.nodeName=", "a"),
        ("spec.host=n1", "b"),
        ("status.phase=Pending", "ab"),
        ("status.phase!=Pending", ""),
        ("spec.restartPolicy=Always,spec.nodeName!=n1", "a"),
    ] {
        let selector = selector.replace('=', "%3D");
        for path in [PODS, "/api/v1/pods"] {
            let (_, list) = admin.get(&format!("{path}?fieldSelector={selector}")).await;
            assert_eq!(names(&list).concat(), want, "{path} {selector}");
        }
    }
    cluster.stop().await;
}

#[tokio::test]
async fn lists_come_as_metadata_and_as_tables_too() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    make(admin, &["a", "b"]).await;
    let (_, whole) = admin.get(CONFIG_MAPS).await;
    let partial = [("accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")];
    let (_, list) = admin.ask(Method::GET, CONFIG_MAPS, &partial, "").await;
    let heads: Vec<Value> = whole["items"].as_array().unwrap().iter().map(|item| {
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]})
    }).collect();
    assert_eq!((&list["kind"], &list["items"]), (&json!("PartialObjectMetadataList"), &json!(heads)));
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let (_, first) = admin.ask(Method::GET, &format!("{CONFIG_MAPS}?limit=1&includeObject=Object"), &table, "").await;
    // Unlike an item of a list, an object in a row says what it is.
    let mut object = whole["items"][0].clone();
    object["apiVersion"] = json!("v1");
    object["kind"] = json!("ConfigMap");
    assert_eq!((&first["rows"][0]["object"], &first["rows"][1]), (&object, &Value::Null));
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    cluster.stop().await;
}
