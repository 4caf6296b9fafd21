//! Endpoints: addresses behind a Service, as before there were EndpointSlices.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::kind::{Column, Deprecation, Flags, Instead, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name, network};

const COLUMNS: &[Column] = &[NAME, column("Endpoints", "string", "Addresses and ports."), AGE];

const GOES: Deprecation =
    Deprecation { since: 33, until: None, instead: Instead::Other("discovery.k8s.io/v1 EndpointSlice") };

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        singular: "endpoints".into(),
        short: &["ep"],
        columns: COLUMNS,
        flags: Flags { create_on_update: true, ..Flags::default() },
        deprecated: Some(GOES),
        schema: "io.k8s.api.core.v1.Endpoints",
        ..base("", "Endpoints", "endpoints", &Endpoints)
    }
}

#[derive(Debug)]
struct Endpoints;

impl Strategy for Endpoints {
    fn default(&self, object: &mut Value) {
        for subset in json::items_mut(object, "subsets") {
            for port in json::items_mut(subset, "ports") {
                json::fill(port, "protocol", "TCP");
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Errors::new();
        for subset in Field::root(object).at("subsets").items() {
            let lists = ["addresses", "notReadyAddresses"].map(|list| subset.at(list));
            if lists.iter().all(Field::is_empty) {
                errors.push(subset.required("must specify `addresses` or `notReadyAddresses`"));
            }
            errors.extend(lists.iter().flat_map(Field::items).flat_map(|one| address(&one)));
            let ports = subset.at("ports");
            let named = ports.items().count() > 1;
            errors.extend(ports.items().flat_map(|one| port(&one, named)));
        }
        errors
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let subsets = json::items(object, "/subsets").iter();
        let all: Vec<String> = subsets.flat_map(pairs).collect();
        vec![cells::name(object), cells::shortened(all, cells::NONE).into(), cells::age(object, now)]
    }
}

/// Every address with every port; addresses alone when there is no port.
fn pairs(subset: &Value) -> Vec<String> {
    let addresses = || json::items(subset, "/addresses").iter().map(|address| json::text(address, "/ip"));
    let ports = json::items(subset, "/ports");
    if ports.is_empty() {
        return addresses().map(Into::into).collect();
    }
    let join = |ip: &str, port: i64| if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
    let numbers = ports.iter().map(|port| json::integer(port, "/port"));
    numbers.flat_map(|port| addresses().map(move |ip| join(ip, port))).collect()
}

fn address(address: &Field<'_>) -> Errors {
    let mut errors: Errors = network::address(&address.at("ip")).into_iter().collect();
    errors.extend(address.at("hostname").named(name::label));
    let node = address.at("nodeName");
    if node.is_set() {
        errors.extend(name::subdomain(node.text()).into_iter().map(|why| node.invalid(why)));
    }
    errors.extend(network::not_special(&address.at("ip")));
    errors
}

fn port(port: &Field<'_>, named: bool) -> Errors {
    let (own, number) = (port.at("name"), port.at("port"));
    let mut errors = if named { own.must_be_named(name::label) } else { own.named(name::label) };
    let value = number.integer().unwrap_or_default();
    if !(1..=65_535).contains(&value) {
        errors.push(number.invalid_part(value, "must be between 1 and 65535, inclusive"));
    }
    errors.extend(port.at("protocol").must_be_one_of(&["SCTP", "TCP", "UDP"]));
    let protocol = port.at("appProtocol");
    if protocol.is_set() {
        errors.extend(name::qualified(protocol.text()).into_iter().map(|why| protocol.invalid(why)));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::check;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_told() {
        check(&Endpoints, &json!({"metadata": {"name": "e"}}), &expect![""]);
        let addresses = json!([{"ip": "x"}, {"ip": "127.0.0.1"}, {"ip": "169.254.1.1", "hostname": "A"}, {"ip": "0.0.0.0"},
            {"ip": "224.0.0.5", "nodeName": ""}]);
        let subsets = json!([{}, {"addresses": addresses, "ports": [{"port": 0, "name": "A"}, {"port": 1,
            "protocol": "X", "appProtocol": "a b"}]}]);
        check(
            &Endpoints,
            &json!({"subsets": subsets}),
            &expect![[r#"
            subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`
            subsets[1].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            subsets[1].addresses[0].ip: Invalid value: "x": must be a valid IP address
            subsets[1].addresses[1].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)
            subsets[1].addresses[2].hostname: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            subsets[1].addresses[2].ip: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)
            subsets[1].addresses[3].ip: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)
            subsets[1].addresses[4].nodeName: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            subsets[1].addresses[4].ip: Invalid value: "224.0.0.5": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)
            subsets[1].ports[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
            subsets[1].ports[1].name: Required value
            subsets[1].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"
            subsets[1].ports[1].appProtocol: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"#]],
        );
    }

    #[test]
    fn a_row_lists_a_few_and_counts_the_rest() {
        let row = |subsets: Value| {
            let object =
                json!({"metadata": {"name": "e", "creationTimestamp": "1970-01-01T00:00:00Z"}, "subsets": subsets});
            Value::from(Endpoints.cells(&object, Timestamp::UNIX_EPOCH))
        };
        assert_eq!(row(json!([])), json!(["e", "<none>", "0s"]));
        assert_eq!(row(json!([{"addresses": [{"ip": "fd00::1"}], "ports": [{"port": 1}]}]))[1], "[fd00::1]:1");
        let two =
            json!([{"addresses": [{"ip": "1.2.3.4"}, {"ip": "1.2.3.5"}], "ports": [{"port": 80}, {"port": 443}]}]);
        assert_eq!(row(two)[1], "1.2.3.4:80,1.2.3.5:80,1.2.3.4:443 + 1 more...");
    }
}
