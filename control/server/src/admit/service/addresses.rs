//! Cluster addresses of Services.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use api::meta::Resource;
use api::validate::FieldError;
use api::view::View;
use serde_json::{Value, json};

use super::{Review, Took};

/// Addresses of a range that are looked at, at most: a /12 as kubeadm gives it.
const RANGE_MAX: u64 = 1 << 20;
/// The first addresses are left to those who choose theirs (KEP-3070); address 1 is the API server's.
const STATIC_BAND: u64 = 16;

/// Gives addresses to a Service that wants some; its kind has kept those that it had.
pub(super) fn give(review: &Review<'_>, service: &mut Value, errors: &mut Vec<FieldError>) -> Took {
    let spec = &mut service["spec"];
    let wanted = text(&spec["clusterIP"]);
    let had = review.old.map(|old| text(&old["spec"]["clusterIP"])).unwrap_or_default();
    if spec["type"] == "ExternalName" || (!had.is_empty() && wanted == had) {
        return Took::Nothing;
    }
    if wanted == "None" {
        spec["clusterIPs"] = json!([wanted]);
        return Took::Nothing;
    }
    let families = families(spec, &review.core.service_cidrs);
    let used = used(review.view, review.core.service_cidrs.len() > 1);
    let mut addresses = Vec::new();
    for (nth, (network, prefix)) in families.iter().enumerate() {
        let explicit = if nth == 0 { wanted.clone() } else { text(&spec["clusterIPs"][nth]) };
        match address(review, (*network, *prefix), &explicit, &used) {
            Ok(address) => addresses.push(address.to_string()),
            Err(why) => errors.push(FieldError::invalid("spec.clusterIPs", &json!([explicit]), why)),
        }
    }
    if let Some(first) = addresses.first() {
        spec["clusterIP"] = first.clone().into();
    }
    spec["clusterIPs"] = addresses.into();
    let names: Vec<&str> =
        families.iter().map(|(network, _)| if network.is_ipv4() { "IPv4" } else { "IPv6" }).collect();
    spec["ipFamilies"] = names.into();
    Took::Something
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

    #[test]
    fn two_stacks_are_given_when_asked_for() {
        let ranges = [("10.96.0.0".parse().unwrap(), 16), ("fd00::".parse().unwrap(), 108)];
        assert_eq!(families(&json!({}), &ranges), &ranges[..1]);
        assert_eq!(families(&json!({"ipFamilyPolicy": "PreferDualStack"}), &ranges), &ranges[..]);
        assert_eq!(families(&json!({"ipFamilies": ["IPv6"]}), &ranges), &ranges[1..]);
    }
}
