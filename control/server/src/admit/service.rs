//! Addresses and node ports of Services.
//!
//! What is taken is read from the Services themselves. So that two proposals do not take the same, every one that takes
//! something also rewrites one hidden object, [`LOCK`], at the revision at which it was read together with the Services.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use api::facts::Facts;
use api::meta::{Key, Resource, Uid};
use api::record::{Body, Header};
use api::status::Status;
use api::validate::FieldError;
use api::view::View;
use serde_json::{Value, json};
use store::{Precondition, Write};

use super::{Admitted, Review};

/// Ports that nodes open for Services, as in Kubernetes.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
/// Group and plural of the hidden object; no kind is served under them.
const LOCK: (&str, &str, &str) = ("internal.bireme.dev", "allocations", "services");
/// Addresses of a range that are looked at, at most: a /12 as kubeadm gives it.
const RANGE_MAX: u64 = 1 << 20;
/// The first addresses are left to those who choose theirs (KEP-3070); address 1 is the API server's.
const STATIC_BAND: u64 = 16;

/// What a Service takes that it did not have.
#[derive(Debug, Default)]
struct Taken {
    anything: bool,
}

/// Fills and checks `clusterIP(s)`, `ipFamilies`, `ipFamilyPolicy` and node ports.
pub(super) fn allocate(review: &Review<'_>, service: &mut Value, admitted: &mut Admitted) -> Result<(), Status> {
    if !service["spec"].is_object() {
        return Ok(());
    }
    let mut taken = Taken::default();
    let mut errors = Vec::new();
    addresses(review, service, &mut taken, &mut errors);
    node_ports(review, service, &mut taken, &mut errors);
    if !errors.is_empty() {
        let name = crate::stamp::meta_text(service, "name");
        return Err(Status::invalid("", "Service", name, &errors));
    }
    if taken.anything {
        let (precondition, write) = lock(review)?;
        admitted.preconditions.push(precondition);
        admitted.writes.push(write);
    }
    Ok(())
}

/// Gives addresses to a Service that wants some; its kind has kept those that it had.
fn addresses(review: &Review<'_>, service: &mut Value, taken: &mut Taken, errors: &mut Vec<FieldError>) {
    let spec = &mut service["spec"];
    let wanted = text(&spec["clusterIP"]);
    let had = review.old.map(|old| text(&old["spec"]["clusterIP"])).unwrap_or_default();
    if spec["type"] == "ExternalName" || (!had.is_empty() && wanted == had) {
        return;
    }
    if wanted == "None" {
        spec["clusterIPs"] = json!([wanted]);
        return;
    }
    let families = families(spec, &review.core.service_cidrs);
    let used = used_addresses(review.view);
    let mut addresses = Vec::new();
    for (nth, (network, prefix)) in families.iter().enumerate() {
        let explicit = if nth == 0 { wanted.clone() } else { text(&spec["clusterIPs"][nth]) };
        match address(review, (*network, *prefix), &explicit, &used) {
            Ok(address) => addresses.push(address.to_string()),
            Err(why) => errors.push(FieldError::invalid("spec.clusterIPs", &json!([explicit]), why)),
        }
    }
    taken.anything = true;
    if let Some(first) = addresses.first() {
        spec["clusterIP"] = first.clone().into();
    }
    spec["clusterIPs"] = addresses.into();
    let names: Vec<&str> = families.iter().map(|(network, _)| if network.is_ipv4() { "IPv4" } else { "IPv6" }).collect();
    spec["ipFamilies"] = names.into();
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The ranges from which the Service gets addresses, its primary family first.
fn families(spec: &Value, ranges: &[(IpAddr, u8)]) -> Vec<(IpAddr, u8)> {
    let of = |family: &str| ranges.iter().copied().find(|(network, _)| network.is_ipv4() == (family == "IPv4"));
    let asked = spec["ipFamilies"].as_array().into_iter().flatten().filter_map(Value::as_str).filter_map(of);
    let mut families: Vec<(IpAddr, u8)> = asked.collect();
    let dual = matches!(spec["ipFamilyPolicy"].as_str(), Some("PreferDualStack" | "RequireDualStack"));
    let count = if dual { 2 } else { 1 };
    for range in ranges {
        if families.len() < count && !families.iter().any(|(network, _)| network.is_ipv4() == range.0.is_ipv4()) {
            families.push(*range);
        }
    }
    families
}

/// A free address of the range, or the explicit one when it may be had.
fn address(
    review: &Review<'_>,
    range: (IpAddr, u8),
    explicit: &str,
    used: &BTreeSet<IpAddr>,
) -> Result<IpAddr, String> {
    let size = range_size(range);
    if !explicit.is_empty() {
        let address: IpAddr = explicit.parse().map_err(|_| "must be a valid IP address".to_owned())?;
        let (network, prefix) = range;
        if !within(range, address) {
            return Err(format!(
                "failed to allocate IP {address}: the provided IP ({address}) is not in the valid range. \
                 The range of valid IPs is {network}/{prefix}"
            ));
        }
        if used.contains(&address) {
            return Err(format!("failed to allocate IP {address}: provided IP is already allocated"));
        }
        return Ok(address);
    }
    let band = STATIC_BAND.min(size / 16).max(1) + 1;
    let span = size.saturating_sub(band + 1).max(1);
    let start = review.core.seam.random().below(span);
    (0..span)
        .map(|step| nth(range.0, band + (start + step) % span))
        .find(|address| !used.contains(address))
        .ok_or_else(|| "failed to allocate an IP: the range of service addresses is full".to_owned())
}

fn range_size((network, prefix): (IpAddr, u8)) -> u64 {
    let bits = if network.is_ipv4() { 32 } else { 128 };
    let host = u32::from(bits - prefix.min(bits));
    1u64.checked_shl(host).unwrap_or(RANGE_MAX).clamp(1, RANGE_MAX)
}

fn within((network, prefix): (IpAddr, u8), address: IpAddr) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(four) => (u128::from(four.to_bits()), 32u32),
        IpAddr::V6(six) => (six.to_bits(), 128),
    };
    let ((network, length), (address, other)) = (bits(network), bits(address));
    let host = length.saturating_sub(u32::from(prefix));
    length == other && network.checked_shr(host).unwrap_or(0) == address.checked_shr(host).unwrap_or(0)
}

/// The address that far into a range.
pub(crate) fn nth(network: IpAddr, offset: u64) -> IpAddr {
    match network {
        IpAddr::V4(four) => {
            let offset = u32::try_from(offset).unwrap_or(u32::MAX);
            IpAddr::V4(Ipv4Addr::from_bits(four.to_bits().saturating_add(offset)))
        }
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits().saturating_add(u128::from(offset)))),
    }
}

fn used_addresses(view: &View) -> BTreeSet<IpAddr> {
    let mut used = BTreeSet::new();
    for service in view.list(&Resource::new("", "services"), None) {
        let primary = service.header.fields.iter().find(|(name, _)| &**name == "spec.clusterIP");
        let Some(primary) = primary.and_then(|(_, value)| value.parse::<IpAddr>().ok()) else { continue };
        used.insert(primary);
        // A second address is not among the extracted fields; few Services have one.
        if let Ok(object) = service.body.decode::<Value>() {
            let all = object["spec"]["clusterIPs"].as_array().into_iter().flatten();
            used.extend(all.filter_map(Value::as_str).filter_map(|address| address.parse::<IpAddr>().ok()));
        }
    }
    used
}

type NodePort = (u16, String);

/// Gives ports on the nodes to a Service that wants some; its kind has kept those that it had.
fn node_ports(review: &Review<'_>, service: &mut Value, taken: &mut Taken, errors: &mut Vec<FieldError>) {
    let name = crate::stamp::meta_text(service, "name").to_owned();
    let spec = &mut service["spec"];
    let opens = match spec["type"].as_str() {
        Some("NodePort") => true,
        Some("LoadBalancer") => spec["allocateLoadBalancerNodePorts"] != false,
        _ => false,
    };
    let Some(ports) = spec["ports"].as_array_mut().filter(|_| opens) else { return };
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
                taken.anything = true;
            }
            Err(why) => {
                errors.push(FieldError::invalid(format!("spec.ports[{nth}].nodePort"), &port["nodePort"], why));
            }
        }
    }
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

/// The rewriting of [`LOCK`], and that it must not have been rewritten since the view.
fn lock(review: &Review<'_>) -> Result<(Precondition, Write), Status> {
    let (group, plural, name) = LOCK;
    let key = Key::new(&Resource::new(group, plural), "", name).map_err(|error| Status::internal(error.to_string()))?;
    let uid = review.core.seam.uuid().to_string();
    // A fresh text each time, so that every rewriting is a change and moves the object's revision.
    let body = json!({"apiVersion": format!("{group}/v1"), "kind": "Allocation", "metadata": {"name": name, "uid": uid}});
    let body = Body::encode(&body).map_err(Status::internal)?;
    let header = Header {
        uid: Uid::new(&uid),
        labels: [].into(),
        owners: [].into(),
        fields: [].into(),
        deletion: None,
        finalizers: false,
        facts: Facts::Plain,
    };
    let precondition = match review.view.get(&key) {
        Some(record) => Precondition::At(key.clone(), record.revision),
        None => Precondition::Absent(key.clone()),
    };
    Ok((precondition, Write::Put { key, header, body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_own_addresses_only() {
        let range = ("10.96.0.0".parse().unwrap(), 12);
        assert!(within(range, "10.96.0.1".parse().unwrap()));
        assert!(within(range, "10.111.255.255".parse().unwrap()));
        assert!(!within(range, "10.112.0.0".parse().unwrap()));
        assert!(!within(range, "fd00::1".parse().unwrap()));
        assert_eq!(range_size(range), 1 << 20);
        assert_eq!(nth("fd00::".parse().unwrap(), 1), "fd00::1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn two_stacks_are_given_when_asked_for() {
        let ranges = [("10.96.0.0".parse().unwrap(), 16), ("fd00::".parse().unwrap(), 108)];
        assert_eq!(families(&json!({}), &ranges), &ranges[..1]);
        assert_eq!(families(&json!({"ipFamilyPolicy": "PreferDualStack"}), &ranges), &ranges[..]);
        assert_eq!(families(&json!({"ipFamilies": ["IPv6"]}), &ranges), &ranges[1..]);
    }
}
