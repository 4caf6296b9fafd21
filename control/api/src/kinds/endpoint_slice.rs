//! EndpointSlice: addresses behind a Service.

use serde_json::Value;

use super::{AGE, NAME, base, cells, column};
use crate::kind::{Column, Kind, Strategy};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[
    NAME,
    column("AddressType", "string", "Family of the addresses."),
    column("Ports", "string", "Ports of every endpoint."),
    column("Endpoints", "string", "Addresses."),
    AGE,
];

/// How many values a cell lists before it counts the rest.
const SHOWN: usize = 3;

pub(super) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        schema: "io.k8s.api.discovery.v1.EndpointSlice",
        ..base("discovery.k8s.io", "EndpointSlice", "endpointslices", &EndpointSlice)
    }
}

#[derive(Debug)]
struct EndpointSlice;

impl Strategy for EndpointSlice {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let ports = cells::items(object, "/ports").iter().map(|port| port["port"].to_string()).collect();
        let endpoints = cells::items(object, "/endpoints").iter();
        let addresses = endpoints.flat_map(|one| cells::items(one, "/addresses")).filter_map(Value::as_str);
        vec![
            cells::name(object),
            cells::text(object, "/addressType").into(),
            shortened(ports, "<unset>").into(),
            shortened(addresses.map(Into::into).collect(), "<unset>").into(),
            cells::age(object, now),
        ]
    }
}

/// The first values and how many more there are.
fn shortened(values: Vec<String>, nothing: &str) -> String {
    let more = values.len().saturating_sub(SHOWN);
    let shown = values.into_iter().take(SHOWN).collect::<Vec<_>>().join(",");
    if more > 0 { format!("{shown} + {more} more...") } else { cells::or(&shown, nothing).to_owned() }
}
