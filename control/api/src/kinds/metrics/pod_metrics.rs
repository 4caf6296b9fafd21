//! PodMetrics: what each container of a pod uses.

use serde_json::Value;

use super::{metrics, row};
use crate::json;
use crate::kind::{Kind, Strategy};
use crate::meta::Timestamp;
use crate::quantity::Quantity;

pub(in crate::kinds) fn kind() -> Kind {
    metrics("PodMetrics", "pods", "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics", &PodMetrics)
}

#[derive(Debug)]
struct PodMetrics;

impl Strategy for PodMetrics {
    fn cells(&self, object: &Value, _now: Timestamp) -> Vec<Value> {
        row(object, total(object, "cpu"), total(object, "memory"))
    }
}

/// What all containers use of a resource together.
fn total(object: &Value, resource: &str) -> String {
    let containers = json::items(object, "/containers").iter();
    let used = containers.filter_map(|container| Quantity::from_value(&container["usage"][resource]).ok());
    used.reduce(|sum, one| sum + one).unwrap_or(Quantity::ZERO).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_tells_what_all_containers_use_together() {
        let used = |cpu: &str, memory: &str| json!({"name": "c", "usage": {"cpu": cpu, "memory": memory}});
        let check = |containers: Value, cells: Value| {
            let object = json!({"metadata": {"name": "p"}, "window": "10.5s", "containers": containers});
            assert_eq!(Value::from(PodMetrics.cells(&object, Timestamp::UNIX_EPOCH)), cells);
        };
        check(json!([used("1500000n", "3Mi"), used("500u", "1Mi")]), json!(["p", "2m", "4Mi", "10.5s"]));
        check(json!([]), json!(["p", "0", "0", "10.5s"]));
    }
}
