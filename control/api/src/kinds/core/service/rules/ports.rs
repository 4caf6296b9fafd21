//! Rules of the ports of a Service.

use std::collections::BTreeSet;

use serde_json::json;

use crate::field::{Errors, Field};
use crate::{name, network};

/// Everything wrong with each port for itself, and with their names.
pub(super) fn each(ports: &Field<'_>) -> Errors {
    let many = ports.items().count() > 1;
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for port in ports.items() {
        let (own, number, app) = (port.at("name"), port.at("port"), port.at("appProtocol"));
        errors.extend(many.then(|| own.must()).flatten());
        errors.extend(own.named(name::label));
        let again = !own.is_empty() && !names.insert(own.text());
        errors.extend(again.then(|| own.duplicate()));
        // A port that is left out reads as 0.
        let zero = json!(0);
        let number = if number.is_set() { number } else { number.with(&zero) };
        errors.extend(number.port());
        errors.extend(port.at("protocol").must_be_one_of(&["SCTP", "TCP", "UDP"]));
        errors.extend(network::port_or_name(&port.at("targetPort")));
        let wrong = if app.is_set() { name::qualified(app.text()) } else { Vec::new() };
        errors.extend(wrong.into_iter().map(|why| app.invalid(why)));
    }
    errors
}

/// Everything wrong with ports together: none stands twice, and nodes listen for some types only.
pub(super) fn together(ports: &Field<'_>, kind: &str) -> Errors {
    let mut errors = Errors::new();
    let on_nodes: Vec<(Field<'_>, Field<'_>)> = ports
        .items()
        .map(|port| (port.at("nodePort"), port.at("protocol")))
        .filter(|(node, _)| node.integer().is_some_and(|number| number != 0))
        .collect();
    if kind == "ClusterIP" {
        let why = "may not be used when `type` is 'ClusterIP'";
        errors.extend(on_nodes.iter().map(|(node, _)| node.forbidden(why)));
    }
    let mut seen = BTreeSet::new();
    for (node, protocol) in &on_nodes {
        let again = !seen.insert((protocol.text(), node.integer()));
        errors.extend(again.then(|| node.duplicate()));
    }
    let mut seen = BTreeSet::new();
    for port in ports.items() {
        let (number, protocol) = (port.at("port"), port.at("protocol"));
        if !seen.insert((protocol.text(), number.integer())) {
            errors.push(port.duplicate_of(&json!({"port": number.value, "protocol": protocol.value})));
        }
    }
    errors
}
