//! Services as clients meet them: addresses, ports of nodes, and what goes with another type.
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

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn service(name: &str, spec: &Value) -> Value {
    json!({"metadata": {"name": name}, "spec": spec})
}

/// What is refused, without the words that name the object.
fn refusal((status, answer): (u16, Value)) -> String {
    let message = answer["message"].as_str().unwrap_or_default();
    format!("{status} {}", message.split_once(" is invalid: ").map_or(message, |(_, why)| why))
}

#[tokio::test]
async fn a_service_of_another_type_gives_back_what_it_no_longer_needs() {
    let cluster = Cluster::start().await;
    let balanced = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local",
        "ports": [{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}]});
    let (_, made) = cluster.admin.post(SERVICES, &service("s", &balanced)).await;
    let spec = &made["spec"];
    let (health, shared) =
        (spec["healthCheckNodePort"].as_i64().unwrap(), spec["ports"][0]["nodePort"].as_i64().unwrap());
    assert!((30_000..=32_767).contains(&health) && health != shared, "{spec}");
    assert_eq!(spec["ports"][1]["nodePort"], shared);
    let taken = json!({"type": "NodePort", "ports": [{"port": 1, "nodePort": health}]});
    let why = refusal(cluster.admin.post(SERVICES, &service("t", &taken)).await);
    assert_eq!(why, format!("422 spec.ports[0].nodePort: Invalid value: {health}: provided port is already allocated"));
    let path = format!("{SERVICES}/s");
    let (_, inside) = cluster.admin.merge(&path, &json!({"spec": {"type": "ClusterIP"}})).await;
    for gone in ["healthCheckNodePort", "externalTrafficPolicy", "allocateLoadBalancerNodePorts"] {
        assert!(inside["spec"][gone].is_null(), "{gone}: {inside}");
    }
    assert!(inside["spec"]["ports"][0]["nodePort"].is_null());
    assert_eq!(inside["spec"]["clusterIP"], spec["clusterIP"]);
    assert_eq!(cluster.admin.post(SERVICES, &service("t", &taken)).await.0, 201);
    let alias = json!({"spec": {"type": "ExternalName", "externalName": "a.b"}});
    let (_, alias) = cluster.admin.merge(&path, &alias).await;
    for gone in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        assert!(alias["spec"][gone].is_null(), "{gone}: {alias}");
    }
    let (_, back) = cluster.admin.merge(&path, &json!({"spec": {"type": "ClusterIP"}})).await;
    assert!(back["spec"]["clusterIP"].is_string() && back["spec"]["ipFamilyPolicy"] == "SingleStack", "{back}");
    cluster.stop().await;
}

#[tokio::test]
async fn what_a_service_asks_for_and_cannot_have_is_told() {
    let cluster = Cluster::start().await;
    let refused = async |spec: Value| refusal(cluster.admin.post(SERVICES, &service("s", &spec)).await);
    let ports = json!([{"port": 80}]);
    assert_eq!(
        refused(json!({"ports": ports, "ipFamilyPolicy": "RequireDualStack"})).await,
        "422 spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services"
    );
    assert_eq!(
        refused(json!({"ports": ports, "clusterIP": "10.0.0.1"})).await,
        "422 spec.clusterIPs: Invalid value: [\"10.0.0.1\"]: failed to allocate IP 10.0.0.1: the provided network does \
         not match the current range"
    );
    let far = json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]});
    let why = "422 spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid \
               ports is 30000-32767";
    assert_eq!(refused(far).await, why);
    let by_hand = json!({"clusterIP": "None"});
    let (_, made) = cluster.admin.post(SERVICES, &service("h", &by_hand)).await;
    assert_eq!(
        (&made["spec"]["clusterIPs"], &made["spec"]["ipFamilies"]),
        (&json!(["None"]), &json!(["IPv4", "IPv6"]))
    );
    let path = format!("{SERVICES}/kubernetes");
    let why = refusal(cluster.admin.merge(&path, &json!({"spec": {"clusterIP": "10.96.0.9"}})).await);
    assert_eq!(why, "422 spec.clusterIPs[0]: Invalid value: [\"10.96.0.9\"]: may not change once set");
    cluster.stop().await;
}

#[tokio::test]
async fn only_a_load_balancer_reports_addresses() {
    let cluster = Cluster::start().await;
    let report = json!({"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}});
    let why = refusal(cluster.admin.merge(&format!("{SERVICES}/kubernetes/status"), &report).await);
    assert_eq!(why, "422 status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'");
    let balanced = json!({"type": "LoadBalancer", "ports": [{"port": 80}], "allocateLoadBalancerNodePorts": false});
    let (_, made) = cluster.admin.post(SERVICES, &service("s", &balanced)).await;
    assert!(made["spec"]["ports"][0]["nodePort"].is_null(), "{made}");
    let path = format!("{SERVICES}/s/status");
    let (_, told) = cluster.admin.merge(&path, &report).await;
    assert_eq!(told["status"]["loadBalancer"]["ingress"][0]["ipMode"], "VIP");
    let (status, _) = cluster.admin.ask(Method::GET, &path, &[], "").await;
    assert_eq!(status, 200);
    cluster.stop().await;
}
