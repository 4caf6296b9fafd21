//! Tables of Services.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::json;

use super::*;

fn service() -> Service {
    serde_json::from_value(json!({
        "metadata": { "name": "web-app", "namespace": "ns" },
        "spec": { "type": "NodePort", "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "sessionAffinity": "ClientIP",
            "ports": [{ "name": "http", "port": 80, "nodePort": 30080, "targetPort": 8080, "protocol": "TCP" }] },
    }))
    .unwrap()
}

fn slice(endpoints: serde_json::Value) -> EndpointSlice {
    serde_json::from_value(json!({
        "metadata": { "name": "web-app-1", "namespace": "ns", "labels": { "kubernetes.io/service-name": "web-app" } },
        "addressType": "IPv4", "endpoints": endpoints, "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
    }))
    .unwrap()
}

fn check(endpoints: serde_json::Value, expected: &[&str]) {
    let table = table(&[service()], &[slice(endpoints)], "n1");
    assert_eq!(table.len(), 1);
    let entry = &table[0];
    assert_eq!((entry.port, entry.node_port, entry.affinity_seconds), (80, Some(30_080), Some(10_800)));
    let found: Vec<String> = entry.endpoints.iter().map(|(ip, port)| format!("{ip}:{port}")).collect();
    assert_eq!(found, expected);
}

#[test]
fn leads_to_ready_endpoints_and_to_ending_ones_only_when_there_are_no_others() {
    let ready = json!({ "addresses": ["10.1.0.2"], "conditions": { "ready": true } });
    let ending =
        json!({ "addresses": ["10.1.0.3"], "conditions": { "ready": false, "serving": true, "terminating": true } });
    let broken = json!({ "addresses": ["10.1.0.4"], "conditions": { "ready": false } });
    check(json!([ready, ending, broken]), &["10.1.0.2:8080"]);
    check(json!([ending, broken]), &["10.1.0.3:8080"]);
    check(json!([broken]), &[]);
}

#[test]
fn names_services_to_containers() {
    let env = environment(&[service()], "ns", true);
    let names: Vec<&str> = env.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(env[0], ("WEB_APP_SERVICE_HOST".to_owned(), "10.96.0.7".to_owned()));
    assert!(names.contains(&"WEB_APP_SERVICE_PORT_HTTP") && names.contains(&"WEB_APP_PORT_80_TCP_ADDR"), "{names:?}");
    assert!(environment(&[service()], "other", true).is_empty());
}

#[test]
fn ranges_count_until_they_are_gone() {
    let of = |name: &str, ranges: serde_json::Value| -> ServiceCIDR {
        let meta = json!({ "name": name, "deletionTimestamp": "2026-01-01T00:00:00Z" });
        serde_json::from_value(json!({ "metadata": meta, "spec": { "cidrs": ranges } })).unwrap()
    };
    let found = ranges(&[of("a", json!(["10.97.0.0/29", "fd97::/112"])), of("b", json!(["10.97.0.0/29"]))]);
    let found: Vec<String> = found.iter().map(|(base, length)| format!("{base}/{length}")).collect();
    assert_eq!(found, ["10.97.0.0/29", "fd97::/112"]);
}
