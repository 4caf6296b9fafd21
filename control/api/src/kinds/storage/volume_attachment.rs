//! VolumeAttachment: a volume that is to be attached to a node.

use serde_json::{Value, json};

use super::{GROUP, driver};
use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Generation, Kind, Scope, StatusKeeps, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

const COLUMNS: &[Column] = &[
    NAME,
    Column { format: "name", ..column("Attacher", "string", "Driver that attaches it.") },
    column("PV", "string", "Volume."),
    column("Node", "string", "Node."),
    column("Attached", "boolean", "Whether it is attached."),
    AGE,
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags {
            needs_revision_on_update: true,
            returns_deleted: true,
            generation: Generation::Never,
            status_keeps: StatusKeeps::Metadata,
            ..Flags::default()
        },
        schema: "io.k8s.api.storage.v1.VolumeAttachment",
        ..base(GROUP, "VolumeAttachment", "volumeattachments", &VolumeAttachment)
    }
}

#[derive(Debug)]
struct VolumeAttachment;

impl Strategy for VolumeAttachment {
    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({"attached": false}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let spec = root.at("spec");
        let node = spec.at("nodeName");
        let mut errors: Errors = spec.at("attacher").must().into_iter().collect();
        errors.extend(source(&spec.at("source")));
        errors.extend(name::subdomain(node.text()).into_iter().map(|why| node.invalid_part(node.text(), why)));
        errors
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        let status = Field::root(object).at("status");
        let failures = ["attachError", "detachError"].map(|name| failure(&status.at(name)));
        metadata(&status.at("attachmentMetadata")).into_iter().chain(failures.into_iter().flatten()).collect()
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let volume = spec.at("source").at("persistentVolumeName");
        let mut errors = driver::csi(&spec.at("attacher"));
        if volume.is_set() {
            errors.extend(name::subdomain(volume.text()).into_iter().map(|why| volume.invalid(why)));
        }
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        Field::root(object).at("spec").unchanged(&old["spec"]).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let spec = |field: &str| Value::from(json::text(object, &format!("/spec/{field}")));
        vec![
            cells::name(object),
            spec("attacher"),
            spec("source/persistentVolumeName"),
            spec("nodeName"),
            json::boolean(object, "/status/attached").into(),
            cells::age(object, now),
        ]
    }
}

fn source(source: &Field<'_>) -> Option<FieldError> {
    let why = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    let (inline, volume) = (source.at("inlineVolumeSpec"), source.at("persistentVolumeName"));
    match (inline.is_set(), volume.is_set()) {
        (false, false) => Some(source.required(why)),
        (true, true) => Some(source.forbidden(why)),
        (false, true) => volume.is_empty().then(|| volume.required("must specify non empty persistentVolumeName")),
        (true, false) => None,
    }
}

/// Most bytes of what a driver told of an attachment, keys and values.
const METADATA_MAX: usize = 256 * 1024;

fn metadata(metadata: &Field<'_>) -> Option<FieldError> {
    let size: usize = metadata.entries().map(|(key, value)| key.len() + value.text().len()).sum();
    (size > METADATA_MAX).then(|| metadata.too_long(METADATA_MAX))
}

/// Everything wrong with how attaching or detaching failed.
fn failure(failure: &Field<'_>) -> Errors {
    const MESSAGE_MAX: usize = 1024;
    let message = failure.at("message");
    // Kubernetes judges by the one limit and tells the other.
    let long = (message.text().len() > MESSAGE_MAX).then(|| message.too_long(METADATA_MAX));
    long.into_iter().chain(failure.at("errorCode").within(0, i64::from(i32::MAX))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::{Expect, expect};

    fn attachment(source: &Value) -> Value {
        json!({"metadata": {"name": "a"}, "spec": {"attacher": "a.b", "nodeName": "n", "source": source}})
    }

    fn check(source: &Value, expected: &Expect) {
        expected.assert_eq(&told(&VolumeAttachment.validate(&attachment(source))));
    }

    #[test]
    fn it_is_of_one_volume() {
        check(&json!({"persistentVolumeName": "pv"}), &expect![""]);
        check(&json!({"inlineVolumeSpec": {}}), &expect![""]);
        check(
            &json!({}),
            &expect![
                "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"
            ],
        );
        check(
            &json!({"persistentVolumeName": ""}),
            &expect!["spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName"],
        );
        check(
            &json!({"persistentVolumeName": "a", "inlineVolumeSpec": {}}),
            &expect!["spec.source: Forbidden: must specify exactly one of inlineVolumeSpec and persistentVolumeName"],
        );
    }

    #[test]
    fn names_are_names_and_failures_are_short() {
        let bad = json!({"spec": {"source": {"persistentVolumeName": "A"}, "nodeName": "N"},
            "status": {"attachError": {"message": "x".repeat(1025), "errorCode": -1}, "attachmentMetadata": {"a": "x".repeat(262_144)}}});
        expect![[r#"
            spec.attacher: Required value
            spec.nodeName: Invalid value: "N": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#]]
        .assert_eq(&told(&VolumeAttachment.validate(&bad)));
        expect![[r#"
            status.attachmentMetadata: Too long: may not be more than 262144 bytes
            status.attachError.message: Too long: may not be more than 262144 bytes
            status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive"#]]
        .assert_eq(&told(&VolumeAttachment.validate_status(&bad, &bad)));
        let mut new = attachment(&json!({"persistentVolumeName": "A"}));
        new["spec"]["attacher"] = "a_b".into();
        assert_eq!(VolumeAttachment.validate_create(&new).len(), 2);
    }

    #[test]
    fn what_is_attached_where_stays() {
        let (new, old) =
            (attachment(&json!({"persistentVolumeName": "a"})), attachment(&json!({"persistentVolumeName": "b"})));
        expect![[r#"spec: Invalid value: {"attacher":"a.b","nodeName":"n","source":{"persistentVolumeName":"a"}}: field is immutable"#]]
            .assert_eq(&told(&VolumeAttachment.validate_update(&new, &old)));
    }

    #[test]
    fn a_new_one_is_not_attached_yet() {
        let mut object = attachment(&json!({"persistentVolumeName": "pv"}));
        object["status"] = json!({"attached": true});
        VolumeAttachment.prepare_create(&mut object);
        let row = Value::from(VolumeAttachment.cells(&object, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["a", "a.b", "pv", "n", false, "<unknown>"]));
    }
}
