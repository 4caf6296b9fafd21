//! Ports that nodes open for Services.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::meta::Resource;
use api::validate::FieldError;
use api::view::View;
use serde_json::Value;

use super::{Review, Took};

/// The range, as in Kubernetes.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// A number and a protocol.
type NodePort = (u16, String);

/// Gives ports on the nodes to a Service that wants some; its kind has kept those that it had.
pub(super) fn give(review: &Review<'_>, service: &mut Value, errors: &mut Vec<FieldError>) -> Took {
    let name = crate::stamp::meta_text(service, "name").to_owned();
    let spec = &mut service["spec"];
    let opens = match spec["type"].as_str() {
        Some("NodePort") => true,
        Some("LoadBalancer") => spec["allocateLoadBalancerNodePorts"] != false,
        _ => false,
    };
    let Some(ports) = spec["ports"].as_array_mut().filter(|_| opens) else { return Took::Nothing };
    let mut took = Took::Nothing;
    let old = review.old.and_then(|old| old["spec"]["ports"].as_array()).map_or(&[][..], Vec::as_slice);
    let had: BTreeSet<NodePort> = old.iter().filter_map(node_port).collect();
    let mut used: Option<BTreeSet<NodePort>> = None;
    for (nth, port) in ports.iter_mut().enumerate() {
        if node_port(port).is_some_and(|port| had.contains(&port)) {
            continue;
        }
        let used = used.get_or_insert_with(|| used_ports(review.view, (review.ask.namespace, &name)));
        match open(review, port, used) {
            Ok(number) => {
                used.insert((number, protocol(port)));
                port["nodePort"] = number.into();
                took = Took::Something;
            }
            Err(why) => {
                errors.push(FieldError::invalid(format!("spec.ports[{nth}].nodePort"), &port["nodePort"], why));
            }
        }
    }
    took
}

/// The port that a Service's port gets on the nodes: the one it asks for, or a free one.
fn open(review: &Review<'_>, port: &Value, used: &BTreeSet<NodePort>) -> Result<u16, String> {
    let (first, last) = (*NODE_PORTS.start(), *NODE_PORTS.end());
    let free = |number: &u16| !used.contains(&(*number, protocol(port)));
    match port["nodePort"].as_u64().unwrap_or(0) {
        0 => {
            let span = last - first + 1;
            let start = u16::try_from(review.core.seam.random().below(u64::from(span))).unwrap_or(0);
            let mut candidates = (0..span).map(|step| first + (start + step) % span);
            candidates.find(free).ok_or_else(|| format!("no port of {first}-{last} is free"))
        }
        asked => {
            let number = u16::try_from(asked).ok().filter(|number| NODE_PORTS.contains(number));
            let number = number.ok_or_else(|| {
                format!("provided port is not in the valid range. The range of valid ports is {first}-{last}")
            })?;
            if free(&number) { Ok(number) } else { Err("provided port is already allocated".to_owned()) }
        }
    }
}

fn protocol(port: &Value) -> String {
    port["protocol"].as_str().unwrap_or("TCP").to_owned()
}

fn node_port(port: &Value) -> Option<NodePort> {
    let number = port["nodePort"].as_u64().and_then(|number| u16::try_from(number).ok());
    number.filter(|number| *number != 0).map(|number| (number, protocol(port)))
}

/// Node ports of all Services but the one of that namespace and name.
fn used_ports(view: &View, except: (&str, &str)) -> BTreeSet<NodePort> {
    let opens = |fields: &[(Arc<str>, Arc<str>)]| {
        fields.iter().any(|(name, value)| &**name == "spec.type" && matches!(&**value, "NodePort" | "LoadBalancer"))
    };
    let mut used = BTreeSet::new();
    for service in view.list(&Resource::new("", "services"), None) {
        if (service.key.namespace(), service.key.name()) == except || !opens(&service.header.fields) {
            continue;
        }
        let Ok(object) = service.body.decode::<Value>() else { continue };
        used.extend(object["spec"]["ports"].as_array().into_iter().flatten().filter_map(node_port));
    }
    used
}
