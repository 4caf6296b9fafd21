//! CSINode: drivers of the Container Storage Interface on a node.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{GROUP, driver};
use crate::field::{Errors, Field, IMMUTABLE};
use crate::kind::{Column, Flags, Kind, Scope, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

const COLUMNS: &[Column] = &[NAME, column("Drivers", "integer", "Number of drivers."), AGE];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        columns: COLUMNS,
        flags: Flags { needs_revision_on_update: true, returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.storage.v1.CSINode",
        ..base(GROUP, "CSINode", "csinodes", &CsiNode)
    }
}

#[derive(Debug)]
struct CsiNode;

impl Strategy for CsiNode {
    fn default(&self, object: &mut Value) {
        json::fill(object, "spec", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut names = BTreeSet::new();
        let drivers = Field::root(object).at("spec").at("drivers");
        drivers.items().flat_map(|one| driver(&one, names.insert(one.at("name").text()))).collect()
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let drivers = Field::root(object).at("spec").at("drivers");
        let mut errors = Errors::new();
        for before in json::items(old, "/spec/drivers") {
            let same = drivers.items().filter(|one| one.value["name"] == before["name"]);
            let changed = same.map(|one| fixed(one.value)).filter(|now| *now != fixed(before));
            errors.extend(changed.map(|now| drivers.invalid_part(now, IMMUTABLE)));
        }
        errors
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let drivers = json::items(object, "/spec/drivers").len();
        vec![cells::name(object), drivers.into(), cells::age(object, now)]
    }
}

/// A driver without how many volumes it may still attach, which is all that may change.
fn fixed(driver: &Value) -> Value {
    let mut driver = driver.clone();
    if let Some(fields) = driver.as_object_mut() {
        fields.remove("allocatable");
    }
    driver
}

/// Longest name that a driver has for a node, in bytes.
const NODE_ID_MAX: usize = 256;

fn driver(entry: &Field<'_>, is_new: bool) -> Errors {
    let (own, id) = (entry.at("name"), entry.at("nodeID"));
    let mut errors = driver::csi(&own);
    errors.extend(id.must());
    if id.text().len() > NODE_ID_MAX {
        errors.push(id.invalid(format!("must be {NODE_ID_MAX} characters or less")));
    }
    errors.extend(entry.at("allocatable").at("count").not_negative());
    errors.extend((!is_new).then(|| own.duplicate_of(&own.text().into())));
    let mut keys = BTreeSet::new();
    for key in entry.at("topologyKeys").items() {
        let text = key.text();
        errors.extend(text.is_empty().then(|| entry.required("")));
        errors.extend((!keys.insert(text)).then(|| entry.duplicate_of(&text.into())));
        errors.extend(name::qualified(text).into_iter().map(|why| entry.invalid_part(text, why)));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;

    fn node(drivers: &Value) -> Value {
        json!({"metadata": {"name": "n"}, "spec": {"drivers": drivers}})
    }

    #[test]
    fn a_driver_stands_once_and_has_a_name_for_the_node() {
        let sound = json!([{"name": "a.B", "nodeID": "1", "topologyKeys": ["x/y"], "allocatable": {"count": 0}}]);
        assert_eq!(CsiNode.validate(&node(&sound)), []);
        let bad = json!([{"name": "a", "nodeID": "x".repeat(257), "allocatable": {"count": -1}, "topologyKeys": ["k", "k"]},
            {"name": "a"}, {"name": "b".repeat(64), "nodeID": "1"}, {"nodeID": "1"}]);
        let text = told(&CsiNode.validate(&node(&bad))).replace(&"x".repeat(257), "xx").replace(&"b".repeat(64), "bb");
        expect![[r#"
            spec.drivers[0].nodeID: Invalid value: "xx": must be 256 characters or less
            spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0
            spec.drivers[0]: Duplicate value: "k"
            spec.drivers[1].nodeID: Required value
            spec.drivers[1].name: Duplicate value: "a"
            spec.drivers[2].name: Too long: may not be more than 63 bytes
            spec.drivers[3].name: Required value
            spec.drivers[3].name: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#]]
        .assert_eq(&text);
    }

    #[test]
    fn only_room_for_volumes_changes() {
        let old =
            node(&json!([{"name": "a", "nodeID": "1", "allocatable": {"count": 1}}, {"name": "b", "nodeID": "1"}]));
        let new =
            node(&json!([{"name": "a", "nodeID": "1", "allocatable": {"count": 2}}, {"name": "c", "nodeID": "1"}]));
        assert_eq!(CsiNode.validate_update(&new, &old), []);
        let new = node(&json!([{"name": "a", "nodeID": "2"}]));
        expect![[r#"spec.drivers: Invalid value: {"name":"a","nodeID":"2"}: field is immutable"#]]
            .assert_eq(&told(&CsiNode.validate_update(&new, &old)));
    }

    #[test]
    fn rows_count_drivers() {
        let row = CsiNode.cells(&node(&json!([{}, {}])), Timestamp::UNIX_EPOCH);
        assert_eq!(Value::from(row), json!(["n", 2, "<unknown>"]));
    }
}
