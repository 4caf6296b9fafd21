//! Node: a machine that runs pods.

mod annotations;
mod rules;
mod update;

use serde_json::Value;

use crate::facts::{Amounts, Facts, NodeFacts};
use crate::field::Field;
use crate::kind::{Column, Kind, Scope, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, network, pod_spec};

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
        subresources: &[Subresource::Status, Subresource::Proxy],
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
        rules::node(&Field::root(object))
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        rules::ranges(&Field::root(object).at("spec").at("podCIDRs"))
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        update::rules(&Field::root(object), old)
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        rules::node(&root).into_iter().chain(update::rules(&root, old)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::defaulted;
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
}
