//! EndpointSlice: addresses behind a Service.

mod rules;

use serde_json::Value;

use crate::field::Field;
use crate::json;
use crate::kind::{Column, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[
    NAME,
    column("AddressType", "string", "Family of the addresses."),
    column("Ports", "string", "Ports of every endpoint."),
    column("Endpoints", "string", "Addresses."),
    AGE,
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        schema: "io.k8s.api.discovery.v1.EndpointSlice",
        ..base("discovery.k8s.io", "EndpointSlice", "endpointslices", &EndpointSlice)
    }
}

#[derive(Debug)]
struct EndpointSlice;

impl Strategy for EndpointSlice {
    fn default(&self, object: &mut Value) {
        for port in json::items_mut(object, "ports") {
            json::fill(port, "name", "");
            json::fill(port, "protocol", "TCP");
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        rules::slice(&Field::root(object))
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        Field::root(object).at("addressType").unchanged(&old["addressType"]).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let ports = json::items(object, "/ports").iter().map(|port| match &port["port"] {
            Value::Null => "*".to_owned(),
            port => port.to_string(),
        });
        let endpoints = json::items(object, "/endpoints").iter();
        let addresses = endpoints.flat_map(|one| json::items(one, "/addresses")).filter_map(Value::as_str);
        vec![
            cells::name(object),
            json::text(object, "/addressType").into(),
            cells::shortened(ports.collect(), cells::UNSET).into(),
            cells::shortened(addresses.map(Into::into).collect(), cells::UNSET).into(),
            cells::age(object, now),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_lists_a_few_and_counts_the_rest() {
        let slice = json!({"metadata": {"name": "s"}, "addressType": "IPv4", "ports": [{"port": 80}, {}],
            "endpoints": [{"addresses": ["1.2.3.4", "1.2.3.5"]}, {"addresses": ["1.2.3.6"]}, {"addresses": ["1.2.3.7"]}]});
        let cells = EndpointSlice.cells(&slice, Timestamp::UNIX_EPOCH);
        let row = json!(["s", "IPv4", "80,*", "1.2.3.4,1.2.3.5,1.2.3.6 + 1 more...", "<unknown>"]);
        assert_eq!(Value::from(cells), row);
    }
}
