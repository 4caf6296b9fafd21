//! PersistentVolume: storage that outlives pods.

use serde_json::{Map, Value, json};

use super::storage;
use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Kind, Scope, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::volume::{self, OF_CLUSTER, Owner};
use crate::{claim_spec, json, name, pod_spec, resource_name};

const COLUMNS: &[Column] = &[
    NAME,
    column("Capacity", "string", "Its size."),
    column("Access Modes", "string", "How it may be mounted."),
    column("Reclaim Policy", "string", "What becomes of it when its claim goes."),
    column("Status", "string", "Whether it is bound to a claim."),
    column("Claim", "string", "The claim that it is bound to."),
    column("StorageClass", "string", "Class of storage that it belongs to."),
    column("VolumeAttributesClass", "string", "Class of attributes that it has."),
    column("Reason", "string", "Why it is in this state."),
    AGE,
    wide("VolumeMode", "string", "Whether it is a file system or a block device."),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["pv"],
        scope: Scope::Cluster,
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.PersistentVolume",
        ..base("", "PersistentVolume", "persistentvolumes", &PersistentVolume)
    }
}

#[derive(Debug)]
struct PersistentVolume;

impl Strategy for PersistentVolume {
    fn default(&self, object: &mut Value) {
        if let Some(status) = json::part(object, "status") {
            json::fill(status, "phase", "Pending");
        }
        let Some(spec) = json::part(object, "spec") else { return };
        json::fill(spec, "persistentVolumeReclaimPolicy", "Retain");
        json::fill(spec, "volumeMode", "Filesystem");
        pod_spec::default_sources(spec);
        if let Some(capacity) = spec.get_mut("capacity") {
            pod_spec::canonical_amounts(capacity);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        let made = json::text(object, "/metadata/creationTimestamp").to_owned();
        json::set(object, "status", json!({"phase": "Pending", "lastPhaseTransitionTime": made}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let modes = spec.at("accessModes");
        let mut errors: Errors = modes.must().into_iter().collect();
        errors.extend(claim_spec::known_modes(&modes));
        errors.extend(capacity(&spec.at("capacity")));
        let policy = spec.at("persistentVolumeReclaimPolicy");
        errors.extend(policy.one_of(&["Delete", "Recycle", "Retain"]));
        errors.extend(affinity(&spec.at("nodeAffinity")));
        let owner = Owner::Cluster(json::text(object, "/metadata/name"));
        errors.extend(volume::only_source(&spec, OF_CLUSTER, |name, source| {
            let mut errors = volume::source(name, source, owner);
            if name == "local" && !spec.at("nodeAffinity").is_set() {
                errors.push(spec.at("nodeAffinity").required("Local volume requires node affinity"));
            }
            errors
        }));
        let whole_host = is_root(spec.at("hostPath").at("path").text());
        if whole_host && policy.text() == "Recycle" {
            errors.push(policy.forbidden("may not be 'recycle' for a hostPath mount of '/'"));
        }
        errors.extend(spec.at("storageClassName").named(name::subdomain));
        errors.extend(claim_spec::volume_mode(&spec.at("volumeMode")));
        let class = spec.at("volumeAttributesClassName");
        if class.is_set() {
            errors.extend(class.is_empty().then(|| class.required("an empty string is disallowed")));
            errors.extend(class.named(name::subdomain));
            let driver = spec.at("csi");
            let why = "has to be specified when using volumeAttributesClassName";
            errors.extend((!driver.is_set()).then(|| driver.required(why)));
        }
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors = Errors::new();
        let (before, mut after) = (sources(&old["spec"]), sources(spec.value));
        // This secret may be named later.
        let expand = "controllerExpandSecretRef";
        if before.get("csi").is_some_and(|driver| driver[expand].is_null())
            && let Some(driver) = after.get_mut("csi").and_then(Value::as_object_mut)
        {
            driver.remove(expand);
        }
        if before != after {
            let why = "spec.persistentvolumesource is immutable after creation";
            let difference = storage::difference(&before, &after);
            errors.push(spec.at("persistentvolumesource").forbidden(format!("{why}\n{difference}")));
        }
        errors.extend(storage::same_mode(object, old));
        let affinity = spec.at("nodeAffinity");
        if !old["spec"]["nodeAffinity"].is_null() {
            errors.extend(affinity.unchanged(&old["spec"]["nodeAffinity"]));
        }
        let class = spec.at("volumeAttributesClassName");
        if !class.is_set() && !old["spec"]["volumeAttributesClassName"].is_null() {
            errors.push(class.forbidden("update from non-nil value to nil is forbidden"));
        }
        errors
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let spec = Field::root(object).at("spec");
        let size = spec.at("capacity").entry("storage");
        let mut told: Vec<String> = pod_spec::parts_of_bytes(&size).into_iter().collect();
        if spec.at("persistentVolumeReclaimPolicy").text() == "Recycle" {
            let why = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic \
                       provisioning.";
            told.push(format!("spec.persistentVolumeReclaimPolicy: {why}"));
        }
        told
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let text = |pointer| json::text(object, pointer);
        let claim = match (text("/spec/claimRef/namespace"), text("/spec/claimRef/name")) {
            ("", "") => String::new(),
            (namespace, name) => format!("{namespace}/{name}"),
        };
        vec![
            cells::name(object),
            text("/spec/capacity/storage").into(),
            storage::modes(json::items(object, "/spec/accessModes")).into(),
            text("/spec/persistentVolumeReclaimPolicy").into(),
            storage::phase(object).into(),
            claim.into(),
            storage::class(object).into(),
            cells::or(text("/spec/volumeAttributesClassName"), cells::UNSET).into(),
            text("/status/reason").into(),
            cells::age(object, now),
            cells::or(text("/spec/volumeMode"), cells::UNSET).into(),
        ]
    }
}

/// What of a spec says where the volume comes from.
fn sources(spec: &Value) -> Map<String, Value> {
    let given = json::entries(spec, "").filter(|(name, value)| OF_CLUSTER.contains(name) && !value.is_null());
    given.map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

fn is_root(path: &str) -> bool {
    path.starts_with('/') && path.split('/').all(|part| part.is_empty() || part == ".")
}

/// A volume has a size, and nothing else.
fn capacity(capacity: &Field<'_>) -> Errors {
    let mut errors: Errors = capacity.must().into_iter().collect();
    if !capacity.entry("storage").is_set() || capacity.entries().count() > 1 {
        errors.push(FieldError::not_supported_value(capacity.path(), capacity.value, &["storage"]));
    }
    for (name, entry) in capacity.entries() {
        errors.extend(resource_name::positive(&entry, name));
    }
    errors
}

fn affinity(affinity: &Field<'_>) -> Errors {
    if !affinity.is_set() {
        return Errors::new();
    }
    let required = affinity.at("required");
    if required.is_set() {
        return pod_spec::node_selector(&required);
    }
    vec![required.required("must specify required node constraints")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, told, with};
    use expect_test::{Expect, expect};

    fn sound() -> Value {
        json!({"metadata": {"name": "v", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": {
            "capacity": {"storage": "1024Mi"}, "accessModes": ["ReadOnlyMany", "ReadWriteOnce"],
            "storageClassName": "std", "hostPath": {"path": "/data"}}})
    }

    #[test]
    fn it_gets_what_is_promised() {
        let mut object = defaulted(&PersistentVolume, sound());
        PersistentVolume.prepare_create(&mut object);
        assert_eq!(told(&PersistentVolume.validate(&object)), "");
        let spec = json!({"capacity": {"storage": "1Gi"}, "accessModes": ["ReadOnlyMany", "ReadWriteOnce"],
            "storageClassName": "std", "hostPath": {"path": "/data", "type": ""}, "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Retain"});
        assert_eq!(object["spec"], spec);
        assert_eq!(object["status"]["phase"], "Pending");
    }

    #[test]
    fn what_is_wrong_is_told() {
        check(
            &PersistentVolume,
            &json!({"metadata": {"name": "v"}}),
            &expect![[r#"
            spec.accessModes: Required value
            spec.capacity: Required value
            spec.capacity: Unsupported value: null: supported values: "storage"
            spec: Required value: must specify a volume type"#]],
        );
        let bad = json!({"capacity": {"storage": "0", "cpu": "1"}, "accessModes": ["Often"], "volumeMode": "Tape",
            "persistentVolumeReclaimPolicy": "Burn", "hostPath": {"path": "../x", "type": "Cat"}, "local": {},
            "nodeAffinity": {}, "storageClassName": "A", "volumeAttributesClassName": ""});
        check(
            &PersistentVolume,
            &with(sound(), "spec", &bad),
            &expect![[r#"
            spec.accessModes: Unsupported value: "Often": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"
            spec.capacity: Unsupported value: {"cpu":"1","storage":"0"}: supported values: "storage"
            spec.capacity[storage]: Invalid value: "0": must be greater than zero
            spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"
            spec.nodeAffinity.required: Required value: must specify required node constraints
            spec.hostPath.path: Invalid value: "../x": must not contain '..'
            spec.hostPath.type: Unsupported value: "Cat": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"
            spec.local: Forbidden: may not specify more than 1 volume type
            spec.storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"
            spec.volumeAttributesClassName: Required value: an empty string is disallowed
            spec.csi: Required value: has to be specified when using volumeAttributesClassName"#]],
        );
        let recycled = json!({"persistentVolumeReclaimPolicy": "Recycle", "hostPath": {"path": "//"}});
        check(
            &PersistentVolume,
            &with(sound(), "spec", &recycled),
            &expect!["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
        );
    }

    fn check_sources(sources: impl IntoIterator<Item = (&'static str, Value, Expect)>) {
        for (name, source, expected) in sources {
            let mut object = sound();
            object["spec"]["hostPath"] = Value::Null;
            object["spec"][name] = source;
            check(&PersistentVolume, &object, &expected);
        }
    }

    #[test]
    fn each_source_asks_for_what_it_needs() {
        let initiator =
            json!({"iqn": "iqn.2001-04.com.example", "initiatorName": "x", "lun": 300, "chapAuthSession": true});
        check_sources([
            (
                "local",
                json!({"path": ""}),
                expect![[r#"
                spec.local.path: Required value
                spec.nodeAffinity: Required value: Local volume requires node affinity"#]],
            ),
            (
                "nfs",
                json!({"path": "a"}),
                expect![[r#"
                spec.nfs.server: Required value
                spec.nfs.path: Invalid value: "a": must be an absolute path"#]],
            ),
            (
                "csi",
                json!({"driver": "a_b", "nodeExpandSecretRef": {}}),
                expect![[r#"
                spec.csi.driver: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.csi.volumeHandle: Required value
                spec.csi.nodeExpandSecretRef.name: Required value
                spec.csi.nodeExpandSecretRef.namespace: Required value"#]],
            ),
            (
                "iscsi",
                initiator,
                expect![[r#"
                spec.iscsi.targetPortal: Required value
                spec.iscsi.iqn: Invalid value: "iqn.2001-04.com.example": must be valid format
                spec.iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive
                spec.iscsi.secretRef: Required value
                spec.iscsi.initiatorname: Invalid value: "x": must be valid format"#]],
            ),
            (
                "fc",
                json!({"targetWWNs": ["a"], "wwids": ["b"]}),
                expect![[r#"
                spec.fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simultaneously
                spec.fc.lun: Required value: lun is required if targetWWNs is specified"#]],
            ),
        ]);
    }

    #[test]
    fn each_source_of_a_vendor_asks_for_what_it_needs() {
        check_sources([
            (
                "gcePersistentDisk",
                json!({"partition": 300}),
                expect![[r#"
                spec.persistentDisk.pdName: Required value
                spec.persistentDisk.partition: Invalid value: 300: must be between 1 and 255, inclusive"#]],
            ),
            (
                "azureDisk",
                json!({"diskName": "d", "diskURI": "x", "kind": "Managed"}),
                expect![[
                    r#"spec.azureDisk.diskURI: Unsupported value: "x": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}""#
                ]],
            ),
            (
                "flexVolume",
                json!({"driver": "d", "options": {"x.k8s.io/a": "b"}}),
                expect![[
                    r#"spec.flexVolume.options[x.k8s.io/a]: Invalid value: "x.k8s.io/a": kubernetes.io and k8s.io namespaces are reserved"#
                ]],
            ),
            (
                "quobyte",
                json!({"registry": "a", "volume": "v"}),
                expect![[
                    r#"spec.quobyte.registry: Invalid value: "a": must be a host:port pair or multiple pairs separated by commas"#
                ]],
            ),
            (
                "flocker",
                json!({"datasetName": "a/b", "datasetUUID": "u"}),
                expect![[r#"
                spec.flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously
                spec.flocker.datasetName: Invalid value: "a/b": must not contain '/'"#]],
            ),
            (
                "storageos",
                json!({"secretRef": {}}),
                expect![[r#"
                spec.storageos.volumeName: Required value
                spec.storageos.secretRef.name: Required value
                spec.storageos.secretRef.namespace: Required value"#]],
            ),
            (
                "cinder",
                json!({"secretRef": {"name": "a"}}),
                expect![[r#"
                spec.cinder.volumeID: Required value
                spec.cinder.secretRef.namespace: Required value"#]],
            ),
        ]);
    }

    #[test]
    fn where_it_comes_from_stays() {
        let old = defaulted(&PersistentVolume, sound());
        let moved = json!({"hostPath": {"path": "/other", "type": ""}, "volumeMode": "Block"});
        let errors = PersistentVolume.validate_update(&with(old.clone(), "spec", &moved), &old);
        expect![[r#"
            spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation
            - hostPath: {"path":"/data","type":""}
            + hostPath: {"path":"/other","type":""}
            volumeMode: Invalid value: "Block": field is immutable"#]]
        .assert_eq(&told(&errors));
    }

    #[test]
    fn a_row_tells_what_it_is_and_whose() {
        let mut object = defaulted(&PersistentVolume, sound());
        let row = |object: &Value| Value::from(PersistentVolume.cells(object, Timestamp::UNIX_EPOCH));
        let expected =
            json!(["v", "1Gi", "RWO,ROX", "Retain", "Pending", "", "std", "<unset>", "", "0s", "Filesystem"]);
        assert_eq!(row(&object), expected);
        object["spec"]["claimRef"] = json!({"namespace": "n", "name": "c"});
        assert_eq!(row(&object)[5], "n/c");
    }
}
