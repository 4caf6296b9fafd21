//! Addresses, ranges and ports as objects carry them.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::json as read;
use crate::name;
use crate::range::Range;
use crate::validate::FieldError;

/// Keeps a field of one value (`clusterIP`) and its newer list (`clusterIPs`) alike when only one of them was given.
pub(crate) fn mirror(object: &mut Value, one: &str, list: &str) {
    let (single, many) = (&object[one], &object[list]);
    if !read::is_empty(single) && read::is_empty(many) {
        let single = single.clone();
        read::set(object, list, json!([single]));
    } else if read::is_empty(single) && !read::is_empty(many) {
        let first = many[0].clone();
        read::set(object, one, first);
    }
}

/// An error when the text is no IP address.
pub(crate) fn address(field: &Field<'_>) -> Option<FieldError> {
    let wrong = field.text().parse::<IpAddr>().is_err();
    wrong.then(|| field.invalid_part(field.text(), "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"))
}

/// Errors when the text is no address, or not written as RFC 5952 would have it.
pub(crate) fn canonical_address(field: &Field<'_>) -> Errors {
    let text = field.text();
    match text.parse::<IpAddr>() {
        Err(_) => address(field).into_iter().collect(),
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_some() => {
            vec![field.invalid("must not be an IPv4-mapped IPv6 address")]
        }
        Ok(address) if address.to_string() != text => {
            vec![field.invalid(format!("must be in canonical form (\"{address}\")"))]
        }
        Ok(_) => Errors::new(),
    }
}

/// What to warn about an address that is not written as RFC 5952 would have it.
pub(crate) fn not_canonical(field: &Field<'_>) -> Option<String> {
    let text = field.text();
    let address: Ipv6Addr = text.parse().ok()?;
    let (path, told) = (field.path(), address.to_string());
    let why = format!("{path}: IPv6 address {text:?} should be in RFC 5952 canonical format ({told:?})");
    (told != text).then_some(why)
}

/// Whether there is one of each family, and nothing else.
pub(crate) fn is_dual(addresses: &[Option<IpAddr>]) -> bool {
    let of = |v4: bool| addresses.iter().flatten().filter(|address| address.is_ipv4() == v4).count();
    addresses.len() == 2 && of(true) == 1 && of(false) == 1
}

/// Errors when the text is an address that means something else on every machine, or nothing.
pub(crate) fn not_special(field: &Field<'_>) -> Errors {
    let Ok(address) = field.text().parse::<IpAddr>() else {
        return vec![field.invalid_part(field.text(), "must be a valid IP address")];
    };
    let (link_local, multicast) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), matches!(v4.octets(), [224, 0, 0, _])),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), matches!(v6.segments()[0] & 0xff0f, 0xff02)),
    };
    let told = [
        (address.is_unspecified(), format!("may not be unspecified ({address})")),
        (address.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned()),
        (link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()),
        (multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned()),
    ];
    told.into_iter().filter(|(special, _)| *special).map(|(_, why)| field.invalid(why)).collect()
}

/// Errors for every item that is no range such as `10.9.8.0/24`.
pub(crate) fn ranges(list: &Field<'_>) -> Errors {
    list.items().filter_map(|one| range(&one).err()).collect()
}

/// The range that a text says.
///
/// # Errors
/// When it says none.
pub(crate) fn range(field: &Field<'_>) -> Result<Range, FieldError> {
    let why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    Range::parse(field.text()).ok_or_else(|| field.invalid_part(field.text(), why))
}

/// What to warn about a range that says more than the network: one may have meant the network or the address.
pub(crate) fn ambiguous(field: &Field<'_>) -> Option<String> {
    let range = Range::parse(field.text())?;
    let (path, text, length, bits) = (field.path(), field.text(), range.length, range.width());
    let network = range.first();
    let what = format!("{path}: CIDR value {text:?} is ambiguous in this context");
    let either = format!("(should be \"{network}/{length}\" or \"{}/{bits}\"?)", range.address);
    (network != range.address).then(|| format!("{what} {either}"))
}

/// Errors for what is neither the number of a port nor the name of one.
pub(crate) fn port_or_name(port: &Field<'_>) -> Errors {
    match port.value {
        Value::String(_) => port.must_be_named(name::port),
        Value::Number(_) => port.port().into_iter().collect(),
        // A port that is left out reads as 0.
        _ => vec![port.invalid_part(0, "must be between 1 and 65535, inclusive")],
    }
}
