//! What is told of whole Services.

use serde_json::json;

use super::super::Service;
use super::*;
use crate::kind::Strategy;
use crate::kinds::tests::{defaulted, told};
use expect_test::{Expect, expect};

fn check(spec: &Value, expected: &Expect) {
    check_whole(json!({"spec": spec}), expected);
}

fn check_whole(object: Value, expected: &Expect) {
    let mut object = defaulted(&Service, object);
    Service.prepare_create(&mut object);
    expected.assert_eq(&told(&service(&object)));
}

#[test]
fn sound_services_pass() {
    let both = json!([{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}]);
    check(&json!({"ports": both}), &expect![""]);
    check(&json!({"clusterIP": "None"}), &expect![""]);
    check(&json!({"type": "ExternalName", "externalName": "db.example.com."}), &expect![""]);
    check(&json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000, "targetPort": "http"}]}), &expect![""]);
    let balanced = json!({"type": "LoadBalancer", "ports": [{"port": 80}], "loadBalancerSourceRanges": [" 10.0.0.0/8 "],
        "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000, "loadBalancerClass": "a.b/c",
        "trafficDistribution": "PreferSameNode"});
    check(&balanced, &expect![""]);
    check(
        &json!({"ports": [{"port": 80}], "externalIPs": ["1.1.1.1"], "externalTrafficPolicy": "Local"}),
        &expect![""],
    );
}

#[test]
fn ports_are_told_apart_and_in_range() {
    check(&json!({}), &expect!["spec.ports: Required value"]);
    let ports = json!([{"port": 80, "nodePort": 30000}, {"port": 80, "name": "A"}, {"name": "b", "targetPort": "x--y"},
        {"port": 1, "name": "b", "protocol": "ICMP", "nodePort": 30000, "appProtocol": ""}]);
    check(
        &json!({"ports": ports}),
        &expect![[r#"
            spec.ports[0].name: Required value
            spec.ports[1].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.ports[2].targetPort: Invalid value: "x--y": must not contain consecutive hyphens
            spec.ports[3].name: Duplicate value: "b"
            spec.ports[3].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"
            spec.ports[3].appProtocol: Invalid value: "": name part must be non-empty
            spec.ports[3].appProtocol: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'
            spec.ports[3].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'
            spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}"#]],
    );
    let twice = json!([{"port": 80, "nodePort": 30000, "name": "a"}, {"port": 81, "nodePort": 30000, "name": "b"}]);
    check(&json!({"type": "NodePort", "ports": twice}), &expect!["spec.ports[1].nodePort: Duplicate value: 30000"]);
}

#[test]
fn addresses_and_policies_fit_the_type() {
    let bad = json!({"type": "Foo", "clusterIP": "10.0.0", "sessionAffinity": "Maybe", "ports": [{"port": 1}],
        "externalIPs": ["127.0.0.1", "x"], "internalTrafficPolicy": "Far", "loadBalancerSourceRanges": ["10.0.0.0/33"],
        "ipFamilies": ["IPv5"], "trafficDistribution": "Near", "loadBalancerClass": "a"});
    check(
        &bad,
        &expect![[r#"
            spec.sessionAffinity: Unsupported value: "Maybe": supported values: "ClientIP", "None"
            spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"
            spec.clusterIPs[0]: Invalid value: "10.0.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)
            spec.externalIPs[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"
            spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'
            spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
            spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'
            spec.internalTrafficPolicy: Unsupported value: "Far": supported values: "Cluster", "Local"
            spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameZone", "PreferSameNode""#]],
    );
    check(
        &json!({"type": "NodePort", "clusterIP": "None", "ports": [{"port": 1}]}),
        &expect![[r#"spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services"#]],
    );
    check(
        &json!({"externalTrafficPolicy": "Local", "ports": [{"port": 1}], "healthCheckNodePort": 31000}),
        &expect![[r#"
            spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services
            spec.healthCheckNodePort: Invalid value: 31000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"#]],
    );
}

#[test]
fn another_name_has_no_address() {
    check(
        &json!({"type": "ExternalName", "clusterIP": "10.0.0.1", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}),
        &expect![[r#"
            spec.clusterIPs: Forbidden: may not be set for ExternalName services
            spec.ipFamilies: Forbidden: may not be set for ExternalName services
            spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services
            spec.externalName: Required value"#]],
    );
    check(
        &json!({"type": "ExternalName", "externalName": "a_b."}),
        &expect![[
            r#"spec.externalName: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#
        ]],
    );
}

#[test]
fn annotations_that_stand_for_fields_are_read_as_such() {
    let annotations = json!({HINTS: "auto", MODE: "Disabled",
        "service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8, x"});
    check_whole(
        json!({"metadata": {"annotations": annotations}, "spec": {"ports": [{"port": 1}]}}),
        &expect![[r#"
            metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "Disabled": must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified
            metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Forbidden: may only be used when `type` is 'LoadBalancer'
            metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"#]],
    );
}
