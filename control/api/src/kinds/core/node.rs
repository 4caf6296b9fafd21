//! Node: a machine that runs pods.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::facts::{Amounts, Facts, NodeFacts};
use crate::field::{Errors, Field};
use crate::kind::{Column, Kind, Scope, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name, network, pod_spec};

const COLUMNS: &[Column] = &[
    NAME,
    column("Status", "string", "The status of the node"),
    column("Roles", "string", "The roles of the node"),
    AGE,
    column("Version", "string", "Version of the node agent."),
    wide("Internal-IP", "string", "First internal address of the node."),
    wide("External-IP", "string", "First external address of the node."),
    wide("OS-Image", "string", "Operating system of the node."),
    wide("Kernel-Version", "string", "Kernel of the node."),
    wide("Container-Runtime", "string", "Runtime and its version."),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["no"],
        scope: Scope::Cluster,
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        selectable: &["spec.unschedulable"],
        schema: "io.k8s.api.core.v1.Node",
        ..base("", "Node", "nodes", &Node)
    }
}

#[derive(Debug)]
struct Node;

impl Strategy for Node {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = object.get_mut("spec") {
            network::mirror(spec, "podCIDR", "podCIDRs");
        }
        let Some(status) = object.get_mut("status") else { return };
        for list in ["capacity", "allocatable"] {
            if let Some(list) = status.get_mut(list) {
                pod_spec::canonical_amounts(list);
            }
        }
        if json::is_empty(&status["allocatable"]) && !json::is_empty(&status["capacity"]) {
            let all = status["capacity"].clone();
            json::set(status, "allocatable", all);
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let spec = root.at("spec");
        let mut errors = taints(&spec.at("taints"));
        errors.extend(network::ranges(&spec.at("podCIDRs")));
        for list in ["capacity", "allocatable"].map(|list| root.at("status").at(list)) {
            errors.extend(list.entries().flat_map(|(_, amount)| pod_spec::not_negative(&amount)));
        }
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let set_once = [("podCIDRs", "podCIDR"), ("providerID", "providerID")];
        let changed = set_once.into_iter().filter_map(|(name, told)| {
            let (now, then) = (spec.at(name), &old["spec"][name]);
            let why = format!("node updates may not change {told} except from \"\" to valid");
            (!json::is_empty(then) && now.value != then).then(|| now.forbidden(why))
        });
        changed.collect()
    }

    fn facts(&self, object: &Value) -> Facts {
        let allocatable = |resource: &str| pod_spec::amount(object, &format!("/status/allocatable/{resource}"));
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        Facts::Node(NodeFacts {
            ready: status(object).starts_with("Ready"),
            unschedulable: json::boolean(object, "/spec/unschedulable"),
            allocatable: Amounts {
                cpu_milli: unsigned(allocatable("cpu").milli()),
                memory: unsigned(allocatable("memory").bytes()),
                storage: unsigned(allocatable("ephemeral-storage").bytes()),
                pods: u32::try_from(allocatable("pods").bytes()).unwrap_or_default(),
            },
            tainted: !json::items(object, "/spec/taints").is_empty(),
        })
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let info = |name: &str| {
            let text = json::text(object, &format!("/status/nodeInfo/{name}"));
            Value::from(cells::or(text, cells::UNKNOWN))
        };
        vec![
            cells::name(object),
            status(object).into(),
            roles(object).into(),
            cells::age(object, now),
            json::text(object, "/status/nodeInfo/kubeletVersion").into(),
            address(object, "InternalIP").into(),
            address(object, "ExternalIP").into(),
            info("osImage"),
            info("kernelVersion"),
            info("containerRuntimeVersion"),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("spec.unschedulable", json::boolean(object, "/spec/unschedulable").to_string())]
    }
}

/// `Ready`, `NotReady` or `Unknown`, and whether pods may be placed.
fn status(object: &Value) -> String {
    let ready = json::items(object, "/status/conditions").iter().find(|condition| condition["type"] == "Ready");
    let word = match ready {
        Some(condition) if condition["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = if json::boolean(object, "/spec/unschedulable") { ",SchedulingDisabled" } else { "" };
    format!("{word}{cordoned}")
}

/// Roles are told by labels: the tail of `node-role.kubernetes.io/ROLE`, or the value of `kubernetes.io/role`.
fn roles(object: &Value) -> String {
    let mut roles: Vec<&str> = json::entries(object, "/metadata/labels")
        .filter_map(|(key, value)| match key {
            "kubernetes.io/role" => value.as_str().filter(|role| !role.is_empty()),
            _ => key.strip_prefix("node-role.kubernetes.io/").filter(|role| !role.is_empty()),
        })
        .collect();
    roles.sort_unstable();
    roles.dedup();
    cells::or(&roles.join(","), cells::NONE).to_owned()
}

fn address(object: &Value, kind: &str) -> String {
    let addresses = json::items(object, "/status/addresses");
    let address = addresses.iter().find(|address| address["type"] == kind).and_then(|found| found["address"].as_str());
    address.unwrap_or(cells::NONE).to_owned()
}

fn taints(taints: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let mut seen = BTreeSet::new();
    for taint in taints.items() {
        let (key, effect) = (taint.at("key"), taint.at("effect"));
        errors.extend(key.must_be_named(name::qualified));
        errors.extend(taint.at("value").named(name::label_value));
        errors.extend(effect.must_be_one_of(pod_spec::EFFECTS));
        if !seen.insert((key.text(), effect.text())) {
            errors.push(taint.duplicate());
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::expect;
    use serde_json::json;

    fn node() -> Value {
        json!({"metadata": {"name": "n", "labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "edge"},
            "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"unschedulable": true, "podCIDR": "10.1.0.0/24", "taints": [{"key": "a", "effect": "NoSchedule"}]},
            "status": {"capacity": {"cpu": 2, "memory": "1048576Ki", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "10.0.0.1"}],
                "nodeInfo": {"kubeletVersion": "v1", "osImage": "Linux", "kernelVersion": "6",
                "containerRuntimeVersion": "b://1"}}})
    }

    #[test]
    fn a_row_tells_state_roles_and_system() {
        let cells = Node.cells(&node(), "2026-01-01T00:01:40Z".parse().unwrap());
        let row = json!([
            "n",
            "Ready,SchedulingDisabled",
            "edge,worker",
            "100s",
            "v1",
            "10.0.0.1",
            "<none>",
            "Linux",
            "6",
            "b://1"
        ]);
        assert_eq!(Value::from(cells), row);
    }

    #[test]
    fn all_of_it_can_be_used_unless_it_says_otherwise() {
        let node = defaulted(&Node, node());
        assert_eq!(node["spec"]["podCIDRs"], json!(["10.1.0.0/24"]));
        assert_eq!(node["status"]["allocatable"], json!({"cpu": "2", "memory": "1Gi", "pods": "110"}));
        let expected = Amounts { cpu_milli: 2000, memory: 1 << 30, storage: 0, pods: 110 };
        let facts = Node.facts(&node);
        let facts = facts.node().unwrap();
        assert_eq!((facts.allocatable, facts.ready, facts.unschedulable, facts.tainted), (expected, true, true, true));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let bad = json!({"spec": {"podCIDRs": ["10.0.0.0"], "taints": [{"key": "", "effect": "x"},
            {"key": "a", "effect": "NoExecute"}, {"key": "a", "effect": "NoExecute"}]},
            "status": {"capacity": {"cpu": "-1"}}});
        expect![[r#"
            spec.taints[0].key: Required value
            spec.taints[0].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"
            spec.taints[2]: Duplicate value: {"effect":"NoExecute","key":"a"}
            spec.podCIDRs[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
            status.capacity[cpu]: Invalid value: "-1": must be greater than or equal to 0"#]].assert_eq(&told(&Node.validate(&bad)));
        let old = defaulted(&Node, node());
        expect![[r#"spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid"#]]
            .assert_eq(&told(&Node.validate_update(&json!({"spec": {"podCIDRs": ["10.2.0.0/24"]}}), &old)));
    }
}
