//! NetworkPolicy: which pods may speak with which others.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Generation, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name, network, pod_spec};

const COLUMNS: &[Column] = &[NAME, column("Pod-Selector", "string", "Pods that it is about."), AGE];
/// Lists of rules with the field of each that names the other side.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["netpol"],
        columns: COLUMNS,
        flags: Flags { generation: Generation::Always, ..Flags::default() },
        schema: "io.k8s.api.networking.v1.NetworkPolicy",
        ..base("networking.k8s.io", "NetworkPolicy", "networkpolicies", &NetworkPolicy)
    }
}

#[derive(Debug)]
struct NetworkPolicy;

impl Strategy for NetworkPolicy {
    fn default(&self, object: &mut Value) {
        json::fill(object, "spec", json!({}));
        let Some(spec) = object.get_mut("spec") else { return };
        json::fill(spec, "podSelector", json!({}));
        if json::items(spec, "/policyTypes").is_empty() {
            let outward = !json::items(spec, "/egress").is_empty();
            let types = if outward { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
            json::set(spec, "policyTypes", types);
        }
        for (list, _) in DIRECTIONS {
            for port in json::items_mut(spec, list).iter_mut().flat_map(|rule| json::items_mut(rule, "ports")) {
                json::fill(port, "protocol", "TCP");
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors = pod_spec::label_selector(&spec.at("podSelector"));
        for (list, side) in DIRECTIONS {
            for rule in spec.at(list).items() {
                errors.extend(rule.at("ports").items().flat_map(|one| port(&one)));
                errors.extend(rule.at(side).items().flat_map(|one| peer(&one)));
            }
        }
        errors.extend(types(&spec.at("policyTypes")));
        errors
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let spec = Field::root(object).at("spec");
        let rules = DIRECTIONS.iter().flat_map(|(list, side)| spec.at(list).items().map(|rule| rule.at(side)));
        let blocks = rules.flat_map(|peers| peers.items().map(|peer| peer.at("ipBlock")).collect::<Vec<_>>());
        let ranges = blocks.flat_map(|block| std::iter::once(block.at("cidr")).chain(block.at("except").items()));
        ranges.filter_map(|range| network::ambiguous(&range)).collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let selector = object.pointer("/spec/podSelector").map_or_else(|| cells::NONE.to_owned(), cells::selector);
        vec![cells::name(object), selector.into(), cells::age(object, now)]
    }
}

fn types(types: &Field<'_>) -> Errors {
    const ALLOWED: &[&str] = &["Ingress", "Egress"];
    if types.items().count() > ALLOWED.len() {
        return vec![types.invalid("may not specify more than two policyTypes")];
    }
    types.items().filter_map(|one| one.one_of(ALLOWED)).collect()
}

fn port(entry: &Field<'_>) -> Errors {
    let (protocol, port, end) = (entry.at("protocol"), entry.at("port"), entry.at("endPort"));
    let mut errors: Errors = protocol.one_of(&["TCP", "UDP", "SCTP"]).into_iter().collect();
    match (port.value, end.integer()) {
        (Value::Null, None) => {}
        (Value::Null, Some(_)) => errors.push(end.invalid("may not be specified when `port` is not specified")),
        (Value::String(text), given) => {
            let why = "may not be specified when `port` is non-numeric";
            errors.extend(given.map(|_| end.invalid(why)));
            errors.extend(name::port(text).into_iter().map(|why| port.invalid(why)));
        }
        (_, given) => {
            errors.extend(port.port());
            if given < port.integer() && given.is_some() {
                errors.push(end.invalid("must be greater than or equal to `port`"));
            }
            errors.extend(end.port());
        }
    }
    errors
}

fn peer(peer: &Field<'_>) -> Errors {
    let selectors = ["podSelector", "namespaceSelector"].map(|name| peer.at(name));
    let block = peer.at("ipBlock");
    let selects = selectors.iter().any(Field::is_set);
    let mut errors: Errors = selectors.iter().flat_map(pod_spec::label_selector).collect();
    if block.is_set() {
        errors.extend(ip_block(&block));
    }
    match (selects, block.is_set()) {
        (false, false) => errors.push(peer.required("must specify a peer")),
        (true, true) => errors.push(peer.forbidden("may not specify both ipBlock and another peer")),
        _ => {}
    }
    errors
}

fn ip_block(block: &Field<'_>) -> Errors {
    let cidr = block.at("cidr");
    if cidr.is_empty() {
        return vec![cidr.required("")];
    }
    let whole = match network::range(&cidr) {
        Ok(whole) => whole,
        Err(error) => return vec![error],
    };
    let mut errors = Errors::new();
    for except in block.at("except").items() {
        match network::range(&except) {
            Err(error) => errors.push(error),
            Ok(part) if whole.contains(part.first()) && part.length > whole.length => {}
            Ok(_) => errors.push(except.invalid("must be a strict subset of `cidr`")),
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::{Expect, expect};

    fn check(spec: &Value, expected: &Expect) {
        expected.assert_eq(&told(&NetworkPolicy.validate(&defaulted(&NetworkPolicy, json!({"spec": spec})))));
    }

    #[test]
    fn types_follow_the_rules_and_ports_are_of_tcp() {
        let spec = |spec: Value| defaulted(&NetworkPolicy, json!({"spec": spec}))["spec"].clone();
        assert_eq!(spec(json!({})), json!({"podSelector": {}, "policyTypes": ["Ingress"]}));
        let both =
            spec(json!({"podSelector": {}, "egress": [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}]}));
        let ports = json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]);
        assert_eq!(
            both,
            json!({"podSelector": {}, "egress": [{"ports": ports}], "policyTypes": ["Ingress", "Egress"]})
        );
        assert_eq!(spec(json!({"policyTypes": ["Egress"]}))["policyTypes"], json!(["Egress"]));
    }

    #[test]
    fn sound_ones_pass() {
        let peers = json!([{"podSelector": {}, "namespaceSelector": {"matchLabels": {"a": "b"}}},
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}, {"ipBlock": {"cidr": "::/0"}}]);
        check(
            &json!({"ingress": [{"from": peers, "ports": [{"port": 1, "endPort": 1}, {"port": "http"}, {}]}, {}]}),
            &expect![""],
        );
    }

    #[test]
    fn ports_are_numbers_names_or_ranges() {
        let ports = json!([{"port": 0, "protocol": "ICMP"}, {"port": 80, "endPort": 79}, {"port": "a_b", "endPort": 1},
            {"endPort": 1}, {"port": 1, "endPort": 65536}]);
        check(
            &json!({"egress": [{"ports": ports}], "policyTypes": ["Egress", "Sideways"]}),
            &expect![[r#"
                spec.egress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"
                spec.egress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
                spec.egress[0].ports[1].endPort: Invalid value: 79: must be greater than or equal to `port`
                spec.egress[0].ports[2].endPort: Invalid value: 1: may not be specified when `port` is non-numeric
                spec.egress[0].ports[2].port: Invalid value: "a_b": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)
                spec.egress[0].ports[3].endPort: Invalid value: 1: may not be specified when `port` is not specified
                spec.egress[0].ports[4].endPort: Invalid value: 65536: must be between 1 and 65535, inclusive
                spec.policyTypes[1]: Unsupported value: "Sideways": supported values: "Ingress", "Egress""#]],
        );
        let three = json!({"policyTypes": ["Ingress", "Egress", "Ingress"]});
        check(
            &three,
            &expect![[
                r#"spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes"#
            ]],
        );
    }

    #[test]
    fn a_peer_is_a_selector_or_a_block() {
        let peers = json!([{}, {"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/33"}}, {"ipBlock": {}},
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16", "10.0.0.0/8", "x", "fd00::/16"]}}]);
        check(
            &json!({"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}, "ingress": [{"from": peers}]}),
            &expect![[r#"
                spec.podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
                spec.ingress[0].from[0]: Required value: must specify a peer
                spec.ingress[0].from[1].ipBlock.cidr: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
                spec.ingress[0].from[1]: Forbidden: may not specify both ipBlock and another peer
                spec.ingress[0].from[2].ipBlock.cidr: Required value
                spec.ingress[0].from[3].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`
                spec.ingress[0].from[3].ipBlock.except[1]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`
                spec.ingress[0].from[3].ipBlock.except[2]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
                spec.ingress[0].from[3].ipBlock.except[3]: Invalid value: "fd00::/16": must be a strict subset of `cidr`"#]],
        );
    }

    #[test]
    fn a_range_that_names_an_address_is_doubted() {
        let block = json!({"cidr": "10.0.0.1/8", "except": ["10.1.0.0/16"]});
        let policy = json!({"spec": {"egress": [{"to": [{"ipBlock": block}]}]}});
        let doubt = "spec.egress[0].to[0].ipBlock.cidr: CIDR value \"10.0.0.1/8\" is ambiguous in this context (should be \
                     \"10.0.0.0/8\" or \"10.0.0.1/32\"?)";
        assert_eq!(NetworkPolicy.warnings(&policy), [doubt]);
    }

    #[test]
    fn rows_name_the_pods() {
        let row = |selector: Value| {
            let object = json!({"metadata": {"name": "p"}, "spec": {"podSelector": selector}});
            Value::from(NetworkPolicy.cells(&object, Timestamp::UNIX_EPOCH))
        };
        assert_eq!(row(json!({})), json!(["p", "<none>", "<unknown>"]));
        assert_eq!(row(json!({"matchLabels": {"a": "b"}}))[1], "a=b");
    }
}
