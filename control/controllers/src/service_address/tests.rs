//! Repairs of addresses of Services, from plain objects.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::make::{NOW, at, key, lines, time, view};

fn range() -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": ["10.0.0.0/24", "fd00::/112"]}})
}

fn service(name: &str, addresses: &[&str]) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "default", "name": name},
        "spec": {"type": "ClusterIP", "clusterIP": addresses[0], "clusterIPs": addresses}})
}

fn held(text: &str, parent: Value, labels: Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": {"name": text, "labels": labels},
        "spec": {"parentRef": parent}})
}

/// The address as the server writes it for a Service.
fn right(text: &str, service: &str) -> Value {
    let labels = object(text.parse().unwrap(), "default", service)["metadata"]["labels"].clone();
    held(text, json!({"resource": "services", "namespace": "default", "name": service}), labels)
}

fn of_service(objects: Vec<Value>, expected: &Expect) {
    let objects = [vec![range()], objects].concat();
    expected
        .assert_eq(&lines(&decide(&view(objects), &key("", "services", "default", "s"), at(NOW)).unwrap()).join("\n"));
}

fn of_address(objects: Vec<Value>, expected: &Expect) {
    let key = key(GROUP, PLURAL, "", "10.0.0.5");
    expected.assert_eq(&lines(&decide(&view(objects), &key, at(NOW)).unwrap()).join("\n"));
}

#[test]
fn an_address_leads_back_to_its_service() {
    let both = || service("s", &["10.0.0.5", "fd00::5"]);
    of_service(vec![both(), right("10.0.0.5", "s"), right("fd00::5", "s")], &expect![""]);
    of_service(vec![service("s", &["None"])], &expect![""]);
    of_service(
        vec![both(), right("10.0.0.5", "s")],
        &expect![[r#"
            event ClusterIPNotAllocated Cluster IP [IPv6]: fd00::5 is not allocated; repairing
            create ipaddresses.networking.k8s.io fd00::5"#]],
    );
    let one = || service("s", &["10.0.0.5"]);
    let gateway = json!({"group": "g.io", "resource": "gateways", "name": "g"});
    let wrong = &expect![[r#"
        event ClusterIPNotAllocated the ClusterIP [IPv4]: 10.0.0.5 for Service default/s has a wrong reference; repairing
        delete ipaddresses 10.0.0.5 Background
        create ipaddresses.networking.k8s.io 10.0.0.5"#]];
    of_service(vec![one(), held("10.0.0.5", gateway, json!({}))], wrong);
    of_service(vec![one(), right("10.0.0.5", "gone")], wrong);
    of_service(vec![one(), right("10.0.0.5", "t"), service("t", &["10.0.0.6"])], wrong);
    of_service(
        vec![one(), right("10.0.0.5", "t"), service("t", &["10.0.0.5"])],
        &expect![[
            r#"event ClusterIPAlreadyAllocated Cluster IP [IPv4]:10.0.0.5 was assigned to multiple services; please recreate service"#
        ]],
    );
    let mut bare = right("10.0.0.5", "s");
    bare["metadata"]["labels"] = json!({});
    of_service(
        vec![one(), bare],
        &expect![[r#"
            delete ipaddresses 10.0.0.5 Background
            create ipaddresses.networking.k8s.io 10.0.0.5"#]],
    );
    of_service(
        vec![service("s", &["10.9.9.9"])],
        &expect![[
            r#"event ClusterIPOutOfRange Cluster IP [IPv4]: 10.9.9.9 is not within any configured Service CIDR; please recreate service"#
        ]],
    );
}

#[test]
fn an_address_of_no_service_goes() {
    of_address(vec![right("10.0.0.5", "s"), service("s", &["10.0.0.5"])], &expect![""]);
    of_address(
        vec![right("10.0.0.5", "s"), service("s", &["10.0.0.6"])],
        &expect![[r#"
            event IPAddressWrongReference IPAddress: 10.0.0.5 for Service default/s has a wrong reference; cleaning up
            delete ipaddresses 10.0.0.5 Background"#]],
    );
    let mut gateway = right("10.0.0.5", "s");
    gateway["spec"]["parentRef"] = json!({"group": "g.io", "resource": "gateways", "name": "g"});
    of_address(
        vec![gateway.clone()],
        &expect![[r#"
            event IPAddressNotAllocated IPAddress 10.0.0.5 appears to have been modified, not referencing a Service &ParentReference{Group:g.io,Resource:gateways,Namespace:,Name:g,}: cleaning up
            delete ipaddresses 10.0.0.5 Background"#]],
    );
    // What others keep is theirs.
    gateway["metadata"]["labels"] = json!({});
    of_address(vec![gateway], &expect![""]);
}

#[test]
fn an_address_waits_a_minute_for_its_service() {
    let mut orphan = right("10.0.0.5", "s");
    of_address(
        vec![orphan.clone()],
        &expect![[r#"
            event IPAddressNotAllocated IPAddress: 10.0.0.5 for Service default/s appears to have leaked: cleaning up
            delete ipaddresses 10.0.0.5 Background"#]],
    );
    orphan["metadata"]["creationTimestamp"] = time(NOW - 20).into();
    let key = key(GROUP, PLURAL, "", "10.0.0.5");
    let decision = decide(&view(vec![orphan]), &key, at(NOW)).unwrap();
    assert_eq!((decision.steps.len(), decision.look_again), (0, Some(at(NOW + 40))));
}
