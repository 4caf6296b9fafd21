//! What the server once gave a Service: writers may leave it out, and what a new type has no use for goes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::json;
use crate::service_spec::{has_address, is_balanced, is_reachable_from_outside, needs_health_check, takes_node_ports};

/// Older clients give a new Service the one address only.
pub(super) fn mirror_new(object: &mut Value) {
    let Some(spec) = object.get_mut("spec") else { return };
    if !json::is_empty(&spec["clusterIP"]) && json::is_empty(&spec["clusterIPs"]) {
        let only = vec![spec["clusterIP"].clone()];
        json::set(spec, "clusterIPs", only);
    }
}

/// Gives the new state what was allocated before and is still of use, and takes away what is not and was not touched.
pub(super) fn keep(object: &mut Value, old: &Value) {
    let before = &old["spec"];
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else { return };
    if has_address(spec) && has_address(before) {
        keep_addresses(spec, before);
    }
    if takes_node_ports(spec) && takes_node_ports(before) {
        keep_node_ports(spec, before);
    }
    if needs_health_check(spec) && needs_health_check(before) && is_zero(&spec["healthCheckNodePort"]) {
        copy(spec, before, "healthCheckNodePort");
    }
    mirror_changed(spec, before);
    drop_useless(spec, before);
}

fn copy(spec: &mut Value, before: &Value, name: &str) {
    if !before[name].is_null() {
        json::set(spec, name, before[name].clone());
    }
}

fn remove(spec: &mut Value, names: &[&str]) {
    if let Some(spec) = spec.as_object_mut() {
        spec.retain(|name, _| !names.contains(&name.as_str()));
    }
}

fn is_zero(number: &Value) -> bool {
    number.as_i64().unwrap_or_default() == 0
}

fn keep_addresses(spec: &mut Value, before: &Value) {
    if json::is_empty(&spec["clusterIP"]) {
        copy(spec, before, "clusterIP");
    }
    if json::is_empty(&spec["clusterIPs"]) && spec["clusterIP"] == before["clusterIP"] {
        copy(spec, before, "clusterIPs");
    }
}

/// Follows a writer who changed `clusterIP` and knows nothing of `clusterIPs`.
fn mirror_changed(spec: &mut Value, before: &Value) {
    let (now, then) = (json::text(spec, "/clusterIP"), json::text(before, "/clusterIP"));
    let (list, old_list) = (json::items(spec, "/clusterIPs"), json::items(before, "/clusterIPs"));
    if now == then || list != old_list {
        return;
    }
    if now.is_empty() {
        remove(spec, &["clusterIPs"]);
    } else {
        let only = vec![spec["clusterIP"].clone()];
        json::set(spec, "clusterIPs", only);
    }
}

fn node_port(port: &Value) -> i64 {
    port["nodePort"].as_i64().unwrap_or_default()
}

fn node_ports(spec: &Value) -> BTreeSet<i64> {
    json::items(spec, "/ports").iter().map(node_port).filter(|number| *number != 0).collect()
}

/// A port is known by its name; nothing else of it stays the same by necessity.
fn keep_node_ports(spec: &mut Value, before: &Value) {
    let mut taken: BTreeSet<i64> = node_ports(spec).intersection(&node_ports(before)).copied().collect();
    let ports = json::items(before, "/ports").iter();
    let known: BTreeMap<&str, i64> = ports.map(|port| (json::text(port, "/name"), node_port(port))).collect();
    for port in json::items_mut(spec, "ports").iter_mut().filter(|port| node_port(port) == 0) {
        let number = known.get(json::text(port, "/name")).copied().unwrap_or_default();
        if number != 0 && taken.insert(number) {
            json::set(port, "nodePort", number);
        }
    }
}

/// Whether Services of a kind have something.
type Needs = fn(&Value) -> bool;

/// What only some Services have goes when this is no longer one of them, unless the writer changed it as well: then the
/// rules refuse it.
fn drop_useless(spec: &mut Value, before: &Value) {
    let ends = |needs: Needs| needs(before) && !needs(spec);
    let same = |names: &[&str]| names.iter().all(|name| spec[*name] == before[*name]);
    let mut useless = Vec::new();
    if ends(has_address) {
        let groups: [&[&str]; 3] = [&["clusterIP", "clusterIPs"], &["ipFamilies"], &["ipFamilyPolicy"]];
        useless.extend(groups.into_iter().filter(|group| same(group)).flatten());
    }
    let single: [(Needs, &str); 4] = [
        (needs_health_check, "healthCheckNodePort"),
        (is_balanced, "allocateLoadBalancerNodePorts"),
        (is_balanced, "loadBalancerClass"),
        (is_reachable_from_outside, "externalTrafficPolicy"),
    ];
    useless.extend(single.iter().filter(|(needs, name)| ends(*needs) && same(&[name])).map(|(_, name)| name));
    let closes = ends(takes_node_ports) && node_ports(spec).is_subset(&node_ports(before));
    let useless: Vec<&str> = useless.into_iter().copied().collect();
    remove(spec, &useless);
    if closes {
        for port in json::items_mut(spec, "ports") {
            remove(port, &["nodePort"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node_ports() -> Value {
        json!({"spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack", "externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster",
            "ports": [{"name": "a", "port": 80, "protocol": "TCP", "nodePort": 30000}]}})
    }

    fn kept(spec: &Value, old: &Value) -> Value {
        let mut new = json!({"spec": spec});
        keep(&mut new, old);
        new["spec"].take()
    }

    fn changed(old: &Value, fields: &Value) -> Value {
        let mut spec = old["spec"].clone();
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        kept(&spec, old)
    }

    #[test]
    fn what_was_allocated_stays_when_it_is_left_out() {
        let ports = json!([{"name": "b", "port": 80, "protocol": "TCP"}, {"name": "a", "port": 81, "protocol": "UDP"}]);
        let new = kept(&json!({"type": "NodePort", "ports": ports}), &node_ports());
        assert_eq!((&new["clusterIP"], &new["clusterIPs"]), (&json!("10.0.0.1"), &json!(["10.0.0.1"])));
        assert_eq!((&new["ports"][0]["nodePort"], &new["ports"][1]["nodePort"]), (&Value::Null, &json!(30000)));
        let balanced =
            json!({"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000}});
        let new = kept(&json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}), &balanced);
        assert_eq!(new["healthCheckNodePort"], 31000);
    }

    #[test]
    fn what_the_new_type_has_no_use_for_goes() {
        let old = node_ports();
        let inside = changed(&old, &json!({"type": "ClusterIP"}));
        assert_eq!((&inside["externalTrafficPolicy"], &inside["ports"][0]["nodePort"]), (&Value::Null, &Value::Null));
        assert_eq!(inside["clusterIP"], "10.0.0.1");
        let alias = changed(&old, &json!({"type": "ExternalName"}));
        let rest = json!({"type": "ExternalName", "internalTrafficPolicy": "Cluster",
            "ports": [{"name": "a", "port": 80, "protocol": "TCP"}]});
        assert_eq!(alias, rest);
        let old = json!({"spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": true, "loadBalancerClass": "a/b",
            "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000}});
        assert_eq!(changed(&old, &json!({"type": "ClusterIP"})), json!({"type": "ClusterIP"}));
        let node = changed(&old, &json!({"type": "NodePort"}));
        assert_eq!(node, json!({"type": "NodePort", "externalTrafficPolicy": "Local"}));
    }

    #[test]
    fn what_a_writer_changed_as_well_stays_for_the_rules_to_refuse() {
        let ports = json!([{"name": "a", "port": 80, "protocol": "TCP", "nodePort": 30001}]);
        let new = changed(&node_ports(), &json!({"type": "ClusterIP", "ports": ports}));
        assert_eq!(new["ports"][0]["nodePort"], 30001);
        let new = changed(&node_ports(), &json!({"type": "ExternalName", "clusterIP": "10.0.0.9"}));
        assert_eq!(new["clusterIPs"], json!(["10.0.0.9"]));
    }

    #[test]
    fn the_list_of_addresses_follows_who_knows_one_only() {
        let new = changed(&node_ports(), &json!({"clusterIP": "10.0.0.2"}));
        assert_eq!(new["clusterIPs"], json!(["10.0.0.2"]));
        let mut fresh = json!({"spec": {"clusterIP": "None"}});
        mirror_new(&mut fresh);
        assert_eq!(fresh["spec"]["clusterIPs"], json!(["None"]));
    }
}
