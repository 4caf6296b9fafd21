//! CSIStorageCapacity: how much room a driver has somewhere for volumes of a class.

use serde_json::Value;

use super::GROUP;
use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::kinds::{NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::quantity::Quantity;
use crate::validate::FieldError;
use crate::{json, name, pod_spec};

const COLUMNS: &[Column] = &[
    NAME,
    column("StorageClassName", "string", "Class of the volumes."),
    column("Capacity", "string", "Room that is left."),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        flags: Flags { needs_revision_on_update: true, returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.storage.v1.CSIStorageCapacity",
        ..base(GROUP, "CSIStorageCapacity", "csistoragecapacities", &CsiStorageCapacity)
    }
}

#[derive(Debug)]
struct CsiStorageCapacity;

impl Strategy for CsiStorageCapacity {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let (class, capacity) = (root.at("storageClassName"), root.at("capacity"));
        let mut errors = pod_spec::label_selector(&root.at("nodeTopology"));
        errors.extend(name::subdomain(class.text()).into_iter().map(|why| class.invalid_part(class.text(), why)));
        if capacity.is_set() {
            errors.extend(pod_spec::not_negative(&capacity));
        }
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let fixed = ["nodeTopology", "storageClassName"];
        let changed = fixed.iter().filter_map(|name| root.at(name).unchanged(&old[name]));
        changed.collect::<Errors>()
    }

    fn cells(&self, object: &Value, _now: Timestamp) -> Vec<Value> {
        let capacity = Quantity::from_value(&object["capacity"]).map(|room| room.to_string()).unwrap_or_default();
        vec![cells::name(object), json::text(object, "/storageClassName").into(), capacity.into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn it_names_a_class_and_where() {
        assert_eq!(
            CsiStorageCapacity.validate(&json!({"storageClassName": "a", "capacity": "1Gi", "nodeTopology": {}})),
            []
        );
        let bad = json!({"storageClassName": "A", "capacity": "-1",
            "nodeTopology": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}});
        expect![[r#"
            nodeTopology.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'
            storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            capacity: Invalid value: "-1": must be greater than or equal to 0"#]]
        .assert_eq(&told(&CsiStorageCapacity.validate(&bad)));
    }

    #[test]
    fn only_the_room_changes() {
        let old = json!({"storageClassName": "a", "nodeTopology": {}, "capacity": "1"});
        let new = json!({"storageClassName": "b", "nodeTopology": {"matchLabels": {"a": "b"}}, "capacity": "2"});
        expect![[r#"
            nodeTopology: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable
            storageClassName: Invalid value: "b": field is immutable"#]]
        .assert_eq(&told(&CsiStorageCapacity.validate_update(&new, &old)));
    }

    #[test]
    fn rows_tell_the_room() {
        let capacity = json!({"metadata": {"name": "c"}, "storageClassName": "a", "capacity": "2048Mi"});
        assert_eq!(CsiStorageCapacity.cells(&capacity, Timestamp::UNIX_EPOCH), [json!("c"), json!("a"), json!("2Gi")]);
    }
}
