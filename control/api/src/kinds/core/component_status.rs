//! ComponentStatus: whether a part of the control plane is well. Nothing stores it.

use serde_json::Value;

use crate::json;
use crate::kind::{Column, Deprecation, Flags, Instead, Kind, Scope, Strategy};
use crate::kinds::{NAME, base, cells, column};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[
    NAME,
    column("Status", "string", "Status of the component conditions"),
    column("Message", "string", "Message of the component conditions"),
    column("Error", "string", "Error of the component conditions"),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        short: &["cs"],
        columns: COLUMNS,
        flags: Flags { computed: true, ..Flags::default() },
        deprecated: Some(Deprecation { since: 19, until: None, instead: Instead::Nothing }),
        schema: "io.k8s.api.core.v1.ComponentStatus",
        ..base("", "ComponentStatus", "componentstatuses", &ComponentStatus)
    }
}

#[derive(Debug)]
struct ComponentStatus;

impl Strategy for ComponentStatus {
    fn cells(&self, object: &Value, _now: Timestamp) -> Vec<Value> {
        let healthy = json::items(object, "/conditions").iter().find(|one| one["type"] == "Healthy");
        let said = |field: &str| healthy.map_or("", |condition| json::text(condition, field));
        let status = match said("/status") {
            "True" => "Healthy",
            _ if healthy.is_some() => "Unhealthy",
            _ => "Unknown",
        };
        vec![cells::name(object), status.into(), said("/message").into(), said("/error").into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_tells_the_condition() {
        let row = |conditions: Value| {
            let object = json!({"metadata": {"name": "etcd-0"}, "conditions": conditions});
            Value::from(ComponentStatus.cells(&object, Timestamp::UNIX_EPOCH))
        };
        assert_eq!(
            row(json!([{"type": "Healthy", "status": "True", "message": "ok"}])),
            json!(["etcd-0", "Healthy", "ok", ""])
        );
        let unwell = json!([{"type": "Healthy", "status": "False", "message": "m", "error": "e"}]);
        assert_eq!(row(unwell), json!(["etcd-0", "Unhealthy", "m", "e"]));
        assert_eq!(row(json!([])), json!(["etcd-0", "Unknown", "", ""]));
    }
}
