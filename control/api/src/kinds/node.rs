//! Node: a machine that runs pods.

use serde_json::Value;

use super::{AGE, NAME, base, cells, column, wide};
use crate::kind::{Column, Kind, Scope, Strategy, Subresource};
use crate::meta::Timestamp;

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

pub(super) fn kind() -> Kind {
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
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let info = |name: &str| {
            let text = cells::text(object, &format!("/status/nodeInfo/{name}"));
            Value::from(cells::or(text, cells::UNKNOWN))
        };
        vec![
            cells::name(object),
            status(object).into(),
            roles(object).into(),
            cells::age(object, now),
            cells::text(object, "/status/nodeInfo/kubeletVersion").into(),
            address(object, "InternalIP").into(),
            address(object, "ExternalIP").into(),
            info("osImage"),
            info("kernelVersion"),
            info("containerRuntimeVersion"),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("spec.unschedulable", cells::boolean(object, "/spec/unschedulable").to_string())]
    }
}

/// `Ready`, `NotReady` or `Unknown`, and whether pods may be placed.
fn status(object: &Value) -> String {
    let ready = cells::items(object, "/status/conditions").iter().find(|condition| condition["type"] == "Ready");
    let word = match ready {
        Some(condition) if condition["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = if cells::boolean(object, "/spec/unschedulable") { ",SchedulingDisabled" } else { "" };
    format!("{word}{cordoned}")
}

/// Roles are told by labels: the tail of `node-role.kubernetes.io/ROLE`, or the value of `kubernetes.io/role`.
fn roles(object: &Value) -> String {
    let mut roles: Vec<&str> = cells::entries(object, "/metadata/labels")
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
    let addresses = cells::items(object, "/status/addresses");
    let address = addresses.iter().find(|address| address["type"] == kind).and_then(|found| found["address"].as_str());
    address.unwrap_or(cells::NONE).to_owned()
}
