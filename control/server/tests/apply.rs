//! Server-side apply and managed fields, from outside.
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
use serde_json::{Value, json};
use support::{Client, Cluster, pod};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const PODS: &str = "/api/v1/namespaces/default/pods";
const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");

async fn apply(client: &Client, path: &str, body: &str) -> (u16, Value) {
    client.ask(Method::PATCH, path, &[APPLY], body).await
}

fn data(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: ssa}}\ndata: {data}\n")
}

/// Managers with what they own, without times.
fn managers(object: &Value) -> Value {
    let mut entries = object["metadata"]["managedFields"].clone();
    for entry in entries.as_array_mut().into_iter().flatten() {
        let entry = entry.as_object_mut().unwrap();
        assert_eq!(entry.remove("fieldsType").unwrap(), "FieldsV1");
        entry.remove("time");
    }
    entries
}

fn entry(manager: &str, operation: &str, version: &str, fields: &Value) -> Value {
    json!({"manager": manager, "operation": operation, "apiVersion": version, "fieldsV1": fields})
}

/// The recorded pairs 088 to 094 of a real server, in their order.
#[tokio::test]
async fn an_apply_creates_conflicts_forces_and_takes_back() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let at = |query: &str| format!("{CONFIG_MAPS}/ssa{query}");
    let owns = |manager: &str, names: &[&str]| {
        let fields: serde_json::Map<_, _> = names.iter().map(|name| (format!("f:{name}"), json!({}))).collect();
        entry(manager, "Apply", "v1", &json!({"f:data": fields}))
    };
    let (code, made) = apply(admin, &at("?fieldManager=m1"), &data("{a: \"1\", b: \"1\"}")).await;
    assert_eq!((code, managers(&made)), (201, json!([owns("m1", &["a", "b"])])));
    let (_, status) = apply(admin, &at("?fieldManager=m2"), &data("{a: \"2\"}")).await;
    let cause = json!({"reason": "FieldManagerConflict", "message": "conflict with \"m1\"", "field": ".data.a"});
    let expected = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Conflict",
        "message": "Apply failed with 1 conflict: conflict with \"m1\": .data.a", "details": {"causes": [cause]}, "code": 409});
    assert_eq!(status, expected);
    let (code, forced) = apply(admin, &at("?fieldManager=m2&force=true"), &data("{a: \"2\"}")).await;
    assert_eq!((code, managers(&forced)), (200, json!([owns("m1", &["b"]), owns("m2", &["a"])])));
    let (_, taken) = apply(admin, &at("?fieldManager=m1"), &data("{c: \"1\"}")).await;
    assert_eq!(taken["data"], json!({"a": "2", "c": "1"}));
    let (_, same) = apply(admin, &at("?fieldManager=m1"), &data("{c: \"1\"}")).await;
    assert_eq!(same, taken, "nothing changed, so revision and times stay");
    let (code, status) = apply(admin, &at(""), &data("{}")).await;
    let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
    assert_eq!((code, &status["message"]), (422, &json!(message)));
    let managed = "{apiVersion: v1, kind: ConfigMap, metadata: {name: ssa, managedFields: [{manager: x}]}}";
    let (code, status) = apply(admin, &at("?fieldManager=m1"), managed).await;
    assert_eq!((code, &status["message"]), (400, &json!("metadata.managedFields must be nil")));
    let (code, status) = admin.merge(&at("?force=true"), &json!({})).await;
    let message =
        "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch";
    assert_eq!((code, &status["message"]), (422, &json!(message)));
    cluster.stop().await;
}

/// Recorded pair 095: what was sent is owned, and what was filled in is not.
#[tokio::test]
async fn defaults_belong_to_nobody_who_applies() {
    let cluster = Cluster::start().await;
    let body = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ds"}, "spec": {
        "selector": {"matchLabels": {"app": "ds"}}, "template": {"metadata": {"labels": {"app": "ds"}},
            "spec": {"containers": [{"name": "c", "image": "i:1", "ports": [{"containerPort": 80}]}]}}}});
    let (code, made) = apply(&cluster.admin, &format!("{DEPLOYMENTS}/ds?fieldManager=m1"), &body.to_string()).await;
    assert_eq!(
        (code, &made["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"]),
        (201, &json!("TCP"))
    );
    let port = json!({"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}});
    let container = json!({".": {}, "f:image": {}, "f:name": {}, "f:ports": port});
    let template = json!({"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:containers": {"k:{\"name\":\"c\"}": container}}});
    let fields = json!({"f:spec": {"f:selector": {}, "f:template": template}});
    assert_eq!(managers(&made), json!([entry("m1", "Apply", "apps/v1", &fields)]));
    cluster.stop().await;
}

/// Recorded pairs 039 and 043, which name no agent: an updater owns defaults, too.
#[tokio::test]
async fn a_creation_owns_its_defaults() {
    let cluster = Cluster::start().await;
    let body = json!({"metadata": {"name": "p", "labels": {"app": "p"}}, "spec": {"containers": [{"name": "c", "image": "i:1",
        "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]}]}});
    let (_, made) = cluster.admin.post(&format!("{PODS}?fieldManager=me"), &body).await;
    let port = json!({"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:protocol": {}}, ".": {}});
    let container = json!({".": {}, "f:name": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:resources": {}, "f:ports": port,
        "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
        "f:env": {".": {}, "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}}});
    let spec = json!({"f:containers": {"k:{\"name\":\"c\"}": container}, "f:dnsPolicy": {}, "f:enableServiceLinks": {},
        "f:restartPolicy": {}, "f:schedulerName": {}, "f:securityContext": {}, "f:terminationGracePeriodSeconds": {}});
    let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": spec});
    assert_eq!(managers(&made), json!([entry("me", "Update", "v1", &fields)]));
    cluster.stop().await;
}

#[tokio::test]
async fn a_manager_is_the_client_when_none_is_named() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let body = json!({"metadata": {"name": "a"}, "data": {"k": "v"}}).to_string();
    let (_, made) = admin.ask(Method::POST, CONFIG_MAPS, &[("user-agent", "tool/v1 (x)")], &body).await;
    let fields = json!({"f:data": {".": {}, "f:k": {}}});
    assert_eq!(managers(&made), json!([entry("tool", "Update", "v1", &fields)]));
    let (_, made) = admin.post(CONFIG_MAPS, &json!({"metadata": {"name": "b"}, "data": {"k": "v"}})).await;
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "unknown");
    let (code, status) =
        admin.post(&format!("{CONFIG_MAPS}?fieldManager=a%0Ab"), &json!({"metadata": {"name": "c"}})).await;
    let why = "fieldManager: Invalid value: \"a\\nb\": invalid character U+000A (at position 1)";
    let message = format!("CreateOptions.meta.k8s.io \"\" is invalid: {why}");
    assert_eq!((code, &status["message"]), (422, &json!(message)));
    let (_, replaced) = admin
        .ask(
            Method::PUT,
            &format!("{CONFIG_MAPS}/a?fieldManager=r"),
            &[],
            &json!({"data": {"k": "w", "l": "x"}}).to_string(),
        )
        .await;
    let taken = json!({"f:data": {"f:k": {}, "f:l": {}}});
    let left = json!({"f:data": {}});
    let expected = [entry("tool", "Update", "v1", &left), entry("r", "Update", "v1", &taken)];
    let mut found = managers(&replaced).as_array().unwrap().clone();
    found.sort_by_key(|one| one["manager"] != "tool");
    assert_eq!(found, expected);
    cluster.stop().await;
}

#[tokio::test]
async fn status_and_scale_have_managers_of_their_own() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let spec = json!({"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]}}});
    let body = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec});
    let one = format!("{DEPLOYMENTS}/d");
    apply(admin, &format!("{one}?fieldManager=m"), &body.to_string()).await;
    let owner = |object: &Value, manager: &str| {
        managers(object)
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["manager"] == manager)
            .cloned()
            .unwrap_or_default()
    };
    let (code, scale) = admin.merge(&format!("{one}/scale?fieldManager=s"), &json!({"spec": {"replicas": 3}})).await;
    assert_eq!((code, &scale["spec"]["replicas"]), (200, &json!(3)));
    let (_, object) = admin.get(&one).await;
    let mut expected = entry("s", "Update", "apps/v1", &json!({"f:spec": {"f:replicas": {}}}));
    expected["subresource"] = "scale".into();
    assert_eq!(owner(&object, "s"), expected);
    assert!(owner(&object, "m")["fieldsV1"]["f:spec"].get("f:replicas").is_none());
    let (code, status) = apply(admin, &format!("{one}?fieldManager=m"), &body.to_string()).await;
    let message =
        "Apply failed with 1 conflict: conflict with \"s\" with subresource \"scale\" using apps/v1: .spec.replicas";
    assert_eq!((code, &status["message"]), (409, &json!(message)));
    let scale = "{apiVersion: autoscaling/v1, kind: Scale, metadata: {name: d}, spec: {replicas: 5}}";
    assert_eq!(apply(admin, &format!("{one}/scale?fieldManager=t"), scale).await.0, 409);
    assert_eq!(apply(admin, &format!("{one}/scale?fieldManager=t&force=true"), scale).await.1["spec"]["replicas"], 5);
    let status = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"replicas": 9}, "status": {"observedGeneration": 1}});
    let (code, object) = apply(admin, &format!("{one}/status?fieldManager=u"), &status.to_string()).await;
    assert_eq!((code, &object["spec"]["replicas"]), (200, &json!(5)));
    assert_eq!(owner(&object, "u")["fieldsV1"], json!({"f:status": {"f:observedGeneration": {}}}));
    assert_eq!((owner(&object, "t")["subresource"].clone(), owner(&object, "s")), (json!("scale"), Value::Null));
    let (code, status) = apply(admin, &format!("{DEPLOYMENTS}/none/status?fieldManager=u"), &status.to_string()).await;
    assert_eq!((code, &status["message"]), (404, &json!("deployments.apps \"none\" not found")));
    cluster.stop().await;
}

#[tokio::test]
async fn an_apply_is_checked_like_any_write() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let at = format!("{CONFIG_MAPS}/ssa?fieldManager=m");
    let config = |meta: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {meta}}}");
    for (body, code, message) in [
        (
            config("{name: ssa, uid: u}"),
            409,
            "uid mismatch: the provided object specified uid u, and no existing object was found",
        ),
        (config("{name: other}"), 400, "the name of the object (other) does not match the name on the URL (ssa)"),
        (config("{}"), 400, "the name of the object (ssa based on URL) was undeterminable: name must be provided"),
        (config("{name: ssa, namespace: x}"), 400, "the namespace of the provided object does not match"),
        ("{apiVersion: v1, kind: Secret}".into(), 400, "invalid object type: /v1, Kind=Secret"),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: ssa}, spec: 1}".into(),
            500,
            "failed to create typed patch object \
         (/ssa; /v1, Kind=ConfigMap): .spec: field not declared in schema",
        ),
        ("{".into(), 400, "error decoding patch: error converting YAML to JSON: yaml: "),
        (config("{name: ssa, labels: {a: \"b c\"}}"), 422, "ConfigMap \"ssa\" is invalid: metadata.labels"),
    ] {
        let (answer, status) = apply(admin, &at, &body).await;
        assert_eq!(answer, code, "{body}: {status}");
        assert!(status["message"].as_str().unwrap().contains(message), "{body}: {status}");
    }
    let twice = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"ssa\"},\"data\":{\"a\":\"1\",\"a\":\"2\"}}";
    assert_eq!(apply(admin, &format!("{at}&fieldValidation=Strict"), twice).await.0, 400);
    let reply = admin.send(Method::PATCH, &format!("{at}&dryRun=All"), &[APPLY], twice).await;
    assert_eq!(
        (reply.status().as_u16(), reply.headers()["warning"].to_str().unwrap()),
        (201, r#"299 - "duplicate field \"data.a\"""#)
    );
    assert_eq!(admin.get(&format!("{CONFIG_MAPS}/ssa")).await.0, 404, "a dry run keeps nothing");
    let (_, made) = apply(admin, &at, &config("{name: ssa, resourceVersion: \"7\"}")).await;
    assert_eq!(made["metadata"]["name"], "ssa", "a revision means nothing where there is no object: {made}");
    let stale = config("{name: ssa, resourceVersion: \"1\"}");
    assert_eq!(apply(admin, &at, &stale).await.1["reason"], "Conflict");
    assert_eq!(apply(admin, &at, &config("{name: ssa, uid: u}")).await.1["reason"], "Conflict");
    cluster.stop().await;
}

/// What `kubectl` does to move from its own apply to the server's: it writes the managers itself.
#[tokio::test]
async fn managers_can_be_moved_and_forgotten() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let (_, made) = admin
        .post(&format!("{CONFIG_MAPS}?fieldManager=old"), &json!({"metadata": {"name": "a"}, "data": {"k": "v"}}))
        .await;
    let mut moved = made["metadata"]["managedFields"].clone();
    moved[0]["manager"] = "new".into();
    moved[0]["operation"] = "Apply".into();
    let one = format!("{CONFIG_MAPS}/a?fieldManager=kubectl");
    let patch = json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": moved},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": made["metadata"]["resourceVersion"]},
    ]);
    let json_patch = [("content-type", "application/json-patch+json")];
    let (code, after) = admin.ask(Method::PATCH, &one, &json_patch, &patch.to_string()).await;
    assert_eq!((code, &after["metadata"]["managedFields"]), (200, &moved));
    let (_, after) = admin.merge(&one, &json!({"metadata": {"managedFields": [{}]}})).await;
    assert!(after["metadata"].get("managedFields").is_none(), "{after}");
    let (_, after) = admin.merge(&one, &json!({"data": {"k": "w"}})).await;
    assert!(after["metadata"].get("managedFields").is_none(), "{after}");
    cluster.stop().await;
}

#[tokio::test]
async fn our_own_components_are_managers() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let (_, space) = admin.get("/api/v1/namespaces/default").await;
    assert_eq!(space["metadata"]["managedFields"][0]["manager"], "bireme-server");
    admin.post(&format!("{PODS}?fieldManager=me"), &pod("p")).await;
    let key = |plural: &str, name: &str| Key::new(&Resource::new("", plural), "default", name).unwrap();
    let made = json!({"metadata": {"name": "made", "namespace": "default"}, "data": {"k": "v"}});
    let status = json!({"status": {"reason": "Because"}});
    let changes = vec![
        Change::Create { resource: Resource::new("", "configmaps"), object: made },
        Change::Patch { key: key("pods", "p"), subresource: Some("status"), if_revision: None, patch: status },
    ];
    let outcomes = cluster.running.verbs.carry_out(&Requester::component("replicaset"), None, changes).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let (_, made) = admin.get(&format!("{CONFIG_MAPS}/made")).await;
    let fields = json!({"f:data": {".": {}, "f:k": {}}});
    assert_eq!(managers(&made), json!([entry("bireme-controller-manager", "Update", "v1", &fields)]));
    let (_, pod) = admin.get(&format!("{PODS}/p")).await;
    let mut expected = entry("bireme-controller-manager", "Update", "v1", &json!({"f:status": {"f:reason": {}}}));
    expected["subresource"] = "status".into();
    assert!(managers(&pod).as_array().unwrap().contains(&expected), "{pod}");
    cluster.stop().await;
}
