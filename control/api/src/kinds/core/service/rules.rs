//! Rules of a Service.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::{metadata, name, network};

/// Value of `clusterIP` of a Service whose name leads to its pods directly.
const HEADLESS: &str = "None";

/// Everything wrong with a Service.
pub(super) fn service(object: &Value) -> Errors {
    let spec = Field::root(object).at("spec");
    let kind = spec.at("type");
    let alias = kind.text() == "ExternalName";
    let headless = spec.at("clusterIP").text() == HEADLESS;
    let mut errors = Errors::new();
    let ports = spec.at("ports");
    if ports.is_empty() && !headless && !alias {
        errors.push(ports.required(""));
    }
    if headless && matches!(kind.text(), "NodePort" | "LoadBalancer") {
        let why = format!("may not be set to 'None' for {} services", kind.text());
        errors.push(spec.at("clusterIP").invalid(why));
    }
    if alias {
        let (addresses, target) = (spec.at("clusterIPs"), spec.at("externalName"));
        errors.extend((!addresses.is_empty()).then(|| addresses.forbidden("may not be set for ExternalName services")));
        let dotless = target.text().trim_end_matches('.');
        errors.extend(target.must());
        if !dotless.is_empty() {
            errors.extend(name::subdomain(dotless).into_iter().map(|why| target.invalid(why)));
        }
    }
    errors.extend(all_ports(&ports, kind.text()));
    errors.extend(metadata::labels(&spec.at("selector")));
    errors.extend(affinity(&spec));
    errors.extend(addresses(&spec));
    errors.extend(kind.must_be_one_of(&["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]));
    errors.extend(external(&spec, kind.text()));
    errors
}

fn all_ports(ports: &Field<'_>, kind: &str) -> Errors {
    let many = ports.items().count() > 1;
    let (mut names, mut numbers, mut of_nodes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut errors = Errors::new();
    for port in ports.items() {
        let (own, number, protocol) = (port.at("name"), port.at("port"), port.at("protocol"));
        if many {
            errors.extend(own.must());
        }
        errors.extend(own.named(name::label));
        if !own.is_empty() && !names.insert(own.text()) {
            errors.push(own.duplicate());
        }
        match number.integer() {
            None => errors.push(number.required("")),
            Some(_) => errors.extend(number.port()),
        }
        errors.extend(protocol.must_be_one_of(&["SCTP", "TCP", "UDP"]));
        errors.extend(network::port_or_name(&port.at("targetPort")));
        errors.extend(port.at("appProtocol").named(name::qualified));
        if number.is_set() && !numbers.insert((protocol.text(), number.integer())) {
            let same = json!({"port": number.value, "protocol": protocol.value});
            errors.push(port.duplicate_of(&same));
        }
        let node = port.at("nodePort");
        let Some(on_node) = node.integer().filter(|number| *number != 0) else { continue };
        errors.extend(node.port());
        if !matches!(kind, "NodePort" | "LoadBalancer") {
            errors.push(node.forbidden(format!("may not be used when `type` is '{kind}'")));
        }
        if !of_nodes.insert((protocol.text(), on_node)) {
            errors.push(node.duplicate());
        }
    }
    errors
}

fn affinity(spec: &Field<'_>) -> Errors {
    const SECONDS_MAX: i64 = 86_400;
    let (kind, config) = (spec.at("sessionAffinity"), spec.at("sessionAffinityConfig"));
    let mut errors: Errors = kind.must_be_one_of(&["ClientIP", "None"]).into_iter().collect();
    if kind.text() == "None" && config.is_set() {
        let why = "must not be set when session affinity is None";
        errors.push(config.forbidden(why));
    }
    let seconds = config.at("clientIP").at("timeoutSeconds");
    if kind.text() == "ClientIP" && seconds.integer().is_some_and(|seconds| !(1..=SECONDS_MAX).contains(&seconds)) {
        errors.push(seconds.invalid(format!("must be greater than 0 and less than {SECONDS_MAX}")));
    }
    errors
}

fn addresses(spec: &Field<'_>) -> Errors {
    let (one, list) = (spec.at("clusterIP"), spec.at("clusterIPs"));
    let mut errors = Errors::new();
    let given: Vec<Field<'_>> = list.items().collect();
    if let Some(first) = given.first()
        && first.text() != one.text()
    {
        errors.push(list.invalid("first value must match `clusterIP`"));
    }
    for address in given.iter().filter(|address| address.text() != HEADLESS || given.len() > 1) {
        errors.extend(network::address(address));
    }
    errors.extend(spec.at("ipFamilies").items().filter_map(|family| family.one_of(&["IPv4", "IPv6"])));
    errors.extend(spec.at("ipFamilyPolicy").one_of(&["PreferDualStack", "RequireDualStack", "SingleStack"]));
    errors
}

/// What concerns traffic from outside, and how traffic is spread.
fn external(spec: &Field<'_>, kind: &str) -> Errors {
    let mut errors = Errors::new();
    for address in spec.at("externalIPs").items() {
        errors.extend(network::address(&address));
        let local = address.text().parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified());
        errors.extend(local.then(|| address.invalid("may not be in the loopback range or unspecified")));
    }
    let (outside, inside) = (spec.at("externalTrafficPolicy"), spec.at("internalTrafficPolicy"));
    let reachable = matches!(kind, "NodePort" | "LoadBalancer") || !spec.at("externalIPs").is_empty();
    if outside.is_set() && !reachable {
        errors.push(outside.invalid("may only be set for externally-accessible services"));
    }
    errors.extend(outside.one_of(&["Cluster", "Local"]));
    errors.extend(inside.one_of(&["Cluster", "Local"]));
    let ranges = spec.at("loadBalancerSourceRanges");
    if !ranges.is_empty() && kind != "LoadBalancer" {
        errors.push(ranges.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
    errors.extend(network::ranges(&ranges));
    let nodes = spec.at("allocateLoadBalancerNodePorts");
    if nodes.is_set() && kind != "LoadBalancer" {
        errors.push(nodes.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::super::Service;
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::{Expect, expect};

    fn check(spec: &Value, expected: &Expect) {
        expected.assert_eq(&told(&service(&defaulted(&Service, json!({"spec": spec})))));
    }

    #[test]
    fn sound_services_pass() {
        let both = json!([{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}]);
        check(&json!({"ports": both}), &expect![""]);
        check(&json!({"clusterIP": "None"}), &expect![""]);
        check(&json!({"type": "ExternalName", "externalName": "db.example.com."}), &expect![""]);
        check(
            &json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000, "targetPort": "http"}]}),
            &expect![""],
        );
    }

    #[test]
    fn ports_are_told_apart_and_in_range() {
        check(&json!({}), &expect!["spec.ports: Required value"]);
        let ports = json!([{"port": 80, "nodePort": 30000}, {"port": 80, "name": "A"}, {"port": 0, "name": "b",
            "targetPort": "x--y"},
            {"port": 1, "name": "b", "protocol": "ICMP"}]);
        check(
            &json!({"ports": ports}),
            &expect![[r#"
            spec.ports[0].name: Required value
            spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'
            spec.ports[1].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}
            spec.ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.ports[2].targetPort: Invalid value: "x--y": must not contain consecutive hyphens
            spec.ports[3].name: Duplicate value: "b"
            spec.ports[3].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP""#]],
        );
    }

    #[test]
    fn addresses_and_policies_fit_the_type() {
        let bad = json!({"type": "Foo", "clusterIP": "10.0.0", "sessionAffinity": "Maybe", "ports": [{"port": 1}],
            "externalIPs": ["127.0.0.1"],
            "internalTrafficPolicy": "Far", "loadBalancerSourceRanges": ["10.0.0.0/33"], "ipFamilies": ["IPv5"]});
        check(
            &bad,
            &expect![[r#"
            spec.sessionAffinity: Unsupported value: "Maybe": supported values: "ClientIP", "None"
            spec.clusterIPs[0]: Invalid value: "10.0.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"
            spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"
            spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range or unspecified
            spec.internalTrafficPolicy: Unsupported value: "Far": supported values: "Cluster", "Local"
            spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'
            spec.loadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"#]],
        );
        check(
            &json!({"type": "NodePort", "clusterIP": "None", "ports": [{"port": 1}]}),
            &expect![[r#"spec.clusterIP: Invalid value: "None": may not be set to 'None' for NodePort services"#]],
        );
        check(
            &json!({"type": "ExternalName", "clusterIP": "10.0.0.1"}),
            &expect![[r#"
            spec.clusterIPs: Forbidden: may not be set for ExternalName services
            spec.externalName: Required value"#]],
        );
        check(
            &json!({"externalTrafficPolicy": "Local", "ports": [{"port": 1}], "clusterIP": "10.0.0.1",
                "clusterIPs": ["10.0.0.2"]}),
            &expect![[r#"
            spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`
            spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services"#]],
        );
    }
}
