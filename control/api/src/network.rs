//! Addresses, ranges and ports as objects carry them.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::json as read;
use crate::name;
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

/// Errors for every item that is no range such as `10.9.8.0/24`.
pub(crate) fn ranges(list: &Field<'_>) -> Errors {
    let wrong = list.items().filter(|range| !is_range(range.text()));
    wrong.map(|range| range.invalid("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")).collect()
}

fn is_range(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u8>()) else { return false };
    length <= if address.is_ipv4() { 32 } else { 128 }
}

/// Errors for what is neither the number of a port nor the name of one.
pub(crate) fn port_or_name(port: &Field<'_>) -> Errors {
    match port.value {
        Value::String(_) => port.must_be_named(name::port),
        Value::Number(_) => port.port().into_iter().collect(),
        _ => vec![port.required("")],
    }
}
