//! ResourceSlice: devices that a driver offers somewhere.

use serde_json::Value;

use super::counters::set;
use super::device::{ONLY_TRUE, device, says};
use super::selection::repeated;
use super::{GROUP, not_allocated};
use crate::field::{Errors, Field, IMMUTABLE};
use crate::kind::{Column, Flags, Generation, Kind, Scope, Strategy};
use crate::kinds::storage::driver;
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

const COLUMNS: &[Column] = &[
    NAME,
    column("Node", "string", "Node on which the devices are."),
    column("Driver", "string", "Driver that offers them."),
    column("Pool", "string", "Pool that they belong to."),
    AGE,
];
const PLURAL: &str = "resourceslices";
/// Most devices of a slice, fewer when each has more to say, and most sets of counters.
const DEVICES_MAX: usize = 128;
const RICH_DEVICES_MAX: usize = 64;
const COUNTER_SETS_MAX: usize = 8;
/// Longest name of a pool, in bytes.
const POOL_MAX: usize = 253;
/// Ways in which a slice says where its devices are.
const PLACES: [&str; 4] = ["nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        columns: COLUMNS,
        selectable: &["spec.driver", "spec.nodeName"],
        flags: Flags { returns_deleted: true, generation: Generation::Always, ..Flags::default() },
        schema: "io.k8s.api.resource.v1.ResourceSlice",
        ..base(GROUP, "ResourceSlice", PLURAL, &ResourceSlice)
    }
}

#[derive(Debug)]
struct ResourceSlice;

impl Strategy for ResourceSlice {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let (devices, counters) = (spec.at("devices"), spec.at("sharedCounters"));
        let mut errors = driver::csi(&spec.at("driver"));
        errors.extend(pool(&spec.at("pool")));
        errors.extend(place(&spec));
        if devices.is_set() && counters.is_set() {
            errors.push(spec.invalid_part("", "only one of `sharedCounters` or `devices` is allowed"));
        }
        let for_itself = spec.at("perDeviceNodeSelection").is_true();
        errors.extend(devices.items().flat_map(|one| device(&one, for_itself)));
        errors.extend(devices.too_many(if devices.items().any(|one| is_rich(&one)) {
            RICH_DEVICES_MAX
        } else {
            DEVICES_MAX
        }));
        errors.extend(repeated(&devices, "name"));
        errors.extend(counters.items().flat_map(|one| set(&one)));
        errors.extend(counters.too_many(COUNTER_SETS_MAX));
        errors.extend(repeated(&counters, "name"));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let fixed = [
            (spec.at("pool").at("name"), "/spec/pool/name"),
            (spec.at("driver"), "/spec/driver"),
            (spec.at("nodeName"), "/spec/nodeName"),
        ];
        let changed = fixed.iter().filter(|(field, at)| field.value != old.pointer(at).unwrap_or(&Value::Null));
        changed.map(|(field, _)| field.invalid(IMMUTABLE)).collect()
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_allocated(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let text = |pointer: &str| Value::from(json::text(object, pointer));
        let [node, driver, pool] = ["/spec/nodeName", "/spec/driver", "/spec/pool/name"].map(text);
        vec![cells::name(object), node, driver, pool, cells::age(object, now)]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        let field = |pointer| json::text(object, pointer).to_owned();
        vec![("spec.driver", field("/spec/driver")), ("spec.nodeName", field("/spec/nodeName"))]
    }
}

/// Whether a device says so much that a slice holds fewer of them.
fn is_rich(device: &Field<'_>) -> bool {
    const LISTS: [&str; 4] = ["bools", "ints", "strings", "versions"];
    let listed = |(_, attribute): (&str, Field<'_>)| LISTS.iter().any(|list| attribute.at(list).is_set());
    ["taints", "consumesCounters"].iter().any(|list| !device.at(list).is_empty())
        || device.at("attributes").entries().any(listed)
}

/// Everything wrong with the name of a pool: parts that could each stand for a node.
pub(super) fn pool_name(own: &Field<'_>) -> Errors {
    if own.is_empty() {
        return vec![own.required("")];
    }
    let mut errors: Errors = (own.text().len() > POOL_MAX).then(|| own.too_long(POOL_MAX)).into_iter().collect();
    let wrong = own.text().split('/').flat_map(|part| name::subdomain(part).into_iter().map(move |why| (part, why)));
    errors.extend(wrong.map(|(part, why)| own.invalid_part(part, why)));
    errors
}

fn pool(pool: &Field<'_>) -> Errors {
    let (own, count, generation) = (pool.at("name"), pool.at("resourceSliceCount"), pool.at("generation"));
    let mut errors = pool_name(&own);
    let number = count.integer().unwrap_or_default();
    errors.extend((number <= 0).then(|| count.invalid_part(number, "must be greater than zero")));
    let negative = generation.integer().is_some_and(|number| number < 0);
    errors.extend(negative.then(|| generation.invalid("must be greater than or equal to zero")));
    errors
}

/// Everything wrong with where the devices are.
fn place(spec: &Field<'_>) -> Errors {
    let (node, selector) = (spec.at("nodeName"), spec.at("nodeSelector"));
    let terms = selector.at("nodeSelectorTerms");
    let mut errors = Errors::new();
    if node.is_set() && node.is_empty() {
        errors.push(node.invalid("must be either unset or set to a non-empty string"));
    }
    errors.extend(node.named(name::subdomain));
    if selector.is_set() && terms.items().count() != 1 {
        errors.push(terms.invalid("must have exactly one node selector term"));
    }
    let untrue = ["allNodes", "perDeviceNodeSelection"].map(|name| spec.at(name));
    errors.extend(untrue.iter().filter(|one| one.is_set() && !one.is_true()).map(|one| one.invalid(ONLY_TRUE)));
    let given: Vec<String> =
        PLACES.iter().filter(|name| says(&spec.at(name))).map(|name| format!("`{name}`")).collect();
    let why = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    match given.len() {
        0 => errors.push(spec.required(why)),
        1 => {}
        _ => {
            let shown = format!("{{{}}}", given.join(", "));
            errors.push(spec.invalid_part(shown, format!("{why}, but multiple fields are set")));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, told, with};
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn slice(fields: &Value) -> Value {
        let spec = json!({"driver": "a.b", "nodeName": "n", "pool": {"name": "p/q", "generation": 0, "resourceSliceCount": 1}});
        with(json!({"metadata": {"name": "s"}, "spec": spec}), "spec", fields)
    }

    fn told_of(fields: &Value, expected: &Expect) {
        check(&ResourceSlice, &slice(fields), expected);
    }

    #[test]
    fn it_is_of_a_driver_a_pool_and_a_place() {
        let attributes = json!({"a.b/model": {"string": "x"}, "version": {"version": "1.0.0"}, "ok": {"bool": false}});
        told_of(
            &json!({"devices": [{"name": "d", "attributes": attributes, "capacity": {"memory": {"value": "1Gi"}}}]}),
            &expect![""],
        );
        told_of(
            &json!({"driver": "", "pool": {"generation": -1}, "nodeName": ""}),
            &expect![[r#"
            spec.driver: Required value
            spec.driver: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.pool.name: Required value
            spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero
            spec.pool.generation: Invalid value: -1: must be greater than or equal to zero
            spec.nodeName: Invalid value: "": must be either unset or set to a non-empty string
            spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"#]],
        );
        told_of(
            &json!({"nodeSelector": {"nodeSelectorTerms": []}, "allNodes": false, "devices": [], "sharedCounters": [{}]}),
            &expect![[r#"
            spec.nodeSelector.nodeSelectorTerms: Invalid value: []: must have exactly one node selector term
            spec.allNodes: Invalid value: false: must be either unset or set to true
            spec: Invalid value: "{`nodeName`, `nodeSelector`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set
            spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed
            spec.sharedCounters[0].name: Required value
            spec.sharedCounters[0].counters: Required value"#]],
        );
    }

    #[test]
    fn devices_are_named_and_say_one_thing_at_a_time() {
        let attributes = json!({"a": {}, "b": {"int": 1, "string": "x"}, "/c": {"version": "1"}, "d": {"strings": []}});
        told_of(
            &json!({"devices": [{"name": "D"}, {"name": "d", "attributes": attributes}, {"name": "d", "allNodes": true}]}),
            &expect![[r#"
            spec.devices[0].name: Invalid value: "D": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.devices[1].attributes[/c]: Invalid value: "": the domain must not be empty
            spec.devices[1].attributes[/c].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0
            spec.devices[1].attributes[a]: Invalid value: "": exactly one value must be specified
            spec.devices[1].attributes[b]: Invalid value: {"int":1,"string":"x"}: exactly one value must be specified
            spec.devices[1].attributes[d].strings: Invalid value: []: must not be empty if specified
            spec.devices[2]: Invalid value: "null": `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec
            spec.devices[2]: Duplicate value: "d""#]],
        );
        let alone = json!({"nodeName": null, "perDeviceNodeSelection": true, "devices": [{"name": "a"}, {"name": "b", "allNodes": true},
            {"name": "c", "nodeName": "n", "allNodes": true}]});
        told_of(
            &alone,
            &expect![[r#"
            spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec
            spec.devices[2]: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec"#]],
        );
        let many: Vec<Value> =
            (0..65).map(|nth| json!({"name": format!("d{nth}"), "taints": [{"key": "a", "effect": "None"}]})).collect();
        told_of(&json!({"devices": many}), &expect!["spec.devices: Too many: 65: must have at most 64 items"]);
    }

    #[test]
    fn what_devices_share_is_counted_and_taken_in_measure() {
        let counters = json!([{"name": "a", "counters": {"x_y": {"value": "1"}}}, {"name": "a", "counters": {}}]);
        told_of(
            &json!({"sharedCounters": counters}),
            &expect![[r#"
            spec.sharedCounters[0].counters: Invalid value: "x_y": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.sharedCounters[1].counters: Required value
            spec.sharedCounters[1]: Duplicate value: "a""#]],
        );
        let consumed = json!([{"counterSet": "A"}, {"counterSet": "b", "counters": {"c": {"value": "1"}}}]);
        let taints = json!([{"key": "a b", "value": "c d", "effect": "Some"}, {"key": "", "effect": ""}]);
        let device =
            json!({"name": "d", "consumesCounters": consumed, "taints": taints, "bindingConditions": ["a", "a"]});
        let other = json!({"name": "e", "bindingConditions": ["a"], "bindingFailureConditions": ["a", "b c"]});
        told_of(
            &json!({"devices": [device, other]}),
            &expect![[r#"
            spec.devices[0].taints[0].key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.devices[0].taints[0].value: Invalid value: "c d": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            spec.devices[0].taints[0].effect: Unsupported value: "Some": supported values: "NoExecute", "NoSchedule", "None"
            spec.devices[0].taints[1].key: Invalid value: "": name part must be non-empty
            spec.devices[0].taints[1].key: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.devices[0].taints[1].effect: Required value
            spec.devices[0].consumesCounters[0].counterSet: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.devices[0].consumesCounters[0].counters: Required value
            spec.devices[0].bindingConditions[1]: Duplicate value: "a"
            spec.devices[0].bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions
            spec.devices[1].bindingFailureConditions[1]: Invalid value: "b c": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.devices[1].bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions"#]],
        );
        let capacity = |policy: Value| json!({"memory": {"value": "10Gi", "requestPolicy": policy}});
        let range = json!({"min": "2Gi", "max": "11Gi", "step": "4Gi"});
        let policies = [
            json!({"default": "1Gi"}),
            json!({"validValues": ["1Gi"], "validRange": {}}),
            json!({"validValues": ["1Gi"]}),
            json!({"default": "3Gi", "validValues": ["2Gi", "1Gi", "1024Mi", "20Gi"]}),
            json!({"default": "1Gi", "validRange": {}}),
            json!({"default": "1Gi", "validRange": range}),
            json!({"default": "1Gi", "validRange": {"min": "1Gi", "step": "0"}}),
            json!({"default": "3Gi", "validRange": {"min": "1Gi", "max": "9Gi", "step": "2Gi"}}),
        ];
        let device = |(nth, policy): (usize, &Value)| {
            let (name, shared) = (format!("d{nth}"), nth > 0);
            json!({"name": name, "allowMultipleAllocations": shared, "capacity": capacity(policy.clone())})
        };
        let devices: Vec<Value> = policies.iter().enumerate().map(device).collect();
        told_of(
            &json!({"devices": devices}),
            &expect![[r#"
            spec.devices[0].capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true
            spec.devices[1].capacity[memory].requestPolicy: Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time
            spec.devices[2].capacity[memory].requestPolicy.default: Required value: required when validValues is defined
            spec.devices[3].capacity[memory].requestPolicy.validValues[1]: Invalid value: "1Gi": values must be sorted in ascending order
            spec.devices[3].capacity[memory].requestPolicy.validValues[3]: Invalid value: "20Gi": option is larger than capacity value: 10Gi
            spec.devices[3].capacity[memory].requestPolicy.validValues[2]: Duplicate value: "1024Mi"
            spec.devices[3].capacity[memory].requestPolicy.validValues: Invalid value: "3Gi": default value is not valid according to the requestPolicy
            spec.devices[4].capacity[memory].requestPolicy.validRange.min: Required value: required when validRange is defined
            spec.devices[5].capacity[memory].requestPolicy.validRange.default: Invalid value: "1Gi": default is less than min: 2Gi
            spec.devices[5].capacity[memory].requestPolicy.validRange.max: Invalid value: "11Gi": max is larger than capacity value: 10Gi
            spec.devices[5].capacity[memory].requestPolicy.validRange.step: Invalid value: "1Gi": value is not a multiple of a given step (4Gi) from (2Gi)
            spec.devices[5].capacity[memory].requestPolicy.validRange.step: Invalid value: "11Gi": value is not a multiple of a given step (4Gi) from (2Gi)
            spec.devices[6].capacity[memory].requestPolicy.validRange.step: Invalid value: "0": must be greater than zero"#]],
        );
    }

    #[test]
    fn whose_they_are_stays() {
        let other = slice(&json!({"driver": "c.d", "nodeName": "m"}));
        expect![[r#"
            spec.driver: Invalid value: "c.d": field is immutable
            spec.nodeName: Invalid value: "m": field is immutable"#]]
        .assert_eq(&told(&ResourceSlice.validate_update(&other, &slice(&json!({})))));
    }

    #[test]
    fn rows_and_selectors_tell_where() {
        let row = Value::from(ResourceSlice.cells(&slice(&json!({})), Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["s", "n", "a.b", "p/q", "<unknown>"]));
        let fields = [("spec.driver", "a.b".to_owned()), ("spec.nodeName", "n".to_owned())];
        assert_eq!(ResourceSlice.fields(&slice(&json!({}))), fields);
    }
}
