//! Rules of an EndpointSlice.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::field::{Errors, Field};
use crate::{metadata, name, network};

/// Most endpoints of one slice, ports of it, and addresses of one endpoint (KEP-752).
const ENDPOINTS_MAX: usize = 1000;
const PORTS_MAX: usize = 20_000;
const ADDRESSES_MAX: usize = 100;
/// Most labels of the place of an endpoint, as versions before `v1` told it.
const PLACE_MAX: usize = 16;
/// Most zones, and most nodes, whose clients are sent to one endpoint (KEP-2433, KEP-3015).
const HINTS_MAX: usize = 8;
/// Least labels of a name that stands for an endpoint.
const SEGMENTS_MIN: usize = 3;

/// Everything wrong with a slice.
pub(super) fn slice(root: &Field<'_>) -> Errors {
    let kind = root.at("addressType");
    let mut errors: Errors = kind.must_be_one_of(&["FQDN", "IPv4", "IPv6"]).into_iter().collect();
    let (endpoints, list) = (root.at("endpoints"), root.at("ports"));
    match endpoints.too_many(ENDPOINTS_MAX) {
        Some(many) => errors.push(many),
        None => {
            let reach = if is_of_the_server(root) { Reach::Anywhere } else { Reach::Network };
            errors.extend(endpoints.items().flat_map(|one| endpoint(&one, kind.text(), reach)));
        }
    }
    match list.too_many(PORTS_MAX) {
        Some(many) => errors.push(many),
        None => errors.extend(ports(&list)),
    }
    errors
}

/// Where the addresses of a slice may lead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// To what other machines reach as well.
    Network,
    /// Also to this machine alone.
    Anywhere,
}

/// Whether the slice tells where the API server itself is. One that listens on its own machine alone says so.
fn is_of_the_server(root: &Field<'_>) -> bool {
    let meta = root.at("metadata");
    let service = meta.at("labels").entry("kubernetes.io/service-name");
    meta.at("namespace").text() == "default" && service.text() == "kubernetes"
}

fn endpoint(endpoint: &Field<'_>, kind: &str, reach: Reach) -> Errors {
    let addresses = endpoint.at("addresses");
    let mut errors = Errors::new();
    errors.extend(addresses.is_empty().then(|| addresses.required("must contain at least 1 address")));
    errors.extend(addresses.too_many(ADDRESSES_MAX));
    errors.extend(addresses.items().flat_map(|one| address(&one, kind, reach)));
    let (node, host, place) = (endpoint.at("nodeName"), endpoint.at("hostname"), endpoint.at("deprecatedTopology"));
    errors.extend(given(&node, name::subdomain));
    let labels = place.entries().count();
    errors.extend((labels > PLACE_MAX).then(|| place.too_many_entries(labels, PLACE_MAX)));
    errors.extend(metadata::labels(&place));
    errors.extend(given(&host, name::label));
    let hints = endpoint.at("hints");
    errors.extend(hint(&hints.at("forZones"), name::label_value));
    errors.extend(hint(&hints.at("forNodes"), name::subdomain));
    errors
}

/// What the rule says of a text that was given, be it empty.
fn given(field: &Field<'_>, rule: fn(&str) -> Vec<String>) -> Errors {
    let wrong = if field.is_set() { rule(field.text()) } else { Vec::new() };
    wrong.into_iter().map(|why| field.invalid(why)).collect()
}

fn address(one: &Field<'_>, kind: &str, reach: Reach) -> Errors {
    match kind {
        "IPv4" | "IPv6" => match one.text().parse::<IpAddr>() {
            Err(_) => network::address(one).into_iter().collect(),
            Ok(address) => {
                let other = address.is_ipv4() != (kind == "IPv4");
                let mut errors = Errors::new();
                errors.extend(other.then(|| one.invalid(format!("must be an {kind} address"))));
                let known = reach == Reach::Anywhere && address.is_loopback();
                errors.extend(if known { Errors::new() } else { network::not_special(one) });
                errors
            }
        },
        "FQDN" => host(one),
        _ => Errors::new(),
    }
}

fn host(one: &Field<'_>) -> Errors {
    if one.is_empty() {
        return vec![one.required("")];
    }
    let wrong = name::subdomain(one.text());
    if !wrong.is_empty() {
        return vec![one.invalid(wrong.join(","))];
    }
    let short = one.text().split('.').count() < SEGMENTS_MIN;
    let why = "should be a domain with at least three segments separated by dots";
    short.then(|| one.invalid(why)).into_iter().collect()
}

fn hint(list: &Field<'_>, rule: fn(&str) -> Vec<String>) -> Errors {
    if let Some(many) = list.too_many(HINTS_MAX) {
        return vec![many];
    }
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for own in list.items().map(|one| one.at("name")) {
        errors.extend((!seen.insert(own.text())).then(|| own.duplicate()));
        errors.extend(rule(own.text()).into_iter().map(|why| own.invalid_part(own.text(), why)));
    }
    errors
}

fn ports(ports: &Field<'_>) -> Errors {
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for port in ports.items() {
        let own = port.at("name");
        errors.extend(own.named(name::label));
        errors.extend((!names.insert(own.text())).then(|| own.duplicate()));
        errors.extend(port.at("protocol").must_be_one_of(&["SCTP", "TCP", "UDP"]));
        errors.extend(given(&port.at("appProtocol"), name::qualified));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::super::EndpointSlice;
    use crate::kinds::tests::check;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn addresses_are_of_the_type_and_ports_differ_by_name() {
        let bad = json!({"addressType": "IPv4", "ports": [{"port": 0}, {"port": 1, "protocol": "X"}],
            "endpoints": [{"addresses": []}, {"addresses": ["::1", "1.2"], "hostname": "A", "nodeName": ""}]});
        check(
            &EndpointSlice,
            &bad,
            &expect![[r#"
            endpoints[0].addresses: Required value: must contain at least 1 address
            endpoints[1].addresses[0]: Invalid value: "::1": must be an IPv4 address
            endpoints[1].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)
            endpoints[1].addresses[1]: Invalid value: "1.2": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            endpoints[1].nodeName: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            endpoints[1].hostname: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            ports[1].name: Duplicate value: ""
            ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP""#]],
        );
        let sound = json!({"addressType": "IPv6", "ports": [{"port": 1, "name": "a"}],
            "endpoints": [{"addresses": ["fd00::1"], "hints": {"forZones": [{"name": "a"}, {"name": "b"}]}}]});
        check(&EndpointSlice, &sound, &expect![""]);
        let labels = json!({"kubernetes.io/service-name": "kubernetes"});
        let own = json!({"metadata": {"namespace": "default", "labels": labels}, "addressType": "IPv4",
            "endpoints": [{"addresses": ["127.0.0.1"]}]});
        check(&EndpointSlice, &own, &expect![""]);
    }

    #[test]
    fn names_are_whole_and_hints_few() {
        let zones: Vec<_> = (0..9).map(|nth| json!({"name": nth.to_string()})).collect();
        let place: serde_json::Map<_, _> = (0..17).map(|nth| (nth.to_string(), json!("a"))).collect();
        let nodes = json!([{"name": "a"}, {"name": "a"}, {"name": "A"}]);
        let bad = json!({"addressType": "FQDN", "endpoints": [
            {"addresses": ["a.b", "", "a.b.c"], "hints": {"forZones": zones, "forNodes": nodes}, "deprecatedTopology": place}]});
        check(
            &EndpointSlice,
            &bad,
            &expect![[r#"
            endpoints[0].addresses[0]: Invalid value: "a.b": should be a domain with at least three segments separated by dots
            endpoints[0].addresses[1]: Required value
            endpoints[0].deprecatedTopology: Too many: 17: must have at most 16 items
            endpoints[0].hints.forZones: Too many: 9: must have at most 8 items
            endpoints[0].hints.forNodes[1].name: Duplicate value: "a"
            endpoints[0].hints.forNodes[2].name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#]],
        );
    }
}
