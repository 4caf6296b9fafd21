//! One object through several versions of its kind.
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
use support::Cluster;

const CORE: &str = "/api/v1/namespaces/default/events";
const NEW: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

fn event(name: &str) -> Value {
    json!({"metadata": {"name": name}, "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "a.io/b",
        "reportingInstance": "b-1", "action": "Do", "reason": "R", "type": "Normal", "note": "n",
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"}})
}

#[tokio::test]
async fn an_event_is_one_object_in_both_groups() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let (code, made) = admin.post(NEW, &event("e")).await;
    assert_eq!((code, &made["apiVersion"], &made["note"]), (201, &json!("events.k8s.io/v1"), &json!("n")), "{made}");
    let (code, core) = admin.get(&format!("{CORE}/e")).await;
    assert_eq!((code, &core["apiVersion"], &core["message"]), (200, &json!("v1"), &json!("n")));
    assert_eq!((&core["metadata"], &core["involvedObject"]), (&made["metadata"], &made["regarding"]));
    let patch = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}});
    let (code, patched) = admin.merge(&format!("{NEW}/e"), &patch).await;
    assert_eq!((code, &patched["series"]["count"], &patched["note"]), (200, &json!(2), &json!("n")), "{patched}");
    let (_, list) = admin.get(&format!("{NEW}?fieldSelector=regarding.name%3Dp,reportingController%3Da.io/b")).await;
    let mut item = patched.clone();
    // Items of a list do not say what they are; the list does.
    item.as_object_mut().unwrap().retain(|name, _| !matches!(name.as_str(), "apiVersion" | "kind"));
    assert_eq!((&list["kind"], &list["items"]), (&json!("EventList"), &json!([item])));
    let refused = admin.get(&format!("{NEW}?fieldSelector=involvedObject.name%3Dp")).await;
    assert_eq!(refused.1["message"], "field label not supported: involvedObject.name");
    let dry = admin.ask(Method::PUT, &format!("{NEW}/e?dryRun=All"), &[], patched.to_string()).await;
    assert_eq!(dry, (200, patched.clone()));
    let (_, gone) = admin.ask(Method::DELETE, &format!("{NEW}/e"), &[], "").await;
    assert_eq!(gone["details"]["group"], "events.k8s.io");
    assert_eq!(admin.get(&format!("{NEW}/e")).await.1["message"], "events.events.k8s.io \"e\" not found");
    assert_eq!(admin.get(&format!("{CORE}/e")).await.0, 404);
    cluster.stop().await;
}

#[tokio::test]
async fn a_watch_tells_in_the_version_that_was_asked_for() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let (_, list) = admin.get(NEW).await;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let old = json!({"metadata": {"name": "old"}, "involvedObject": {"kind": "Pod", "namespace": "default"}, "message": "m",
        "source": {"component": "c"}, "count": 3});
    assert_eq!(admin.post(CORE, &old).await.0, 201);
    let query = format!("watch=true&timeoutSeconds=1&resourceVersion={revision}");
    let events = admin.watch(&format!("{NEW}?{query}")).await;
    let told = &events[0]["object"];
    assert_eq!((&told["apiVersion"], &told["note"]), (&json!("events.k8s.io/v1"), &json!("m")));
    assert_eq!((&told["deprecatedCount"], &told["deprecatedSource"]), (&json!(3), &json!({"component": "c"})));
    assert_eq!(events[0]["object"]["metadata"], admin.watch(&format!("{CORE}?{query}")).await[0]["object"]["metadata"]);
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let (_, table) = admin.ask(Method::GET, &format!("{NEW}?includeObject=Object"), &table, "").await;
    assert_eq!((&table["rows"][0]["object"]["note"], &table["rows"][0]["cells"][6]), (&json!("m"), &json!("m")));
    cluster.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_of_the_kind_that_was_asked_for() {
    let cluster = Cluster::start().await;
    let mut wrong = event("e");
    wrong["action"] = json!("");
    wrong["deprecatedCount"] = json!(1);
    let (code, refused) = cluster.admin.post(NEW, &wrong).await;
    let told =
        "Event.events.k8s.io \"e\" is invalid: [action: Required value, count: Invalid value: \"\": needs to be unset]";
    assert_eq!((code, &refused["message"]), (422, &json!(told)));
    wrong["apiVersion"] = json!("v1");
    assert_eq!(cluster.admin.post(NEW, &wrong).await.0, 400);
    cluster.stop().await;
}

#[tokio::test]
async fn an_autoscaler_loses_nothing_in_the_first_version() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let path = |version: &str| format!("/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers");
    let old = json!({"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50,
        "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}});
    let (code, made) = admin.post(&path("v1"), &old).await;
    assert_eq!((code, &made["apiVersion"]), (201, &json!("autoscaling/v1")), "{made}");
    let (_, new) = admin.get(&format!("{}/h", path("v2"))).await;
    let target = json!({"type": "Utilization", "averageUtilization": 50});
    assert_eq!(new["spec"]["metrics"][0]["resource"], json!({"name": "cpu", "target": target}));
    let memory = json!({"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}});
    let metrics = json!({"spec": {"metrics": [memory, new["spec"]["metrics"][0]]}});
    let (code, new) = admin.merge(&format!("{}/h", path("v2")), &metrics).await;
    assert_eq!((code, &new["spec"]["metrics"][0]), (200, &memory), "{new}");
    let (_, shown) = admin.get(&format!("{}/h", path("v1"))).await;
    let carried = shown["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"].as_str().unwrap();
    assert!(carried.contains("\"targetAverageValue\":\"1Gi\""), "{carried}");
    let (code, same) = admin.ask(Method::PUT, &format!("{}/h", path("v1")), &[], shown.to_string()).await;
    assert_eq!((code, &same), (200, &shown), "what was read and written back changes nothing");
    for version in ["v2beta1", "v2beta2"] {
        let (code, list) = admin.get(&path(version)).await;
        assert_eq!((code, &list["apiVersion"]), (200, &json!(format!("autoscaling/{version}"))));
        assert_eq!(list["items"][0]["metadata"]["uid"], made["metadata"]["uid"]);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn an_ingress_of_an_old_chart_is_one_of_today() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let path = |group: &str| format!("/apis/{group}/namespaces/default/ingresses");
    let old = json!({"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "i"},
        "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": {"serviceName": "s", "servicePort": 80}}]}}]}});
    let (code, made) = admin.post(&path("extensions/v1beta1"), &old).await;
    assert_eq!((code, &made["apiVersion"]), (201, &json!("extensions/v1beta1")), "{made}");
    let (_, new) = admin.get(&format!("{}/i", path("networking.k8s.io/v1"))).await;
    let backend = json!({"service": {"name": "s", "port": {"number": 80}}});
    let rule = json!({"path": "/", "pathType": "ImplementationSpecific", "backend": backend});
    assert_eq!(new["spec"], json!({"rules": [{"http": {"paths": [rule]}}]}));
    let budgets = "/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets";
    let (code, budget) =
        admin.post(budgets, &json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {}}})).await;
    assert_eq!((code, &budget["spec"]["selector"]), (201, &json!({})), "{budget}");
    let (_, budget) = admin.get(&format!("{}/b", budgets.replace("v1beta1", "v1"))).await;
    assert_eq!(budget["spec"]["selector"]["matchExpressions"][0]["operator"], "Exists");
    cluster.stop().await;
}

#[tokio::test]
async fn fields_are_owned_in_the_version_of_who_wrote_them() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let url = |version: &str| format!("/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers");
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let spec = json!({"maxReplicas": 3, "scaleTargetRef": target, "targetCPUUtilizationPercentage": 50});
    let path = format!("{}?fieldManager=old", url("v1"));
    let (code, _) = admin.post(&path, &json!({"metadata": {"name": "web"}, "spec": spec})).await;
    assert_eq!(code, 201);
    let metric = json!({"type": "Resource", "resource": {"name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 60}}});
    let config = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"metrics": [metric]}});
    let apply = [("content-type", "application/apply-patch+yaml")];
    let path = format!("{}/web?fieldManager=new", url("v2"));
    let (code, status) = admin.ask(Method::PATCH, &path, &apply, config.to_string()).await;
    let told = "Apply failed with 1 conflict: conflict with \"old\" using autoscaling/v1: .spec.targetCPUUtilizationPercentage";
    assert_eq!((code, &status["message"]), (409, &json!(told)));
    let (code, forced) = admin.ask(Method::PATCH, &format!("{path}&force=true"), &apply, config.to_string()).await;
    let owned = |nth: usize| {
        let entry = &forced["metadata"]["managedFields"][nth];
        (entry["manager"].clone(), entry["apiVersion"].clone(), entry["fieldsV1"]["f:spec"].clone())
    };
    assert_eq!((code, owned(0)), (200, (json!("new"), json!("autoscaling/v2"), json!({"f:metrics": {}}))));
    let rest = json!({"f:maxReplicas": {}, "f:scaleTargetRef": {}, "f:minReplicas": {}});
    assert_eq!(owned(1), (json!("old"), json!("autoscaling/v1"), rest));
    cluster.stop().await;
}

#[tokio::test]
async fn a_webhook_of_an_old_chart_may_have_side_effects() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let url = |version: &str| format!("/apis/admissionregistration.k8s.io/{version}/validatingwebhookconfigurations");
    let hook = json!({"name": "a.b.c", "clientConfig": {"url": "https://a.b"}});
    let (code, made) = admin.post(&url("v1beta1"), &json!({"metadata": {"name": "old"}, "webhooks": [hook]})).await;
    assert_eq!((code, &made["webhooks"][0]["sideEffects"]), (201, &json!("Unknown")), "{made}");
    let (_, mut newer) = admin.get(&format!("{}/old", url("v1"))).await;
    assert_eq!(newer["webhooks"][0]["sideEffects"], "Unknown");
    newer["metadata"]["labels"] = json!({"a": "b"});
    let path = format!("{}/old", url("v1"));
    assert_eq!(admin.ask(Method::PUT, &path, &[], newer.to_string()).await.0, 200);
    let (code, status) =
        admin.post(&url("v1"), &json!({"metadata": {"name": "new"}, "webhooks": made["webhooks"]})).await;
    let told = "ValidatingWebhookConfiguration.admissionregistration.k8s.io \"new\" is invalid: webhooks[0].sideEffects: \
        Unsupported value: \"Unknown\": supported values: \"None\", \"NoneOnDryRun\"";
    assert_eq!((code, &status["message"]), (422, &json!(told)));
    cluster.stop().await;
}
