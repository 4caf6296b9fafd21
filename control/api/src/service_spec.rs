//! What a Service needs, which follows from its type and a few of its fields. All functions take its `spec`.

pub mod stacks;

use serde_json::Value;

use crate::json;

/// Value of `clusterIP` of a Service whose name leads to its pods directly.
pub const HEADLESS: &str = "None";

/// Whether it has an address inside the cluster, or says that it wants none.
#[must_use]
pub fn has_address(spec: &Value) -> bool {
    matches!(json::text(spec, "/type"), "ClusterIP" | "NodePort" | "LoadBalancer")
}

/// Whether its name leads to its pods directly.
#[must_use]
pub fn is_headless(spec: &Value) -> bool {
    matches!(json::items(spec, "/clusterIPs"), [only] if only == HEADLESS)
}

/// Whether nodes may listen for it.
#[must_use]
pub fn opens_nodes(spec: &Value) -> bool {
    matches!(json::text(spec, "/type"), "NodePort" | "LoadBalancer")
}

/// Whether each of its ports gets one on the nodes, asked for or not.
#[must_use]
pub fn takes_node_ports(spec: &Value) -> bool {
    match json::text(spec, "/type") {
        "NodePort" => true,
        "LoadBalancer" => spec["allocateLoadBalancerNodePorts"] != false,
        _ => false,
    }
}

/// Whether a load balancer stands before it.
#[must_use]
pub fn is_balanced(spec: &Value) -> bool {
    spec["type"] == "LoadBalancer"
}

/// Whether its load balancer must ask each node whether pods of the Service run there.
#[must_use]
pub fn needs_health_check(spec: &Value) -> bool {
    is_balanced(spec) && spec["externalTrafficPolicy"] == "Local"
}

/// Whether it can be reached from outside the cluster.
#[must_use]
pub fn is_reachable_from_outside(spec: &Value) -> bool {
    opens_nodes(spec) || spec["type"] == "ClusterIP" && !json::items(spec, "/externalIPs").is_empty()
}
