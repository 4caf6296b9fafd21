//! What a claim got: devices, who uses them, and what their drivers report.

mod report;

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::requests::{self, Names, reference, references, toleration};
use super::super::resource_slice::pool_name;
use super::super::selection::{repeated, settings};
use crate::field::{Errors, Field};
use crate::kinds::storage::driver;
use crate::{json, name, pod_spec};

/// Most consumers of the devices of one claim, devices of one, and settings.
const CONSUMERS_MAX: usize = 256;
const RESULTS_MAX: usize = 32;
const SETTINGS_MAX: usize = 64;
/// Most conditions that a device must come to, or may fail with, before a pod is bound (KEP-5007).
const BINDING_MAX: usize = 4;

/// Everything wrong with a change of the status.
pub(super) fn rules(object: &Value, old: &Value) -> Errors {
    let root = Field::root(object);
    let (status, before) = (root.at("status"), &old["status"]);
    let (consumers, allocation) = (status.at("reservedFor"), status.at("allocation"));
    let mut errors = self::consumers(&consumers);
    errors.extend(report::devices(&status));
    if !consumers.is_empty() {
        let known = json::items(before, "/reservedFor");
        let fresh = consumers.items().any(|one| !known.contains(one.value));
        if !allocation.is_set() {
            errors.push(consumers.forbidden("may not be specified when `allocated` is not set"));
        } else if fresh && root.at("metadata").at("deletionTimestamp").is_set() {
            let why = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
            errors.push(consumers.forbidden(why));
        }
    }
    if allocation.is_set() && !before["allocation"].is_null() {
        errors.extend(allocation.unchanged(&before["allocation"]));
    } else if allocation.is_set() {
        errors.extend(allocated(&allocation, &requests::names(&root.at("spec").at("devices"))));
    }
    errors
}

fn consumers(consumers: &Field<'_>) -> Errors {
    if let Some(many) = consumers.too_many(CONSUMERS_MAX) {
        return vec![many];
    }
    let parts = ["resource", "name", "uid"];
    let missing = consumers.items().flat_map(|one| parts.map(|part| one.at(part).must())).flatten();
    missing.chain(repeated(consumers, "uid")).collect()
}

/// Everything wrong with a new allocation.
fn allocated(allocation: &Field<'_>, names: &Names<'_>) -> Errors {
    let devices = allocation.at("devices");
    let (results, config) = (devices.at("results"), devices.at("config"));
    let mut errors = match results.too_many(RESULTS_MAX) {
        Some(many) => vec![many],
        None => results.items().flat_map(|one| result(&one, names)).collect(),
    };
    match config.too_many(SETTINGS_MAX) {
        Some(many) => errors.push(many),
        None => errors.extend(settings(&config, |one| {
            let source = one.at("source").must_be_one_of(&["FromClaim", "FromClass"]);
            source.into_iter().chain(references(&one.at("requests"), names)).collect()
        })),
    }
    let nodes = allocation.at("nodeSelector");
    errors.extend(if nodes.is_set() { pod_spec::node_selector(&nodes) } else { Errors::new() });
    errors
}

fn result(result: &Field<'_>, names: &Names<'_>) -> Errors {
    let mut errors = reference(&result.at("request"), names);
    errors.extend(device_names(result));
    errors.extend(binding(result));
    errors.extend(result.at("tolerations").items().flat_map(|one| toleration(&one)));
    errors
}

/// Everything wrong with the names by which a device is known.
fn device_names(of: &Field<'_>) -> Errors {
    let (device, share) = (of.at("device"), of.at("shareID"));
    let mut errors = driver::csi(&of.at("driver"));
    errors.extend(pool_name(&of.at("pool")));
    errors.extend(name::label(device.text()).into_iter().map(|why| device.invalid_part(device.text(), why)));
    errors.extend(share.is_set().then(|| wrong_uid(share.text())).flatten().map(|why| share.invalid(why)));
    errors
}

/// Why a text is no UUID as Kubernetes writes them, if it is none.
fn wrong_uid(text: &str) -> Option<String> {
    /// Bytes of a UUID with its dashes, and where these stand.
    const LENGTH: usize = 36;
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    if text.len() != LENGTH {
        return Some(format!("error validating uid: invalid UUID length: {}", text.len()));
    }
    let sound = |(nth, sign): (usize, u8)| if DASHES.contains(&nth) { sign == b'-' } else { sign.is_ascii_hexdigit() };
    if !text.bytes().enumerate().all(sound) {
        return Some("error validating uid: invalid UUID format".to_owned());
    }
    let why = "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal \
               characters";
    text.bytes().any(|sign| sign.is_ascii_uppercase()).then(|| why.to_owned())
}

/// Everything wrong with the conditions on which a pod waits before it is bound.
fn binding(result: &Field<'_>) -> Errors {
    let [wanted, feared] = ["bindingConditions", "bindingFailureConditions"].map(|name| result.at(name));
    let mut errors = Errors::new();
    for list in [&wanted, &feared] {
        match list.too_many(BINDING_MAX) {
            Some(many) => errors.push(many),
            None => errors.extend(list.items().flat_map(|one| {
                let wrong = name::qualified(one.text()).into_iter();
                wrong.map(|why| one.invalid_part(one.text(), why)).collect::<Errors>()
            })),
        }
    }
    errors.extend(repeated(&wanted, ""));
    let known: BTreeSet<&str> = wanted.items().map(|one| one.text()).collect();
    errors.extend(repeated(&feared, ""));
    let both = feared.items().filter(|one| known.contains(one.text()));
    errors.extend(both.map(|one| one.invalid("bindingFailureConditions must not overlap with bindingConditions")));
    if wanted.is_empty() && !feared.is_empty() {
        errors.push(wanted.invalid("bindingConditions are required to use bindingFailureConditions"));
    }
    if feared.is_empty() && !wanted.is_empty() {
        errors.push(feared.invalid("bindingFailureConditions are required to use bindingConditions"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(status: &Value, expected: &Expect) {
        let requests = json!([{"name": "a", "exactly": {}}, {"name": "b", "firstAvailable": [{"name": "x"}]}]);
        let object = json!({"spec": {"devices": {"requests": requests}}, "status": status});
        expected.assert_eq(&told(&rules(&object, &json!({}))));
    }

    #[test]
    fn sound_ones_pass() {
        let device = json!({"request": "b/x", "driver": "d.io", "pool": "n/1", "device": "gpu-0"});
        let config = json!([{"source": "FromClass", "opaque": {"driver": "d.io", "parameters": {}}}]);
        let network = json!({"interfaceName": "eth0", "ips": ["10.9.8.7/24"]});
        let reported =
            json!([{"driver": "d.io", "pool": "n/1", "device": "gpu-0", "networkData": network, "data": {}}]);
        check(
            &json!({"allocation": {"devices": {"results": [device], "config": config}}, "devices": reported,
                "reservedFor": [{"resource": "pods", "name": "p", "uid": "1"}]}),
            &expect![""],
        );
    }

    #[test]
    fn what_was_given_was_asked_for() {
        let bad = json!({"request": "c", "driver": "d.io", "pool": "", "device": "A", "shareID": "1",
            "bindingConditions": ["a", "a"], "bindingFailureConditions": ["a"], "tolerations": [{}]});
        check(
            &json!({"allocation": {"devices": {"results": [bad], "config": [{"requests": ["a", "a"], "opaque": null}]},
                "nodeSelector": {}}}),
            &expect![[r#"
                status.allocation.devices.results[0].request: Invalid value: "c": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
                status.allocation.devices.results[0].pool: Required value
                status.allocation.devices.results[0].device: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
                status.allocation.devices.results[0].shareID: Invalid value: "1": error validating uid: invalid UUID length: 1
                status.allocation.devices.results[0].bindingConditions[1]: Duplicate value: "a"
                status.allocation.devices.results[0].bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions
                status.allocation.devices.results[0].tolerations[0].operator: Required value
                status.allocation.devices.config[0].source: Required value
                status.allocation.devices.config[0].requests[1]: Duplicate value: "a"
                status.allocation.devices.config[0].opaque: Required value
                status.allocation.nodeSelector.nodeSelectorTerms: Required value: must have at least one node selector term"#]],
        );
    }

    #[test]
    fn uids_are_written_in_one_way() {
        let sound = "0f8fad5b-d9cb-469f-a165-70867728950e";
        assert_eq!(wrong_uid(sound), None);
        assert!(wrong_uid(&sound.to_uppercase()).unwrap().starts_with("uid must be in RFC 4122"));
        assert_eq!(wrong_uid(&sound.replace('f', "x")).unwrap(), "error validating uid: invalid UUID format");
    }
}
