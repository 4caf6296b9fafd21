//! NodeMetrics: what a node uses.

use serde_json::Value;

use super::{metrics, row};
use crate::json;
use crate::kind::{Kind, Scope, Strategy};
use crate::meta::Timestamp;

pub(in crate::kinds) fn kind() -> Kind {
    let schema = "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics";
    Kind { scope: Scope::Cluster, ..metrics("NodeMetrics", "nodes", schema, &NodeMetrics) }
}

#[derive(Debug)]
struct NodeMetrics;

impl Strategy for NodeMetrics {
    fn cells(&self, object: &Value, _now: Timestamp) -> Vec<Value> {
        let used = |pointer| json::text(object, pointer).to_owned();
        row(object, used("/usage/cpu"), used("/usage/memory"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_tells_what_the_node_uses() {
        let object = json!({"metadata": {"name": "n"}, "window": "10s", "usage": {"cpu": "250m", "memory": "1Gi"}});
        let cells = NodeMetrics.cells(&object, Timestamp::UNIX_EPOCH);
        assert_eq!(Value::from(cells), json!(["n", "250m", "1Gi", "10s"]));
    }
}
