//! Addresses of Services out of ServiceCIDRs, and the IPAddresses that say whose they are.
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
const RANGES: &str = "/apis/networking.k8s.io/v1/servicecidrs";
const ADDRESSES: &str = "/apis/networking.k8s.io/v1/ipaddresses";

impl Cluster {
    /// Asks for a Service; its address, or the refusal without the words that name the object.
    async fn service(&self, name: &str, spec: Value) -> String {
        let mut spec = spec;
        spec["ports"] = json!([{"port": 80}]);
        let (status, made) = self.admin.post(SERVICES, &json!({"metadata": {"name": name}, "spec": spec})).await;
        if status == 201 {
            return made["spec"]["clusterIP"].as_str().unwrap().to_owned();
        }
        let message = made["message"].as_str().unwrap();
        format!("{status} {}", message.split_once(" is invalid: ").map_or(message, |(_, why)| why))
    }

    async fn range(&self, name: &str, ranges: &[&str]) {
        let object = json!({"metadata": {"name": name}, "spec": {"cidrs": ranges}});
        let (status, made) = self.admin.post(RANGES, &object).await;
        assert_eq!(status, 201, "{made}");
    }

    /// The stored addresses and whose they are.
    async fn addresses(&self) -> Vec<String> {
        let (_, list) = self.admin.get(ADDRESSES).await;
        let items = list["items"].as_array().unwrap().iter();
        items.map(|one| format!("{} {}", one["metadata"]["name"], one["spec"]["parentRef"]["name"])).collect()
    }

    /// Takes the default range away, so that a test has none but its own: nobody holds it here, for no controller runs.
    async fn close_default(&self) {
        let condition = json!([{"type": "Ready", "status": "False", "reason": "Test", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        let path = format!("{RANGES}/kubernetes/status");
        let (status, told) = self.admin.merge(&path, &json!({"status": {"conditions": condition}})).await;
        assert_eq!(status, 200, "{told}");
    }
}

#[tokio::test]
async fn the_configured_range_is_an_object_and_the_servers_own_address_is_one() {
    let cluster = Cluster::start().await;
    let (_, range) = cluster.admin.get(&format!("{RANGES}/kubernetes")).await;
    assert_eq!(range["spec"], json!({"cidrs": ["10.96.0.0/24"]}));
    let mut condition = range["status"]["conditions"][0].clone();
    assert!(condition["lastTransitionTime"].take().is_string());
    let expected = json!({"type": "Ready", "status": "True", "reason": "", "lastTransitionTime": null,
        "message": "Kubernetes default Service CIDR is ready"});
    assert_eq!(condition, expected);
    let (_, own) = cluster.admin.get(&format!("{ADDRESSES}/10.96.0.1")).await;
    let parent = json!({"resource": "services", "namespace": "default", "name": "kubernetes"});
    assert_eq!(own["spec"]["parentRef"], parent);
    let labels = json!({"ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"});
    assert_eq!(own["metadata"]["labels"], labels);
    cluster.stop().await;
}

#[tokio::test]
async fn a_full_range_leads_to_the_next() {
    let cluster = Cluster::start().await;
    cluster.close_default().await;
    cluster.range("a", &["192.168.7.0/29"]).await;
    let mut given = Vec::new();
    for nth in 0..6 {
        given.push(cluster.service(&format!("s{nth}"), json!({})).await);
    }
    given.sort();
    assert_eq!(given, (1..=6).map(|host| format!("192.168.7.{host}")).collect::<Vec<_>>());
    let full = "500 Internal error occurred: failed to allocate a serviceIP: range is full";
    assert_eq!(cluster.service("t", json!({})).await, full);
    cluster.range("b", &["192.168.8.0/28"]).await;
    let next = cluster.service("t", json!({})).await;
    assert!(next.starts_with("192.168.8."), "{next}");
    // An address that was given back can be had again.
    let (status, _) = cluster.admin.ask(Method::DELETE, &format!("{SERVICES}/s0"), &[], "").await;
    assert_eq!((status, cluster.addresses().await.len()), (200, 7));
    let again = cluster.service("u", json!({})).await;
    assert!(again.starts_with("192.168.7."), "{again}");
    cluster.stop().await;
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_told() {
    let cluster = Cluster::start().await;
    cluster.range("a", &["192.168.7.0/28"]).await;
    let told = |address: &str, why: &str| {
        format!("422 spec.clusterIPs: Invalid value: [\"{address}\"]: failed to allocate IP {address}: {why}")
    };
    let nowhere = "the provided network does not match the current range";
    for address in ["10.0.0.1", "192.168.7.0", "192.168.7.15"] {
        assert_eq!(cluster.service("s", json!({"clusterIP": address})).await, told(address, nowhere));
    }
    let taken = "provided IP is already allocated";
    assert_eq!(cluster.service("s", json!({"clusterIP": "10.96.0.1"})).await, told("10.96.0.1", taken));
    // Somebody else may have it: a Gateway, say.
    let gateway = json!({"group": "gateway.networking.k8s.io", "resource": "gateways", "namespace": "n", "name": "g"});
    let held = json!({"metadata": {"name": "192.168.7.3"}, "spec": {"parentRef": gateway}});
    let (status, answer) = cluster.admin.post(ADDRESSES, &held).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(cluster.service("s", json!({"clusterIP": "192.168.7.3"})).await, told("192.168.7.3", taken));
    assert_eq!(cluster.service("s", json!({"clusterIP": "192.168.7.4"})).await, "192.168.7.4");
    // One that goes gives nothing any more, though nobody has let go of it yet.
    let finalizers = json!({"metadata": {"finalizers": ["networking.k8s.io/service-cidr-finalizer"]}});
    cluster.admin.merge(&format!("{RANGES}/a"), &finalizers).await;
    let (status, _) = cluster.admin.ask(Method::DELETE, &format!("{RANGES}/a"), &[], "").await;
    assert_eq!(status, 200);
    assert_eq!(cluster.service("t", json!({"clusterIP": "192.168.7.5"})).await, told("192.168.7.5", nowhere));
    cluster.stop().await;
}

#[tokio::test]
async fn addresses_come_and_go_with_what_a_service_is() {
    let cluster = Cluster::start().await;
    let own = "\"10.96.0.1\" \"kubernetes\"".to_owned();
    let address = cluster.service("s", json!({"clusterIP": "10.96.0.9"})).await;
    assert_eq!(cluster.addresses().await, [own.clone(), format!("\"{address}\" \"s\"")]);
    let (status, answer) = cluster.admin.ask(Method::DELETE, &format!("{ADDRESSES}/{address}"), &[], "").await;
    assert_eq!(status, 200, "{answer}");
    let path = format!("{SERVICES}/s");
    let alias = json!({"spec": {"type": "ExternalName", "externalName": "a.b"}});
    cluster.admin.merge(&path, &alias).await;
    assert_eq!(cluster.addresses().await, std::slice::from_ref(&own));
    let (_, back) = cluster.admin.merge(&path, &json!({"spec": {"type": "ClusterIP"}})).await;
    assert_eq!(cluster.addresses().await[1], format!("{} \"s\"", back["spec"]["clusterIP"]));
    // One that somebody holds keeps its address until it is let go of.
    cluster.admin.merge(&path, &json!({"metadata": {"finalizers": ["a.b/c"]}})).await;
    cluster.admin.ask(Method::DELETE, &path, &[], "").await;
    assert_eq!(cluster.addresses().await.len(), 2);
    cluster.admin.merge(&path, &json!({"metadata": {"finalizers": []}})).await;
    assert_eq!(cluster.addresses().await, std::slice::from_ref(&own));
    // What is only tried takes nothing.
    let tried = json!({"metadata": {"name": "t"}, "spec": {"ports": [{"port": 80}]}});
    let (status, _) = cluster.admin.post(&format!("{SERVICES}?dryRun=All"), &tried).await;
    assert_eq!((status, cluster.addresses().await), (201, vec![own]));
    cluster.stop().await;
}

#[tokio::test]
async fn many_at_once_get_different_addresses() {
    let cluster = Cluster::start().await;
    let names: Vec<String> = (0..32).map(|nth| format!("s{nth}")).collect();
    let made = futures::future::join_all(names.iter().map(|name| cluster.service(name, json!({})))).await;
    let different: std::collections::BTreeSet<&String> = made.iter().collect();
    assert_eq!(different.len(), 32, "{made:?}");
    assert!(made.iter().all(|address| address.starts_with("10.96.0.")), "{made:?}");
    // The upper part first: nobody chose one of the lower sixteen.
    let low = |address: &&String| address.rsplit('.').next().unwrap().parse::<u8>().unwrap() <= 16;
    assert_eq!(made.iter().filter(low).count(), 0, "{made:?}");
    cluster.stop().await;
}
