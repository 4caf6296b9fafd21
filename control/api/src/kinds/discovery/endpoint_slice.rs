//! EndpointSlice: addresses behind a Service.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::kind::{Column, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

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
        let root = Field::root(object);
        let kind = root.at("addressType");
        let mut errors: Errors = kind.must_be_one_of(&["FQDN", "IPv4", "IPv6"]).into_iter().collect();
        let endpoints = root.at("endpoints");
        errors.extend(endpoints.too_many(ENDPOINTS_MAX));
        errors.extend(endpoints.items().flat_map(|one| endpoint(&one, kind.text())));
        errors.extend(ports(&root.at("ports")));
        errors
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

/// Most endpoints of one slice, ports of it, and addresses of one endpoint (KEP-752).
const ENDPOINTS_MAX: usize = 1000;
const PORTS_MAX: usize = 20_000;
const ADDRESSES_MAX: usize = 100;

fn endpoint(endpoint: &Field<'_>, kind: &str) -> Errors {
    let addresses = endpoint.at("addresses");
    let mut errors = Errors::new();
    errors.extend(addresses.is_empty().then(|| addresses.required("must contain at least 1 address")));
    errors.extend(addresses.too_many(ADDRESSES_MAX));
    for one in addresses.items() {
        match kind {
            "IPv4" if one.text().parse::<Ipv4Addr>().is_err() => errors.push(one.invalid("must be an IPv4 address")),
            "IPv6" if one.text().parse::<Ipv6Addr>().is_err() => errors.push(one.invalid("must be an IPv6 address")),
            "FQDN" => errors.extend(one.must_be_named(name::subdomain)),
            _ => {}
        }
    }
    errors.extend(endpoint.at("hostname").named(name::label));
    errors.extend(endpoint.at("nodeName").named(name::subdomain));
    errors
}

fn ports(ports: &Field<'_>) -> Errors {
    let mut names = BTreeSet::new();
    let mut errors: Errors = ports.too_many(PORTS_MAX).into_iter().collect();
    for port in ports.items() {
        let own = port.at("name");
        errors.extend(own.named(name::label));
        errors.extend((!names.insert(own.text())).then(|| own.duplicate()));
        errors.extend(port.at("protocol").must_be_one_of(&["SCTP", "TCP", "UDP"]));
        errors.extend(port.at("port").port());
        errors.extend(port.at("appProtocol").named(name::qualified));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn a_row_lists_a_few_and_counts_the_rest() {
        let slice = json!({"metadata": {"name": "s"}, "addressType": "IPv4", "ports": [{"port": 80}, {}],
            "endpoints": [{"addresses": ["1.2.3.4", "1.2.3.5"]}, {"addresses": ["1.2.3.6"]}, {"addresses": ["1.2.3.7"]}]});
        let cells = EndpointSlice.cells(&slice, Timestamp::UNIX_EPOCH);
        let row = json!(["s", "IPv4", "80,*", "1.2.3.4,1.2.3.5,1.2.3.6 + 1 more...", "<unknown>"]);
        assert_eq!(Value::from(cells), row);
    }

    #[test]
    fn addresses_are_of_the_type_and_ports_differ_by_name() {
        let bad = json!({"addressType": "IPv4", "ports": [{"port": 0}, {"port": 1, "protocol": "X"}],
            "endpoints": [{"addresses": []}, {"addresses": ["::1"], "hostname": "A"}]});
        expect![[r#"
            endpoints[0].addresses: Required value: must contain at least 1 address
            endpoints[1].addresses[0]: Invalid value: "::1": must be an IPv4 address
            endpoints[1].hostname: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
            ports[1].name: Duplicate value: ""
            ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP""#]].assert_eq(&told(&EndpointSlice.validate(&defaulted(&EndpointSlice, bad))));
        let sound =
            json!({"addressType": "IPv6", "ports": [{"port": 1, "name": "a"}], "endpoints": [{"addresses": ["::1"]}]});
        assert_eq!(EndpointSlice.validate(&defaulted(&EndpointSlice, sound)), []);
    }
}
