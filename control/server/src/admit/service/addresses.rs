//! Cluster addresses of Services.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use api::meta::Resource;
use api::service_spec::stacks::{self, Family};
use api::status::Status;
use api::validate::FieldError;
use api::view::View;
use serde_json::Value;

use super::{Review, Took, refused};

/// Where wrong addresses are told.
const LIST: &str = "spec.clusterIPs";

/// Addresses of a range that are looked at, at most: a /12 as kubeadm gives it.
const RANGE_MAX: u64 = 1 << 20;
/// The first addresses are left to those who choose theirs (KEP-3070); address 1 is the API server's.
const STATIC_BAND: u64 = 16;

/// Settles the families of a Service and gives it the addresses that it is due; its kind has kept those that it had.
pub(super) fn give(review: &Review<'_>, service: &mut Value) -> Result<Took, Status> {
    let ranges = &review.core.service_cidrs;
    let cluster: Vec<Family> = ranges.iter().map(|(network, _)| Family::of(*network)).collect();
    stacks::settle(service, review.old, &cluster).map_err(|errors| refused(service, &errors))?;
    let due = stacks::due(service, review.old);
    if due.is_empty() {
        return Ok(Took::Nothing);
    }
    let used = used(review.view, ranges.len() > 1);
    let given = service["spec"]["clusterIPs"].clone();
    let mut addresses: Vec<String> = given.as_array().into_iter().flatten().map(text).collect();
    for (nth, family) in due {
        let range = ranges.iter().copied().find(|(network, _)| Family::of(*network) == family);
        let range = range.ok_or_else(|| Status::internal(format!("no range of {} for Services", family.name())))?;
        match addresses.get(nth).cloned() {
            None => addresses.push(free(review, range, &used)?.to_string()),
            Some(asked) => {
                let why = |why| format!("failed to allocate IP {asked}: {why}");
                let wrong = open(range, &asked, &used).map_err(|told| FieldError::invalid(LIST, &given, why(told)));
                wrong.map_err(|error| refused(service, &[error]))?;
            }
        }
    }
    let spec = &mut service["spec"];
    spec["clusterIP"] = addresses.first().cloned().into();
    spec["clusterIPs"] = addresses.into();
    Ok(Took::Something)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Says why an address of the range may not be had.
fn open(range: (IpAddr, u8), asked: &str, used: &BTreeSet<IpAddr>) -> Result<(), String> {
    let address: IpAddr = asked.parse().map_err(|_| "must be a valid IP address".to_owned())?;
    let (network, prefix) = range;
    if !within(range, address) {
        return Err(format!(
            "the provided IP ({address}) is not in the valid range. The range of valid IPs is {network}/{prefix}"
        ));
    }
    if used.contains(&address) { Err("provided IP is already allocated".to_owned()) } else { Ok(()) }
}

/// A free address of the range.
fn free(review: &Review<'_>, range: (IpAddr, u8), used: &BTreeSet<IpAddr>) -> Result<IpAddr, Status> {
    let size = range_size(range);
    let band = STATIC_BAND.min(size / 16).max(1) + 1;
    let span = size.saturating_sub(band + 1).max(1);
    let start = review.core.seam.random().below(span);
    (0..span)
        .map(|step| nth(range.0, band + (start + step) % span))
        .find(|address| !used.contains(address))
        .ok_or_else(|| Status::internal("failed to allocate a serviceIP: range is full"))
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

/// Addresses of all Services. The second address of one is not among its extracted fields and costs a parse.
fn used(view: &View, dual: bool) -> BTreeSet<IpAddr> {
    let mut used = BTreeSet::new();
    for service in view.list(&Resource::new("", "services"), None) {
        let primary = service.header.fields.iter().find(|(name, _)| &**name == "spec.clusterIP");
        let Some(primary) = primary.and_then(|(_, value)| value.parse::<IpAddr>().ok()) else { continue };
        used.insert(primary);
        if dual && let Ok(object) = service.body.decode::<Value>() {
            let all = object["spec"]["clusterIPs"].as_array().into_iter().flatten();
            used.extend(all.filter_map(Value::as_str).filter_map(|address| address.parse::<IpAddr>().ok()));
        }
    }
    used
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
}
