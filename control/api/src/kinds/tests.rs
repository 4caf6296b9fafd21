//! What holds for every kind, and helpers of the tests of each.

mod samples;

use super::*;
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{header, metadata};
use serde_json::{Value, json};

/// The object with the defaults of its kind.
pub(super) fn defaulted(strategy: &dyn Strategy, mut object: Value) -> Value {
    strategy.default(&mut object);
    object
}

/// Errors as lines.
pub(super) fn told(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Compares what a kind says of a new object, after defaulting.
pub(super) fn check(strategy: &dyn Strategy, object: &Value, expected: &expect_test::Expect) {
    let object = defaulted(strategy, object.clone());
    let mut errors = strategy.validate(&object);
    errors.extend(strategy.validate_create(&object));
    expected.assert_eq(&told(&errors));
}

/// The object with these fields of a part of it replaced.
pub(super) fn with(mut object: Value, part: &str, fields: &Value) -> Value {
    for (name, value) in fields.as_object().into_iter().flatten() {
        object[part][name] = value.clone();
    }
    object
}

#[test]
fn every_kind_is_found_by_url_and_by_kind() {
    for kind in all() {
        assert!(std::ptr::eq(find(&kind.group, &kind.version, &kind.plural).unwrap(), kind));
        assert!(std::ptr::eq(by_kind(&kind.group, &kind.version, &kind.kind).unwrap(), kind));
        assert!(kind.schema.ends_with(&format!(".{}.{}", kind.version, kind.kind)), "{}", kind.schema);
    }
    assert!(find("apps", "v1", "pods").is_none());
}

#[test]
fn every_row_fills_its_columns_even_of_an_empty_object() {
    for kind in all() {
        let cells = kind.strategy.cells(&json!({"metadata": {"name": "a"}}), Timestamp::UNIX_EPOCH);
        assert_eq!(cells.len(), kind.columns.len(), "{}", kind.kind);
    }
}

#[test]
fn no_default_or_check_fails_on_an_object_of_metadata_alone() {
    for kind in all() {
        let mut object = json!({"metadata": {"name": "a"}});
        kind.strategy.default(&mut object);
        kind.strategy.prepare_create(&mut object);
        let once = object.clone();
        kind.strategy.default(&mut object);
        assert_eq!(object, once, "defaults of {} are idempotent", kind.kind);
        let _told = kind.strategy.validate(&object);
        let _told = kind.strategy.validate_update(&object, &once);
    }
}

/// One object with something in every field that some rule looks at.
fn sample() -> Value {
    let handler = json!({"httpGet": {"port": "http", "httpHeaders": [{"name": "A"}]}, "exec": {"command": ["a"]},
        "grpc": {"port": 1}});
    let source = json!({"fieldRef": {"fieldPath": "metadata.labels['a']"}, "resourceFieldRef": {"resource": "cpu"},
        "secretKeyRef": {"name": "a", "key": "b"}});
    let container = json!({"name": "c", "image": "i", "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": 1}},
        "ports": [{"containerPort": 80, "hostPort": 80, "name": "http"}], "env": [{"name": "A", "valueFrom": source}],
        "envFrom": [{"configMapRef": {"name": "a"}}], "volumeMounts": [{"name": "v", "mountPath": "/a"}],
        "livenessProbe": handler,
        "lifecycle": {"preStop": handler}, "securityContext": {"runAsUser": 1, "capabilities": {"add": ["X"]}}});
    let volumes = json!([{"name": "v", "projected": {"sources": [{"downwardAPI": {"items": [{"path": "p",
        "fieldRef": {}}]}}]}},
        {"name": "w", "configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}}, {"name": "x",
        "emptyDir": {"sizeLimit": "1"}}]);
    let term = json!({"weight": 1, "podAffinityTerm": {"topologyKey": "a",
        "labelSelector": {"matchExpressions": [{"key": "a"}]}}});
    let pod = json!({"containers": [container], "initContainers": [{"name": "s", "restartPolicy": "Always"}],
        "volumes": volumes, "overhead": {"cpu": "1"},
        "affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}, "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a"}], "dnsConfig": {"nameservers": ["1.1.1.1"]}, "hostAliases": [{"ip": "1.1.1.1"}],
        "securityContext": {"sysctls": [{"name": "a"}]}, "topologySpreadConstraints": [{"maxSkew": 1}], "nodeName": "n"});
    let mut spec = pod.clone();
    let own = json!({"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{}]}},
        "selector": {"matchLabels": {"a": "b"}},
        "strategy": {"rollingUpdate": {"maxSurge": 1}}, "ports": [{"port": 1, "nodePort": 2}], "clusterIPs": ["10.0.0.1"],
        "type": "ClusterIP", "sessionAffinity": "ClientIP", "podCIDR": "10.0.0.0/8", "taints": [{"key": "a"}],
        "finalizers": ["kubernetes"]});
    spec.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    let state = json!({"terminated": {"exitCode": 1}});
    let status = json!({"phase": "Running", "conditions": [{"type": "Ready"}], "capacity": {"cpu": 1},
        "podIPs": [{"ip": "1.1.1.1"}],
        "containerStatuses": [{"state": state, "lastState": state}], "initContainerStatuses": [{"state": state}],
        "loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}, "addresses": [{"type": "InternalIP"}]});
    json!({"metadata": {"name": "a", "labels": {"a": "b"}, "ownerReferences": [{"uid": "1"}], "finalizers": ["a/b"]},
        "spec": spec,
        "status": status, "data": {"a": "eA=="}, "stringData": {"b": "x"}, "addressType": "IPv4", "series": {"count": 1},
        "endpoints": [{"addresses": ["1.1.1.1"]}], "ports": [{"port": 1}], "involvedObject": {"kind": "Pod"},
        "secrets": [{}]})
}

/// The values inside a value, itself first, in the order of a walk.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

fn replace(value: &mut Value, nth: &mut usize, by: &Value) {
    if *nth == 0 {
        *value = by.clone();
    }
    *nth = nth.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, nth, by)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, nth, by)),
        _ => {}
    }
}

#[test]
fn no_value_of_a_wrong_type_anywhere_breaks_a_kind() {
    let strange = [json!(-1), json!("\u{e4}"), json!([null, 1]), json!({"": {}})];
    let own = samples::of_groups();
    let rest = all().iter().filter(|kind| own.iter().all(|(group, _)| **group != *kind.group)).collect();
    let mut samples: Vec<(Vec<&Kind>, Value)> = vec![(rest, sample())];
    for (group, sound) in own {
        samples.push((all().iter().filter(|kind| *kind.group == *group).collect(), sound));
    }
    for (kinds, sound) in samples {
        assert!(!kinds.is_empty());
        for (nth, by) in (1..count(&sound)).flat_map(|nth| strange.iter().map(move |by| (nth, by))) {
            let mut object = sound.clone();
            replace(&mut object, &mut nth.clone(), by);
            kinds.iter().for_each(|kind| exercise(kind, object.clone(), &sound));
        }
    }
}

/// Calls everything that a kind's rules offer. A form has those of its stored kind, and ways there and back of its own.
fn exercise(kind: &Kind, mut object: Value, other: &Value) {
    let strategy = kind.strategy;
    if !kind.is_stored() {
        kind.to_stored(&mut object);
        kind.from_stored(&mut object);
        return;
    }
    strategy.default(&mut object);
    let (mut created, mut updated, mut status) = (object.clone(), object.clone(), object.clone());
    strategy.prepare_create(&mut created);
    strategy.prepare_update(&mut updated, other);
    strategy.prepare_status(&mut status, other);
    metadata::keep(&mut updated, other);
    let told = [
        strategy.validate(&object),
        strategy.validate_update(&object, other),
        strategy.validate_update(other, &object),
    ];
    let of_metadata = [metadata::validate(kind, &object), metadata::validate_update(kind, &object, other)];
    // Errors must be printable as well.
    let _texts: Vec<String> = told.iter().chain(&of_metadata).flatten().map(ToString::to_string).collect();
    let _warnings = strategy.warnings(&object);
    let _deletion = strategy.deletion(&object, None);
    let _header = header::extract(kind, &object);
    assert_eq!(strategy.cells(&object, Timestamp::UNIX_EPOCH).len(), kind.columns.len());
}
