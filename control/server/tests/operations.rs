//! What operators ask a server: figures and health.
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

use http::Method;
use http_body_util::BodyExt;
use serde_json::json;
use support::{Client, Cluster};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn figures(client: &Client) -> String {
    let (code, text) = client.get("/metrics").await;
    assert_eq!(code, 200);
    text.as_str().unwrap().to_owned()
}

/// The value of a figure, by its name and labels as they stand in the text.
async fn figure(client: &Client, name: &str) -> Option<f64> {
    let text = figures(client).await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

#[tokio::test]
async fn figures_have_the_names_of_kubernetes() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    admin.post(CONFIG_MAPS, &json!({"metadata": {"name": "a"}})).await;
    admin.get(CONFIG_MAPS).await;
    admin.get(&format!("{CONFIG_MAPS}/nope")).await;
    let reply = admin.send(Method::GET, "/metrics", &[], "").await;
    assert_eq!(reply.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    drop(reply);
    let object = "component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\"";
    for (labels, code) in [
        ("scope=\"resource\",subresource=\"\",verb=\"POST\",version=\"v1\"", 201),
        ("scope=\"namespace\",subresource=\"\",verb=\"LIST\",version=\"v1\"", 200),
        ("scope=\"resource\",subresource=\"\",verb=\"GET\",version=\"v1\"", 404),
    ] {
        let name = format!("apiserver_request_total{{{object},{labels},code=\"{code}\"}}");
        assert_eq!(figure(admin, &name).await, Some(1.0), "{name}");
        let name = format!("apiserver_request_duration_seconds_count{{{object},{labels}}}");
        assert_eq!(figure(admin, &name).await, Some(1.0), "{name}");
    }
    assert_eq!(figure(admin, "apiserver_current_inflight_requests{request_kind=\"mutating\"}").await, Some(0.0));
    assert_eq!(figure(admin, "apiserver_storage_objects{resource=\"configmaps\"}").await, Some(1.0));
    assert!(figure(admin, "bireme_store_proposals_total{outcome=\"applied\"}").await.unwrap() >= 5.0);
    assert!(figure(admin, "bireme_store_commit_duration_seconds_count").await.unwrap() >= 5.0);
    assert_eq!(figure(admin, "bireme_store_proposals_pending").await, Some(0.0));
    assert_eq!(figure(admin, "bireme_store_leader").await, Some(1.0));
    assert!(figure(admin, "bireme_store_file_bytes{file=\"raft.redb\"}").await.unwrap() > 0.0);
    assert!(figure(admin, "process_resident_memory_bytes").await.unwrap() > 0.0);
    let build = figures(admin).await;
    assert!(build.lines().any(|line| line.starts_with("kubernetes_build_info{major=\"1\",minor=\"")), "{build}");
    cluster.stop().await;
}

#[tokio::test]
async fn figures_are_for_administrators() {
    let cluster = Cluster::start().await;
    let nobody = Client::nobody(&cluster.running.admin_kubeconfig());
    assert_eq!(nobody.get("/metrics").await.0, 401);
    let (code, status) = cluster.admin.ask(Method::GET, "/metrics", &[("impersonate-user", "alice")], "").await;
    let refused = "forbidden: User \"alice\" cannot get path \"/metrics\"";
    assert_eq!((code, status["message"].as_str().unwrap()), (403, refused));
    cluster.stop().await;
}

#[tokio::test]
async fn a_stream_counts_until_it_ends() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let labels =
        "component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\",scope=\"namespace\",subresource=\"\"";
    let name = format!("apiserver_longrunning_requests{{{labels},verb=\"WATCH\",version=\"v1\"}}");
    let mut watch = admin.send(Method::GET, &format!("{CONFIG_MAPS}?watch=1"), &[], "").await.into_body();
    assert_eq!(figure(admin, &name).await, Some(1.0));
    admin.post(CONFIG_MAPS, &json!({"metadata": {"name": "a"}})).await;
    watch.frame().await.unwrap().unwrap();
    let events = "apiserver_watch_events_total{group=\"\",version=\"v1\",resource=\"configmaps\"}";
    assert_eq!(figure(admin, events).await, Some(1.0));
    drop(watch);
    let ended = async {
        while figure(admin, &name).await != Some(0.0) {
            tokio::task::yield_now().await;
        }
    };
    seam::Seam::real().timeout(Duration::from_secs(20), ended).await.unwrap();
    cluster.stop().await;
}

#[tokio::test]
async fn health_is_told_check_by_check() {
    let cluster = Cluster::start().await;
    let nobody = Client::nobody(&cluster.running.admin_kubeconfig());
    let check = async |path: &str, code: u16, text: &str| {
        assert_eq!(nobody.get(path).await, (code, json!(text)), "{path}");
    };
    let live = "[+]ping ok\n[+]etcd ok\n[+]poststarthook/bootstrap-controller ok\n";
    check("/livez?verbose", 200, &format!("{live}livez check passed\n")).await;
    check("/healthz?verbose=1", 200, &format!("{live}healthz check passed\n")).await;
    let ready =
        "[+]ping ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]poststarthook/bootstrap-controller ok\n[+]shutdown ok\n";
    check("/readyz?verbose", 200, &format!("{ready}readyz check passed\n")).await;
    check("/readyz", 200, "ok").await;
    check("/healthz/", 200, "ok").await;
    check("/healthz/etcd", 200, "ok").await;
    check("/readyz/poststarthook/bootstrap-controller", 200, "ok").await;
    check("/livez/nope", 404, "404 page not found\n").await;
    check("/livez?exclude=etcd", 200, "ok").await;
    let without = live.replace("[+]etcd ok", "[+]etcd excluded: ok");
    let unknown = "warn: some health checks cannot be excluded: no matches for \"x\"\n";
    check("/livez?verbose&exclude=etcd&exclude=x", 200, &format!("{without}{unknown}livez check passed\n")).await;
    let reply = nobody.send(Method::GET, "/livez", &[], "").await;
    assert_eq!(reply.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
    assert_eq!(reply.headers()["cache-control"], "no-cache, private");
    cluster.stop().await;
}

#[tokio::test]
async fn an_answer_tells_its_flow_schema_and_its_level() {
    let cluster = Cluster::start().await;
    let uid = async |plural: &str, name: &str| {
        let path = format!("/apis/flowcontrol.apiserver.k8s.io/v1/{plural}/{name}");
        cluster.admin.get(&path).await.1["metadata"]["uid"].as_str().unwrap().to_owned()
    };
    let check = async |client: &Client, path: &str, headers: &[(&str, &str)], code: u16, schema: &str, level: &str| {
        let reply = client.send(Method::GET, path, headers, "").await;
        let told = |name: &str| reply.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(reply.status().as_u16(), code, "{path}");
        let expected = uid("flowschemas", schema).await;
        assert_eq!(told("x-kubernetes-pf-flowschema-uid"), Some(expected), "{path} {headers:?}");
        let expected = uid("prioritylevelconfigurations", level).await;
        assert_eq!(told("x-kubernetes-pf-prioritylevel-uid"), Some(expected), "{path} {headers:?}");
    };
    let admin = &cluster.admin;
    check(admin, "/api/v1/namespaces/default", &[], 200, "exempt", "exempt").await;
    check(admin, "/api/v1/namespaces/default/pods/nothing", &[], 404, "exempt", "exempt").await;
    let nobody = Client::nobody(&cluster.running.admin_kubeconfig());
    check(&nobody, "/livez", &[], 200, "probes", "exempt").await;
    check(&nobody, "/version", &[], 200, "global-default", "global-default").await;
    let user = [("impersonate-user", "u")];
    check(admin, "/api/v1/pods", &user, 403, "global-default", "global-default").await;
    let node = [("impersonate-user", "system:node:n"), ("impersonate-group", "system:nodes")];
    check(admin, "/api/v1/nodes/n", &node, 404, "system-node-high", "node-high").await;
    check(admin, "/api/v1/services", &node, 200, "system-nodes", "system").await;
    let spec = json!({"priorityLevelConfiguration": {"name": "workload-low"}, "matchingPrecedence": 3, "rules": [{
        "subjects": [{"kind": "User", "user": {"name": "u"}}],
        "resourceRules": [{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"], "clusterScope": true}]}]});
    let schema = json!({"metadata": {"name": "own"}, "spec": spec});
    let (code, _) = admin.post("/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas", &schema).await;
    assert_eq!(code, 201);
    check(admin, "/api/v1/pods", &user, 403, "own", "workload-low").await;
    cluster.stop().await;
}
