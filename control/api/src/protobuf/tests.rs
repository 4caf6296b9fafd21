//! Bodies in protobuf against the same objects in JSON.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::encode::{self, bytes, varint};
use super::{DEPTH_MAX, VALUES_MAX};
use crate::decode::{Decoded, FieldValidation, MediaType, Target, decode};
use crate::status::Status;

mod random;

fn read<'a>(body: &[u8], target: impl Into<Target<'a>>) -> Result<Decoded, Status> {
    decode(body, MediaType::Protobuf, target)
}

fn core(kind: &str) -> Target<'_> {
    Target::of("", "v1", kind)
}

/// A body of the endpoint's own kind with this message.
fn plain(message: &[u8]) -> Vec<u8> {
    encode::envelope(&[bytes(2, message)])
}

/// What a body becomes: the object and what is found in it, or the refusal.
fn check(body: &[u8], target: Target<'_>, expected: &Expect) {
    let text = match read(body, target) {
        Ok(decoded) => {
            let findings = decoded.findings.iter().map(|finding| format!("\n{finding}"));
            format!("{}{}", decoded.object, findings.collect::<String>())
        }
        Err(status) => format!("{} {}: {}", status.code, status.reason, status.message),
    };
    expected.assert_eq(&text);
}

/// An object comes back from Go's form as it was.
fn same(object: &Value, target: Target<'_>) {
    let decoded = read(&encode::body(target.schema.unwrap(), object), target).unwrap();
    assert_eq!((&decoded.object, decoded.findings), (object, Vec::new()));
}

#[test]
fn bodies_recorded_from_kubectl_are_read_without_their_empty_values() {
    // kubectl 1.37.1: create secret generic s --from-literal=pw=hunter2
    check(
        include_bytes!("recorded/secret.bin"),
        core("Secret"),
        &expect![[r#"{"apiVersion":"v1","data":{"pw":"aHVudGVyMg=="},"kind":"Secret","metadata":{"name":"s"}}"#]],
    );
    // create service clusterip svc --tcp=80:8080
    check(
        include_bytes!("recorded/service.bin"),
        core("Service"),
        &expect![[
            r#"{"apiVersion":"v1","kind":"Service","metadata":{"labels":{"app":"svc"},"name":"svc"},"spec":{"ports":[{"name":"80-8080","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"svc"},"type":"ClusterIP"}}"#
        ]],
    );
    // create deployment web --image=nginx:1.27 --port=80 --replicas=0
    check(
        include_bytes!("recorded/deployment.bin"),
        Target::of("apps", "v1", "Deployment"),
        &expect![[
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"app":"web"},"name":"web"},"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"nginx:1.27","name":"nginx","ports":[{"containerPort":80}]}]}}}}"#
        ]],
    );
}

#[test]
fn what_go_holds_by_pointer_counts_when_it_is_empty() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {
        "containers": [{"name": "c", "securityContext": {"runAsUser": 0, "privileged": false}, "livenessProbe": {
            "httpGet": {"port": 0}, "initialDelaySeconds": 3}, "env": [{"name": "e", "valueFrom": {"configMapKeyRef":
            {"name": "m", "key": "k", "optional": false}}}]}],
        "terminationGracePeriodSeconds": 0, "enableServiceLinks": false, "securityContext": {},
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"defaultMode": 0, "secretName": "s"}}],
    }});
    same(&pod, core("Pod"));
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 0, "selector": {},
        "template": {"spec": {"containers": []}}, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}}});
    let target = Target::of("apps", "v1", "Deployment");
    let read = read(&encode::body(target.schema.unwrap(), &deployment), target).unwrap().object;
    let mut expected = deployment;
    expected["spec"]["template"] = json!({});
    assert_eq!(read, expected, "a list cannot be empty in protobuf, a required object can");
}

#[test]
fn messages_of_one_value_read_as_in_json() {
    same(
        &json!({"apiVersion": "v1", "kind": "Secret", "data": {"k": "AAH/", "empty": ""}, "type": "Opaque",
            "metadata": {"creationTimestamp": "2026-11-23T10:09:27Z", "name": "s", "deletionTimestamp": "1970-01-01T00:00:00Z",
                "managedFields": [{"fieldsV1": {"f:data": {".": {}}}, "manager": "m", "time": "1969-12-31T23:59:59Z"}]}}),
        core("Secret"),
    );
    same(
        &json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "spec": {"renewTime": "2026-11-23T10:09:27.123456Z", "leaseTransitions": 0}}),
        Target::of("coordination.k8s.io", "v1", "Lease"),
    );
    same(
        &json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "spec": {"resources": {"requests": {"storage": "1500m", "x": "0"}}}}),
        core("PersistentVolumeClaim"),
    );
    same(
        &json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "spec": {"request": "YQ==", "signerName": "x/y", "extra": {"a": ["1", "2"]}}}),
        Target::of("certificates.k8s.io", "v1", "CertificateSigningRequest"),
    );
    same(
        &json!({"apiVersion": "apps/v1", "kind": "ControllerRevision", "data": {"any": [1, null]}, "revision": -1}),
        Target::of("apps", "v1", "ControllerRevision"),
    );
    same(
        &json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": {"uid": "u"}}),
        core("DeleteOptions"),
    );
}

#[test]
fn lists_of_numbers_are_read_packed_and_unpacked() {
    let groups = |parts: Vec<Vec<u8>>| plain(&bytes(2, &bytes(14, &parts.concat())));
    for parts in
        [vec![varint(4, 7), varint(4, 300)], vec![bytes(4, &[7, 0xac, 2])], vec![varint(4, 7), bytes(4, &[0xac, 2])]]
    {
        let read = read(&groups(parts), core("Pod")).unwrap().object;
        assert_eq!(read["spec"], json!({"securityContext": {"supplementalGroups": [7, 300]}}));
    }
}

#[test]
fn of_a_value_given_twice_the_last_counts_and_objects_are_put_together() {
    let name = |name: &[u8]| bytes(1, &bytes(1, name));
    let label = bytes(1, &bytes(11, &[bytes(1, b"a"), bytes(2, b"b")].concat()));
    check(
        &plain(&[name(b"x"), label.clone(), name(b"y")].concat()),
        core("ConfigMap"),
        &expect![[r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"labels":{"a":"b"},"name":"y"}}"#]],
    );
    check(
        &plain(&[name(b"x"), label, name(b"")].concat()),
        core("ConfigMap"),
        &expect![[r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"labels":{"a":"b"}}}"#]],
    );
}

#[test]
fn numbers_that_the_type_does_not_have_are_told_when_they_say_something() {
    let silent = [varint(77, 0), bytes(78, b""), bytes(79, &[bytes(1, b""), varint(2, 0)].concat())].concat();
    let loud = bytes(2, &[bytes(2, &[bytes(1, b"c"), bytes(99, b"new")].concat()), varint(98, 1)].concat());
    let body = plain(&[silent, loud].concat());
    check(
        &body,
        core("Pod"),
        &expect![[r#"
        {"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"c"}]}}
        unknown field "spec.containers[0].#99"
        unknown field "spec.#98""#]],
    );
    let strict = read(&body, core("Pod")).unwrap().judge(FieldValidation::Strict, core("Pod")).unwrap_err();
    expect![[r#"Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].#99", unknown field "spec.#98""#]].assert_eq(&strict.message);
}

#[test]
fn the_envelope_names_the_kind_or_leaves_it_to_the_endpoint() {
    let kind =
        |version: &[u8], kind: &[u8]| encode::envelope(&[bytes(1, &[bytes(1, version), bytes(2, kind)].concat())]);
    check(b"k8s\0", core("ConfigMap"), &expect![[r#"{"apiVersion":"v1","kind":"ConfigMap"}"#]]);
    check(&kind(b"", b""), core("ConfigMap"), &expect![[r#"{"apiVersion":"v1","kind":"ConfigMap"}"#]]);
    check(
        &kind(b"v1", b"Pod"),
        core("ConfigMap"),
        &expect![[
            r#"400 BadRequest: Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion"#
        ]],
    );
    check(
        &kind(b"apps/v1", b"DeleteOptions"),
        core("DeleteOptions"),
        &expect![[r#"{"apiVersion":"apps/v1","kind":"DeleteOptions"}"#]],
    );
    let custom = Target { schema: None, ..Target::of("x.io", "v1", "Thing") };
    check(
        &kind(b"x.io/v1", b"Thing"),
        custom,
        &expect![
            "415 UnsupportedMediaType: the body of the request was in an unknown format - accepted media types include: application/json, application/yaml"
        ],
    );
}

#[test]
fn what_is_no_message_is_refused_with_its_place() {
    let refused = |body: &[u8], expected: &Expect| check(body, core("ConfigMap"), expected);
    refused(
        b"",
        &expect![
            "400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): protobuf: byte 0 of the body: the body does not begin with `k8s` and a zero byte ()"
        ],
    );
    refused(
        br#"{"kind":"ConfigMap","apiVersion":"v1"}"#,
        &expect![
            "400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): protobuf: byte 0 of the body: the body does not begin with `k8s` and a zero byte (7b226b696e64223a22436f6e6669674d6170222c2261706956657273696f ...)"
        ],
    );
    refused(
        &encode::envelope(&[bytes(3, b"gzip")]),
        &expect![[
            r#"400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): protobuf: byte 4 of the body: content of the type "" and the encoding "gzip" is not read: send it plain (6b3873001a04677a6970)"#
        ]],
    );
    refused(
        &encode::envelope(&[bytes(4, b"application/json")]),
        &expect![[
            r#"400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): protobuf: byte 4 of the body: content of the type "application/json" and the encoding "" is not read: send it plain (6b38730022106170706c69636174696f6e2f6a736f6e)"#
        ]],
    );
    refused(
        b"k8s\0\x12\x05\x0a",
        &expect![
            "400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): protobuf: byte 6 of the body: the value ends beyond the end of the message (6b38730012050a)"
        ],
    );
    refused(
        &plain(&[bytes(1, b""), varint(2, 5)].concat()),
        &expect![[
            r#"400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: protobuf: byte 9 of the body: the field is written as a whole number, not as bytes"#
        ]],
    );
    refused(
        &plain(&bytes(1, &bytes(1, &[0xff]))),
        &expect![[
            r#"400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: protobuf: byte 10 of the body: the text is no UTF-8"#
        ]],
    );
    refused(
        &plain(&[0x0b]),
        &expect![[
            r#"400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: protobuf: byte 6 of the body: no field has the key 11"#
        ]],
    );
    refused(
        &plain(&[0xff; 11]),
        &expect![[
            r#"400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: protobuf: byte 6 of the body: the number is longer than 64 bits"#
        ]],
    );
    refused(
        &plain(&bytes(1, &bytes(8, &varint(1, i64::MAX)))),
        &expect![[
            r#"400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: protobuf: byte 10 of the body: 9223372036854775807 seconds and 0 nanoseconds since 1970 is no time"#
        ]],
    );
    refused(
        &plain(&bytes(1, &bytes(17, &bytes(7, &bytes(1, b"{"))))),
        &expect![[
            r#"400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: protobuf: byte 15 of the body: the object inside is no JSON: EOF while parsing an object at line 1 column 1"#
        ]],
    );
}

#[test]
fn nesting_and_number_of_values_are_limited() {
    let definition = Target::of("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    // spec.versions.schema.openAPIV3Schema, then `not` in `not`: a message in each.
    let nested = |depth: usize| {
        let schema = (0..depth).fold(Vec::new(), |inner, _| bytes(28, &inner));
        plain(&bytes(2, &bytes(7, &bytes(4, &bytes(1, &schema)))))
    };
    assert!(read(&nested(DEPTH_MAX - 6), definition).is_ok());
    let deep = read(&nested(DEPTH_MAX), definition).unwrap_err();
    assert!(deep.message.contains("nested more than 100 deep"), "{}", deep.message);
    let many = plain(&bytes(2, &bytes(2, b"").repeat(VALUES_MAX)));
    let many = read(&many, core("Pod")).unwrap_err();
    assert!(many.message.contains("more than 500000 values"), "{}", many.message);
}
