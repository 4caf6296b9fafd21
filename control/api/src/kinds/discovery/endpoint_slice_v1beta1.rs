//! EndpointSlice of `v1beta1`, where zone and node of an endpoint stand in a map of labels.

use serde_json::{Map, Value};

use super::endpoint_slice;
use crate::json;
use crate::kind::{Directions, Kind};
use crate::kinds::forms::form;

const ZONE: &str = "topology.kubernetes.io/zone";
const NODE: &str = "kubernetes.io/hostname";

pub(in crate::kinds) fn kind() -> Kind {
    let directions = Directions {
        to_stored: |slice| json::items_mut(slice, "endpoints").iter_mut().for_each(to_stored),
        from_stored: |slice| json::items_mut(slice, "endpoints").iter_mut().for_each(from_stored),
        fields: &[],
    };
    form(
        endpoint_slice::kind(),
        "discovery.k8s.io",
        "v1beta1",
        "io.k8s.api.discovery.v1beta1.EndpointSlice",
        directions,
    )
}

/// Takes zone and node out of the labels; a label of the node that tells of another one stays.
fn to_stored(endpoint: &mut Value) {
    let Some(fields) = endpoint.as_object_mut() else { return };
    let Some(Value::Object(mut labels)) = fields.remove("topology") else { return };
    if let Some(zone) = labels.remove(ZONE) {
        fields.insert("zone".into(), zone);
    }
    if labels.get(NODE).is_some_and(|node| fields.get("nodeName") == Some(node)) {
        labels.remove(NODE);
    }
    if !labels.is_empty() {
        fields.insert("deprecatedTopology".into(), labels.into());
    }
}

fn from_stored(endpoint: &mut Value) {
    let Some(fields) = endpoint.as_object_mut() else { return };
    let mut labels = match fields.remove("deprecatedTopology") {
        Some(Value::Object(labels)) => labels,
        _ => Map::new(),
    };
    if let Some(zone) = fields.remove("zone") {
        labels.insert(ZONE.into(), zone);
    }
    if let Some(node) = fields.get("nodeName") {
        labels.entry(NODE).or_insert_with(|| node.clone());
    }
    if !labels.is_empty() {
        fields.insert("topology".into(), labels.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(stored: &Value, shown: &Value) {
        let slice =
            |endpoint: &Value| json!({"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": [endpoint]});
        let mut object = slice(stored);
        kind().from_stored(&mut object);
        assert_eq!(object["endpoints"], json!([shown]));
        kind().to_stored(&mut object);
        assert_eq!(object["endpoints"], json!([stored]));
    }

    #[test]
    fn zone_and_node_are_labels_of_the_older_form() {
        check(
            &json!({"addresses": ["1.1.1.1"], "zone": "z", "nodeName": "n", "deprecatedTopology": {"rack": "r"}}),
            &json!({"addresses": ["1.1.1.1"], "nodeName": "n", "topology": {ZONE: "z", NODE: "n", "rack": "r"}}),
        );
        check(
            &json!({"addresses": [], "nodeName": "n", "deprecatedTopology": {NODE: "other"}}),
            &json!({"addresses": [], "nodeName": "n", "topology": {NODE: "other"}}),
        );
        check(&json!({"addresses": []}), &json!({"addresses": []}));
    }
}
