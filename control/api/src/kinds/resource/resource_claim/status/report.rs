//! What drivers report of the devices of a claim.

use std::collections::BTreeSet;

use super::super::super::selection::{object, repeated};
use super::device_names;
use crate::condition;
use crate::field::{Errors, Field};
use crate::range::Range;
use crate::validate::{FieldError, FieldProblem};

/// Most conditions of one device, addresses of one, and bytes of what only its driver reads (KEP-4817).
const CONDITIONS_MAX: usize = 8;
const ADDRESSES_MAX: usize = 16;
const DATA_MAX: usize = 10 * 1024;
/// Longest name of a network interface, and longest address of its hardware, in bytes.
const INTERFACE_MAX: usize = 256;
const HARDWARE_MAX: usize = 128;

/// Everything wrong with `devices` of a status: each was allocated, and is told of once.
pub(super) fn devices(status: &Field<'_>) -> Errors {
    let results = status.at("allocation").at("devices").at("results");
    let given: BTreeSet<String> = results.items().map(|one| full_name(&one)).collect();
    let list = status.at("devices");
    let mut errors: Errors = list.items().flat_map(|one| device(&one, &given)).collect();
    let mut seen = BTreeSet::new();
    for one in list.items() {
        let own = full_name(&one);
        if !seen.insert(own.clone()) {
            errors.push(FieldError { path: one.path().to_owned(), problem: FieldProblem::Duplicate(own) });
        }
    }
    errors
}

/// `DRIVER/POOL/DEVICE`, and the share of it when there are shares.
fn full_name(of: &Field<'_>) -> String {
    let parts = ["driver", "pool", "device", "shareID"].map(|part| of.at(part));
    let given = parts.iter().filter(|part| part.is_set()).map(|part| part.text());
    given.collect::<Vec<_>>().join("/")
}

fn device(device: &Field<'_>, given: &BTreeSet<String>) -> Errors {
    let mut errors = device_names(device);
    let own = full_name(device);
    if !given.contains(&own) {
        let problem = FieldProblem::Invalid(own, "must be an allocated device in the claim".to_owned());
        errors.push(FieldError { path: device.path().to_owned(), problem });
    }
    let (conditions, data) = (device.at("conditions"), device.at("data"));
    errors.extend(conditions.too_many(CONDITIONS_MAX));
    errors.extend(condition::all(&conditions));
    errors.extend(data.is_set().then(|| object(&data, DATA_MAX)).flatten());
    errors.extend(network(&device.at("networkData")));
    errors
}

fn network(data: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for (name, most) in [("interfaceName", INTERFACE_MAX), ("hardwareAddress", HARDWARE_MAX)] {
        let field = data.at(name);
        errors.extend((field.text().len() > most).then(|| field.too_long(most)));
    }
    let addresses = data.at("ips");
    match addresses.too_many(ADDRESSES_MAX) {
        Some(many) => errors.push(many),
        None => {
            errors.extend(addresses.items().filter_map(|one| address(&one)));
            errors.extend(repeated(&addresses, ""));
        }
    }
    errors
}

/// An error when the text is no address of an interface: one with the length of its network.
fn address(one: &Field<'_>) -> Option<FieldError> {
    let Some(range) = Range::parse(one.text()) else {
        return Some(one.invalid("must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"));
    };
    let canonical = format!("{}/{}", range.address, range.length);
    (canonical != one.text()).then(|| one.invalid(format!("must be in canonical form ({canonical:?})")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn what_is_reported_was_allocated_and_is_sound() {
        let network =
            json!({"interfaceName": "e".repeat(257), "ips": ["10.0.0.1", "FD00::1/64", "10.0.0.1/8", "10.0.0.1/8"]});
        let known = json!({"driver": "d.io", "pool": "p", "device": "a"});
        let reported = json!([{"driver": "d.io", "pool": "p", "device": "a", "data": [], "conditions": [{"type": "Ready"}]},
            {"driver": "d.io", "pool": "p", "device": "b", "networkData": network}, known]);
        let object = json!({"allocation": {"devices": {"results": [known]}}, "devices": reported});
        expect![[r#"
            devices[0].conditions[0].status: Required value
            devices[0].conditions[0].lastTransitionTime: Required value
            devices[0].conditions[0].reason: Required value
            devices[0].data: Invalid value: "<value omitted>": must be a valid JSON object
            devices[1]: Invalid value: d.io/p/b: must be an allocated device in the claim
            devices[1].networkData.interfaceName: Too long: may not be more than 256 bytes
            devices[1].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)
            devices[1].networkData.ips[1]: Invalid value: "FD00::1/64": must be in canonical form ("fd00::1/64")
            devices[1].networkData.ips[3]: Duplicate value: "10.0.0.1/8"
            devices[2]: Duplicate value: d.io/p/a"#]]
        .assert_eq(&told(&devices(&Field::root(&object))));
    }
}
