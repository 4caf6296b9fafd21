//! PersistentVolumeClaim: a request for storage, and the volume that answers it.

use serde_json::{Map, Value, json};

use super::storage;
use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::quantity::Quantity;
use crate::validate::FieldError;
use crate::{claim_spec, json, name, pod_spec};

const COLUMNS: &[Column] = &[
    NAME,
    column("Status", "string", "Whether it has a volume."),
    column("Volume", "string", "Name of its volume."),
    column("Capacity", "string", "Size of its volume."),
    column("Access Modes", "string", "How its volume may be mounted."),
    column("StorageClass", "string", "Class of its volume."),
    column("VolumeAttributesClass", "string", "Class of attributes that its volume should have."),
    AGE,
    wide("VolumeMode", "string", "Whether it is a file system or a block device."),
];

/// Annotation that named the storage class before there was a field for it.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// What became of a request to grow.
const RESIZE_STATES: &[&str] = &[
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["pvc"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.PersistentVolumeClaim",
        ..base("", "PersistentVolumeClaim", "persistentvolumeclaims", &PersistentVolumeClaim)
    }
}

#[derive(Debug)]
struct PersistentVolumeClaim;

impl Strategy for PersistentVolumeClaim {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = json::part(object, "spec") {
            claim_spec::default(spec);
        }
        if let Some(status) = json::part(object, "status") {
            json::fill(status, "phase", "Pending");
            for list in ["capacity", "allocatedResources"] {
                if let Some(list) = status.get_mut(list) {
                    pod_spec::canonical_amounts(list);
                }
            }
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({"phase": "Pending"}));
        if let Some(spec) = object.get_mut("spec") {
            match_sources(spec);
        }
    }

    fn prepare_update(&self, object: &mut Value, _old: &Value) {
        if let Some(spec) = object.get_mut("spec") {
            match_sources(spec);
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        claim_spec::rules(&Field::root(object).at("spec"))
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors = Errors::new();
        let class = |object: &Value| object["metadata"]["annotations"][OLD_CLASS].clone();
        if class(object) != class(old) && !moved_class(object, old) {
            let told = Field::root(object).at("metadata").at("annotations").at(OLD_CLASS);
            errors.push(told.invalid_part(told.text(), "field is immutable"));
        }
        let (before, after) = fixed(old, object);
        if before != after {
            let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
                       claims";
            errors.push(spec.forbidden(format!("{why}\n{}", storage::difference(&before, &after))));
        }
        errors.extend(shrunk(&spec, old));
        errors.extend(storage::same_mode(object, old));
        let (class, before) = (spec.at("volumeAttributesClassName"), &old["spec"]["volumeAttributesClassName"]);
        if !before.is_null() && !class.is_set() {
            errors.push(class.forbidden("update from non-nil value to nil is forbidden"));
        } else if !before.is_null() && class.is_empty() && !json::is_empty(before) {
            errors.push(class.forbidden("update from non-nil value to an empty string is forbidden"));
        }
        errors
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        let status = Field::root(object).at("status");
        let mut errors = Errors::new();
        for list in ["capacity", "allocatedResources"] {
            errors.extend(status.at(list).entries().flat_map(|(_, amount)| pod_spec::not_negative(&amount)));
        }
        let states = status.at("allocatedResourceStatuses");
        let told = status.at("allocatedResourceStatus");
        for (resource, state) in states.entries() {
            errors.extend(name::qualified(resource).into_iter().map(|why| told.invalid_part(resource, why)));
            if !RESIZE_STATES.contains(&state.text()) {
                errors.push(FieldError::not_supported(told.path(), resource, RESIZE_STATES));
            }
        }
        errors
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        claim_spec::warnings(&Field::root(object).at("spec"))
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let volume = json::text(object, "/spec/volumeName");
        let bound = |text: String| if volume.is_empty() { String::new() } else { text };
        vec![
            cells::name(object),
            storage::phase(object).into(),
            volume.into(),
            bound(json::text(object, "/status/capacity/storage").to_owned()).into(),
            bound(storage::modes(json::items(object, "/status/accessModes"))).into(),
            storage::class(object).into(),
            cells::or(json::text(object, "/spec/volumeAttributesClassName"), cells::UNSET).into(),
            cells::age(object, now),
            cells::or(json::text(object, "/spec/volumeMode"), cells::UNSET).into(),
        ]
    }
}

/// Gives the old field of what the volume is filled from, and the new one, the same value. The old one holds claims and
/// snapshots alone (KEP-1495).
fn match_sources(spec: &mut Value) {
    let known = |source: &Value| {
        matches!(
            (source["apiGroup"].as_str().unwrap_or_default(), source["kind"].as_str().unwrap_or_default()),
            ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
        )
    };
    if !spec["dataSource"].is_null() && !known(&spec["dataSource"]) {
        json::set(spec, "dataSource", Value::Null);
    }
    let (old, new) = (spec["dataSource"].clone(), spec["dataSourceRef"].clone());
    if new.is_null() && !old.is_null() {
        json::set(spec, "dataSourceRef", old);
    } else if old.is_null() && !new.is_null() && json::is_empty(&new["namespace"]) && known(&new) {
        json::set(spec, "dataSource", new);
    }
    if spec["dataSource"].is_null()
        && let Some(fields) = spec.as_object_mut()
    {
        fields.remove("dataSource");
    }
}

/// Whether the class moved from the annotation to the field.
fn moved_class(object: &Value, old: &Value) -> bool {
    let before = &old["metadata"]["annotations"][OLD_CLASS];
    let after = &object["metadata"]["annotations"][OLD_CLASS];
    !before.is_null()
        && old["spec"]["storageClassName"].is_null()
        && object["spec"]["storageClassName"] == *before
        && (after.is_null() || after == before)
}

/// What of a claim's spec may not change, before and after.
fn fixed(old: &Value, new: &Value) -> (Map<String, Value>, Map<String, Value>) {
    let fields = |object: &Value| -> Map<String, Value> {
        let fields = json::entries(object, "/spec").filter(|(_, value)| !value.is_null());
        fields.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    };
    let (mut before, mut after) = (fields(old), fields(new));
    if before.get("volumeName").is_none_or(json::is_empty) {
        before.remove("volumeName");
        after.remove("volumeName");
    }
    let annotated = &old["metadata"]["annotations"][OLD_CLASS];
    if !before.contains_key("storageClassName")
        && (annotated.is_null() || after.get("storageClassName") == Some(annotated))
    {
        after.remove("storageClassName");
    }
    if new["status"]["phase"] == "Bound" {
        for fields in [&mut before, &mut after] {
            fields.remove("volumeAttributesClassName");
        }
        let size = &old["spec"]["resources"]["requests"]["storage"];
        if let Some(requests) = after.get_mut("resources").and_then(|all| all.get_mut("requests")) {
            json::set(requests, "storage", size.clone());
        }
    }
    (before, after)
}

/// An error when less storage is asked for than before, but for going back to what there is.
fn shrunk(spec: &Field<'_>, old: &Value) -> Option<FieldError> {
    let size = |value: &Value| Quantity::from_value(value).unwrap_or(Quantity::ZERO);
    let field = spec.at("resources").at("requests").at("storage");
    let (now, before) = (size(field.value), size(&old["spec"]["resources"]["requests"]["storage"]));
    let there = size(&old["status"]["capacity"]["storage"]);
    (now < before && now <= there).then(|| field.forbidden("field can not be less than status.capacity"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, told, with};
    use expect_test::expect;

    fn sound() -> Value {
        json!({"metadata": {"name": "c", "namespace": "default", "creationTimestamp": "1970-01-01T00:00:00Z"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}})
    }

    #[test]
    fn it_gets_what_is_promised() {
        let snapshot = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"});
        let mut object = defaulted(&PersistentVolumeClaim, with(sound(), "spec", &json!({"dataSource": snapshot})));
        PersistentVolumeClaim.prepare_create(&mut object);
        let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
            "volumeMode": "Filesystem", "dataSource": snapshot, "dataSourceRef": snapshot});
        assert_eq!((&object["spec"], &object["status"]), (&spec, &json!({"phase": "Pending"})));
        assert_eq!(told(&PersistentVolumeClaim.validate(&object)), "");
        let other = json!({"apiGroup": "a.io", "kind": "X", "name": "x"});
        let mut object = defaulted(&PersistentVolumeClaim, with(sound(), "spec", &json!({"dataSourceRef": other})));
        PersistentVolumeClaim.prepare_create(&mut object);
        assert!(object["spec"].get("dataSource").is_none());
    }

    #[test]
    fn what_is_wrong_is_told() {
        check(
            &PersistentVolumeClaim,
            &json!({"metadata": {"name": "c"}}),
            &expect![[r#"
            spec.accessModes: Required value: at least 1 access mode is required
            spec.resources[storage]: Required value"#]],
        );
        let bad = json!({"accessModes": ["ReadWriteOncePod", "ReadWriteMany", "Often"], "volumeMode": "Tape",
            "resources": {"requests": {"storage": "0"}}, "storageClassName": "A", "volumeAttributesClassName": "B",
            "selector": {"matchExpressions": [{"key": "a", "operator": "In"}]},
            "dataSource": {"kind": "Secret", "name": ""},
            "dataSourceRef": {"apiGroup": "a_b", "kind": "X", "name": "y", "namespace": "Z"}});
        check(
            &PersistentVolumeClaim,
            &with(sound(), "spec", &bad),
            &expect![[r#"
            spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
            spec.accessModes: Unsupported value: "Often": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"
            spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes
            spec.resources[storage]: Invalid value: "0": must be greater than zero
            spec.storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"
            spec.dataSource.name: Required value
            spec.dataSource: Invalid value: "Secret": must be 'PersistentVolumeClaim' when referencing the default apiGroup
            spec.dataSourceRef.apiGroup: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.dataSourceRef.namespace: Invalid value: "Z": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec: Invalid value: {}: may not be specified when dataSourceRef.namespace is specified
            spec.volumeAttributesClassName: Invalid value: "B": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#]],
        );
    }

    fn update(old: &Value, new: &Value) -> String {
        let bound = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
        let [old, new] = [old, new]
            .map(|spec| defaulted(&PersistentVolumeClaim, with(with(sound(), "spec", spec), "status", &bound)));
        told(&PersistentVolumeClaim.validate_update(&new, &old))
    }

    #[test]
    fn it_may_be_bound_and_grow_and_little_else() {
        let asking = |size: &str| json!({"resources": {"requests": {"storage": size}}});
        assert_eq!(update(&json!({}), &json!({"volumeName": "v", "storageClassName": "s"})), "");
        assert_eq!(update(&json!({"volumeAttributesClassName": "a"}), &json!({"volumeAttributesClassName": "b"})), "");
        assert_eq!(update(&asking("1Gi"), &asking("2Gi")), "");
        expect!["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]
            .assert_eq(&update(&asking("2Gi"), &asking("1Gi")));
        expect![[r#"
            spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims
            - volumeMode: "Filesystem"
            + volumeMode: "Block"
            - volumeName: "v"
            + volumeName: "w"
            volumeMode: Invalid value: "Block": field is immutable"#]].assert_eq(&update(&json!({"volumeName": "v"}), &json!({"volumeName": "w", "volumeMode": "Block"})));
        expect!["spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden"]
            .assert_eq(&update(&json!({"volumeAttributesClassName": "a"}), &json!({})));
    }

    #[test]
    fn a_row_shows_the_volume_once_there_is_one() {
        let row = |object: &Value| Value::from(PersistentVolumeClaim.cells(object, Timestamp::UNIX_EPOCH));
        let mut object = with(defaulted(&PersistentVolumeClaim, sound()), "spec", &json!({"storageClassName": "std"}));
        object["status"] = json!({"phase": "Pending"});
        assert_eq!(row(&object), json!(["c", "Pending", "", "", "", "std", "<unset>", "0s", "Filesystem"]));
        object["spec"]["volumeName"] = "pv1".into();
        object["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany", "ReadWriteOnce"]});
        assert_eq!(row(&object), json!(["c", "Bound", "pv1", "1Gi", "RWO,RWX", "std", "<unset>", "0s", "Filesystem"]));
    }
}
