//! ResourceClaim: devices that pods want, and that they got.

use serde_json::{Value, json};

use super::selection::repeated;
use super::{GROUP, not_allocated, requests};
use crate::field::{Errors, Field};
use crate::json;
use crate::kind::{Column, Flags, Generation, Kind, StatusKeeps, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[NAME, column("State", "string", "What became of it."), AGE];
const PLURAL: &str = "resourceclaims";
/// Most consumers of the devices of one claim.
const CONSUMERS_MAX: usize = 256;

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags {
            returns_deleted: true,
            generation: Generation::Never,
            status_keeps: StatusKeeps::Metadata,
            ..Flags::default()
        },
        schema: "io.k8s.api.resource.v1.ResourceClaim",
        ..base(GROUP, "ResourceClaim", PLURAL, &ResourceClaim)
    }
}

#[derive(Debug)]
struct ResourceClaim;

impl Strategy for ResourceClaim {
    fn default(&self, object: &mut Value) {
        if let Some(devices) = object.pointer_mut("/spec/devices") {
            requests::default(devices);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        requests::validate(&Field::root(object).at("spec").at("devices"))
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        Field::root(object).at("spec").unchanged(&old["spec"]).into_iter().collect()
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let mut errors = status(&root.at("status"));
        let (allocation, before) = (root.at("status").at("allocation"), &old["status"]["allocation"]);
        if allocation.is_set() && !before.is_null() {
            errors.extend(allocation.unchanged(before));
        }
        let known = json::items(old, "/status/reservedFor");
        let fresh = json::items(object, "/status/reservedFor").iter().any(|one| !known.contains(one));
        if fresh && !object["metadata"]["deletionTimestamp"].is_null() {
            let why = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
            errors.push(root.at("status").at("reservedFor").forbidden(why));
        }
        errors
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_allocated(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), state(object).into(), cells::age(object, now)]
    }
}

fn status(status: &Field<'_>) -> Errors {
    let consumers = status.at("reservedFor");
    let parts = ["resource", "name", "uid"];
    let mut errors: Errors =
        consumers.items().flat_map(|one| parts.map(|part| one.at(part).must())).flatten().collect();
    errors.extend(consumers.too_many(CONSUMERS_MAX));
    errors.extend(repeated(&consumers, "uid"));
    if !consumers.is_empty() && !status.at("allocation").is_set() {
        errors.push(consumers.forbidden("may not be specified when `allocated` is not set"));
    }
    errors
}

/// `pending`, `allocated,reserved` and the like.
fn state(object: &Value) -> String {
    let deleted = !object["metadata"]["deletionTimestamp"].is_null();
    let allocated = object.pointer("/status/allocation").is_some();
    let reserved = allocated && !json::items(object, "/status/reservedFor").is_empty();
    let states =
        [(deleted, "deleted"), (!allocated && !deleted, "pending"), (allocated, "allocated"), (reserved, "reserved")];
    states.into_iter().filter(|(so, _)| *so).map(|(_, word)| word).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, told};
    use expect_test::{Expect, expect};

    fn claim(devices: &Value) -> Value {
        json!({"metadata": {"name": "c"}, "spec": {"devices": devices}})
    }

    fn told_of(devices: &Value, expected: &Expect) {
        check(&ResourceClaim, &claim(devices), expected);
    }

    #[test]
    fn one_device_is_wanted_when_nothing_is_said() {
        let requests = json!([{"name": "a", "exactly": {"deviceClassName": "gpu"}},
            {"name": "b", "firstAvailable": [{"name": "x", "deviceClassName": "gpu", "allocationMode": "All"}]}]);
        let object = defaulted(&ResourceClaim, claim(&json!({"requests": requests})));
        let exactly = json!({"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1});
        assert_eq!(object["spec"]["devices"]["requests"][0]["exactly"], exactly);
        assert_eq!(object["spec"]["devices"]["requests"][1]["firstAvailable"][0].get("count"), None);
    }

    #[test]
    fn sound_ones_pass() {
        let requests = json!([{"name": "a", "exactly": {"deviceClassName": "gpu",
            "selectors": [{"cel": {"expression": "true"}}], "tolerations": [{"operator": "Exists"}]}},
            {"name": "b", "firstAvailable": [{"name": "x", "deviceClassName": "gpu"}]}]);
        let config = json!([{"requests": ["a", "b/x"], "opaque": {"driver": "a.b", "parameters": {}}}]);
        let constraints =
            json!([{"requests": ["a", "b"], "matchAttribute": "a.b/numa"}, {"distinctAttribute": "a.b/c"}]);
        told_of(&json!({"requests": requests, "config": config, "constraints": constraints}), &expect![""]);
    }

    #[test]
    fn requests_ask_in_one_way() {
        let requests = json!([{"name": "A"}, {"name": "b", "exactly": {"deviceClassName": "", "count": -1}},
            {"name": "b", "exactly": {}, "firstAvailable": [{}]},
            {"name": "c", "firstAvailable": [{"name": "x", "deviceClassName": "g", "allocationMode": "All", "count": 2},
                {"name": "x", "deviceClassName": "g", "allocationMode": "Some", "selectors": [{}]}]}]);
        told_of(
            &json!({"requests": requests}),
            &expect![[r#"
            spec.devices.requests[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required
            spec.devices.requests[1].exactly.deviceClassName: Required value
            spec.devices.requests[1].exactly.count: Invalid value: -1: must be greater than zero
            spec.devices.requests[2]: Invalid value: "null": exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set
            spec.devices.requests[3].firstAvailable[0].count: Invalid value: 2: must not be specified when allocationMode is 'All'
            spec.devices.requests[3].firstAvailable[1].selectors[0].cel: Required value
            spec.devices.requests[3].firstAvailable[1].allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"
            spec.devices.requests[3].firstAvailable[1]: Duplicate value: "x"
            spec.devices.requests[2]: Duplicate value: "b""#]],
        );
    }

    #[test]
    fn what_is_said_of_requests_names_them() {
        let constraints = json!([{"requests": ["x", "a/b", "a/b/c", "a", "a"], "matchAttribute": "bare"}, {}]);
        let config = json!([{}, {"opaque": {"driver": "", "parameters": []}}]);
        let requests = json!([{"name": "a", "exactly": {"deviceClassName": "g"}}]);
        told_of(
            &json!({"requests": requests, "constraints": constraints, "config": config}),
            &expect![[r#"
            spec.devices.constraints[0].requests[0]: Invalid value: "x": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
            spec.devices.constraints[0].requests[1]: Invalid value: "a/b": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
            spec.devices.constraints[0].requests[2]: Invalid value: "a/b/c": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
            spec.devices.constraints[0].requests[4]: Duplicate value: "a"
            spec.devices.constraints[0].matchAttribute: Invalid value: "bare": must include a domain
            spec.devices.constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set
            spec.devices.config[0].opaque: Required value
            spec.devices.config[1].opaque.driver: Required value
            spec.devices.config[1].opaque.driver: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.devices.config[1].opaque.parameters: Invalid value: []: must be a valid JSON object"#]],
        );
        let many: Vec<Value> =
            (0..33).map(|nth| json!({"name": format!("r{nth}"), "exactly": {"deviceClassName": "g"}})).collect();
        told_of(
            &json!({"requests": many}),
            &expect!["spec.devices.requests: Too many: 33: must have at most 32 items"],
        );
    }

    #[test]
    fn what_is_wanted_and_what_was_given_stay() {
        let with = |allocation: Value, consumers: Value| json!({"metadata": {"deletionTimestamp": "t"}, "spec": {}, "status": {"allocation": allocation, "reservedFor": consumers}});
        let (old, new) = (
            with(json!({"a": 1}), json!([])),
            with(json!({"a": 2}), json!([{"uid": "1", "name": "p", "resource": "pods"}])),
        );
        expect![[r#"
            status.allocation: Invalid value: {"a":2}: field is immutable
            status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"#]]
        .assert_eq(&told(&ResourceClaim.validate_status(&new, &old)));
        expect![[r#"
            status.reservedFor[0].resource: Required value
            status.reservedFor[0].name: Required value
            status.reservedFor[0].uid: Required value
            status.reservedFor: Forbidden: may not be specified when `allocated` is not set"#]]
        .assert_eq(&told(&ResourceClaim.validate_status(&json!({"status": {"reservedFor": [{}]}}), &json!({}))));
    }

    #[test]
    fn rows_tell_the_state() {
        let state = |meta: Value, status: Value| state(&json!({"metadata": meta, "status": status}));
        assert_eq!(state(json!({}), json!({})), "pending");
        assert_eq!(state(json!({"deletionTimestamp": "t"}), json!({})), "deleted");
        assert_eq!(state(json!({}), json!({"allocation": {}})), "allocated");
        assert_eq!(
            state(json!({"deletionTimestamp": "t"}), json!({"allocation": {}, "reservedFor": [{}]})),
            "deleted,allocated,reserved"
        );
        let row = ResourceClaim.cells(&claim(&json!({})), Timestamp::UNIX_EPOCH);
        assert_eq!(Value::from(row), json!(["c", "pending", "<unknown>"]));
    }
}
