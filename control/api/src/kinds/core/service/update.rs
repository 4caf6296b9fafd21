//! What the server once gave a Service, which writers may leave out and not change.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::json;

/// Fields that only Services of some types have; they go when the type changes and the writer did not touch them.
const OF_ADDRESS: &[&str] = &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"];
const OF_NODE_PORTS: &[&str] = &["externalTrafficPolicy", "healthCheckNodePort"];
const OF_BALANCER: &[&str] = &["allocateLoadBalancerNodePorts", "loadBalancerClass"];

fn has_address(spec: &Value) -> bool {
    spec["type"] != "ExternalName"
}

fn has_node_ports(spec: &Value) -> bool {
    spec["type"] == "NodePort" || spec["type"] == "LoadBalancer"
}

fn is_balanced(spec: &Value) -> bool {
    spec["type"] == "LoadBalancer"
}

/// Gives the new state what was allocated before and is still of use, and takes away what is not.
pub(super) fn keep_allocated(object: &mut Value, old: &Value) {
    let before = &old["spec"];
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else { return };
    if has_address(spec) && has_address(before) {
        if json::is_empty(&spec["clusterIP"]) {
            copy(spec, before, &["clusterIP", "clusterIPs"]);
        }
        if spec["clusterIP"] == before["clusterIP"] {
            for name in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if json::is_empty(&spec[name]) {
                    copy(spec, before, &[name]);
                }
            }
        }
    }
    if has_node_ports(spec) && has_node_ports(before) {
        keep_node_ports(spec, before);
    }
    for (fields, applied, applies) in [
        (OF_ADDRESS, has_address(before), has_address(spec)),
        (OF_NODE_PORTS, has_node_ports(before), has_node_ports(spec)),
        (OF_BALANCER, is_balanced(before), is_balanced(spec)),
    ] {
        if applied && !applies {
            let untouched: Vec<&str> = fields.iter().copied().filter(|name| spec[*name] == before[*name]).collect();
            if let Some(spec) = spec.as_object_mut() {
                spec.retain(|name, _| !untouched.contains(&name.as_str()));
            }
        }
    }
    if has_node_ports(before) && !has_node_ports(spec) {
        drop_node_ports(spec, before);
    }
}

fn copy(spec: &mut Value, before: &Value, names: &[&str]) {
    for name in names.iter().filter(|name| !before[**name].is_null()) {
        json::set(spec, name, before[*name].clone());
    }
}

/// A port is the same when protocol and number are.
fn same(one: &Value, other: &Value) -> bool {
    one["protocol"] == other["protocol"] && one["port"] == other["port"]
}

fn node_port(port: &Value) -> i64 {
    port["nodePort"].as_i64().unwrap_or_default()
}

fn keep_node_ports(spec: &mut Value, before: &Value) {
    let mut taken: Vec<i64> = json::items(spec, "/ports").iter().map(node_port).collect();
    for port in json::items_mut(spec, "ports").iter_mut().filter(|port| node_port(port) == 0) {
        let known = json::items(before, "/ports").iter().find(|then| same(port, then)).map(node_port);
        if let Some(number) = known.filter(|number| *number != 0 && !taken.contains(number)) {
            json::set(port, "nodePort", number);
            taken.push(number);
        }
    }
}

fn drop_node_ports(spec: &mut Value, before: &Value) {
    for port in json::items_mut(spec, "ports") {
        let known = json::items(before, "/ports").iter().find(|then| same(port, then)).map(node_port);
        if known == Some(node_port(port))
            && let Some(port) = port.as_object_mut()
        {
            port.remove("nodePort");
        }
    }
}

/// Everything wrong with a change of a Service: its address stays while it has one.
pub(super) fn validate(object: &Value, old: &Value) -> Errors {
    let spec = Field::root(object).at("spec");
    let before = &old["spec"];
    let address = json::text(before, "/clusterIP");
    if address.is_empty() || !has_address(before) || !has_address(spec.value) {
        return Errors::new();
    }
    let now = spec.at("clusterIP").text();
    let first = spec.at("clusterIPs").nth(0);
    match now {
        "" => vec![first.invalid_part(Value::Null, "primary clusterIP can not be unset")],
        now if now != address => vec![first.invalid_part(now, "may not change once set")],
        _ => Errors::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    fn node_ports() -> Value {
        json!({"spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"],
            "externalTrafficPolicy": "Cluster", "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}]}})
    }

    #[test]
    fn what_was_allocated_stays_when_it_is_left_out() {
        let ports = json!([{"port": 81, "protocol": "TCP"}, {"port": 80, "protocol": "TCP", "targetPort": 8080}]);
        let mut new = json!({"spec": {"type": "NodePort", "ports": ports}});
        keep_allocated(&mut new, &node_ports());
        assert_eq!(new["spec"]["clusterIPs"], json!(["10.0.0.1"]));
        assert_eq!(new["spec"]["ipFamilies"], json!(["IPv4"]));
        assert_eq!(new["spec"]["ports"][1]["nodePort"], 30000);
        assert!(new["spec"]["ports"][0]["nodePort"].is_null());
        assert_eq!(validate(&new, &node_ports()), []);
    }

    #[test]
    fn what_the_new_type_has_no_use_for_goes() {
        let mut new = node_ports();
        new["spec"]["type"] = "ClusterIP".into();
        keep_allocated(&mut new, &node_ports());
        let spec = json!({"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"],
            "ports": [{"port": 80, "protocol": "TCP"}]});
        assert_eq!(new["spec"], spec);
        new["spec"]["type"] = "ExternalName".into();
        keep_allocated(&mut new, &node_ports());
        assert_eq!(new["spec"], json!({"type": "ExternalName", "ports": [{"port": 80, "protocol": "TCP"}]}));
    }

    #[test]
    fn the_address_stays() {
        let told = |address: &str| {
            told(&validate(&json!({"spec": {"type": "NodePort", "clusterIP": address}}), &node_ports()))
        };
        expect![[r#"spec.clusterIPs[0]: Invalid value: "10.0.0.2": may not change once set"#]]
            .assert_eq(&told("10.0.0.2"));
        expect!["spec.clusterIPs[0]: Invalid value: null: primary clusterIP can not be unset"].assert_eq(&told(""));
    }
}
