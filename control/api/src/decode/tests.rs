//! Bodies as clients send them: what is read, what is refused, and in which words.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::kind::Kind;
use crate::kinds;

fn kind(group: &str, plural: &str) -> &'static Kind {
    kinds::find(group, "v1", plural).unwrap()
}

/// The object that a body becomes and what is found in it, or the refusal.
fn check(plural: &str, media: MediaType, body: &str, expected: &Expect) {
    let text = match decode(body.as_bytes(), media, kind("", plural)) {
        Ok(decoded) => {
            let findings = decoded.findings.iter().map(|finding| format!("\n{finding}"));
            format!("{}{}", decoded.object, findings.collect::<String>())
        }
        Err(status) => format!("{} {}: {}", status.code, status.reason, status.message),
    };
    expected.assert_eq(&text);
}

fn json(plural: &str, body: &str, expected: &Expect) {
    check(plural, MediaType::Json, body, expected);
}

fn yaml(plural: &str, body: &str, expected: &Expect) {
    check(plural, MediaType::Yaml, body, expected);
}

#[test]
fn kind_and_version_come_from_the_endpoint() {
    json(
        "configmaps",
        r#"{"data":{"a":"b"}}"#,
        &expect![[r#"{"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap"}"#]],
    );
    json("configmaps", r#"{"kind":"","apiVersion":null}"#, &expect![[r#"{"apiVersion":"v1","kind":"ConfigMap"}"#]]);
}

#[test]
fn what_says_nothing_is_not_kept() {
    json(
        "configmaps",
        r#"{"metadata":{"name":"n","labels":{},"finalizers":[],"generateName":""},"data":{},"immutable":false}"#,
        &expect![[r#"{"apiVersion":"v1","immutable":false,"kind":"ConfigMap","metadata":{"name":"n"}}"#]],
    );
    json(
        "pods",
        r#"{"spec":{"containers":[{"name":"c","resources":{},"stdin":false,"ports":[]}],"hostNetwork":false,"volumes":[{"name":"v","emptyDir":{}}]}}"#,
        &expect![[
            r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"c","resources":{}}],"volumes":[{"emptyDir":{},"name":"v"}]}}"#
        ]],
    );
}

#[test]
fn another_kind_or_version_is_refused_in_known_words() {
    json(
        "configmaps",
        r#"{"kind":"Pod","apiVersion":"v1"}"#,
        &expect![[
            r#"400 BadRequest: Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion"#
        ]],
    );
    json(
        "configmaps",
        r#"{"kind":"ConfigMap","apiVersion":"v2"}"#,
        &expect![[
            r#"400 BadRequest: ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme "pkg/api/legacyscheme/scheme.go:30""#
        ]],
    );
    let body = br#"{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v1"}"#;
    let newer = Target::of("autoscaling", "v2", "HorizontalPodAutoscaler");
    let refused = decode(body, MediaType::Json, newer).unwrap_err();
    assert_eq!(
        refused.message,
        "the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)"
    );
}

#[test]
fn options_of_any_group_are_one_kind() {
    let body = br#"{"kind":"DeleteOptions","apiVersion":"apps/v1","gracePeriodSeconds":0}"#;
    let decoded = decode(body, MediaType::Json, Target::of("", "v1", "DeleteOptions")).unwrap();
    assert_eq!(decoded.object["gracePeriodSeconds"], 0);
}

#[test]
fn what_is_no_object_is_refused() {
    json(
        "configmaps",
        "{bad",
        &expect![
            "400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'b' looking for beginning of object key string ({bad)"
        ],
    );
    json(
        "configmaps",
        "",
        &expect![
            "400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input ()"
        ],
    );
    json(
        "configmaps",
        "[1]",
        &expect![[
            r#"400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" } ([1])"#
        ]],
    );
    json(
        "configmaps",
        r#"{"kind":5,"data":{"aaaaaaaaaaaaaaa":"b"}}"#,
        &expect![[
            r#"400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":5,"data":{"aaaaaaaaaaa...)"#
        ]],
    );
    json(
        "configmaps",
        "{} {}",
        &expect![
            "400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '{' after top-level value ({} {})"
        ],
    );
    yaml(
        "configmaps",
        "a: [b",
        &expect![
            "400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): error converting YAML to JSON: yaml: did not find expected ',' or ']' at line 2 column 1, while parsing a flow sequence at line 1 column 4 (a: [b)"
        ],
    );
}

#[test]
fn a_value_of_a_wrong_type_is_told_by_its_path() {
    json(
        "pods",
        r#"{"spec":{"containers":"str"}}"#,
        &expect![[
            r#"400 BadRequest: Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container"#
        ]],
    );
    json(
        "pods",
        r#"{"spec":{"containers":[{"env":[{"name":"a","value":1}]}]}}"#,
        &expect![[
            r#"400 BadRequest: Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string"#
        ]],
    );
    json(
        "pods",
        r#"{"metadata":{"labels":{"a":true}}}"#,
        &expect![[
            r#"400 BadRequest: Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string"#
        ]],
    );
    json(
        "pods",
        r#"{"spec":{"containers":[{"ports":[{"containerPort":3000000000}]}]}}"#,
        &expect![[
            r#"400 BadRequest: Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number 3000000000 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"#
        ]],
    );
    json(
        "services",
        r#"{"spec":{"ports":[{"targetPort":true}]}}"#,
        &expect![[
            r#"400 BadRequest: Service in version "v1" cannot be handled as a Service: json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32"#
        ]],
    );
    json(
        "pods",
        r#"{"spec":{"containers":[{"resources":{"limits":{"cpu":"lots"}}}]}}"#,
        &expect![[
            r#"400 BadRequest: Pod in version "v1" cannot be handled as a Pod: spec.containers.resources.limits: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"#
        ]],
    );
    json(
        "secrets",
        r#"{"data":{"a":"?"}}"#,
        &expect![[
            r#"400 BadRequest: Secret in version "v1" cannot be handled as a Secret: data: illegal base64 data at input byte 0"#
        ]],
    );
    json(
        "pods",
        r#"{"metadata":{"creationTimestamp":"now"}}"#,
        &expect![[
            r#"400 BadRequest: Pod in version "v1" cannot be handled as a Pod: metadata.creationTimestamp: parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now""#
        ]],
    );
}

#[test]
fn null_is_absent_in_structs_and_empty_in_lists_and_maps() {
    json(
        "pods",
        r#"{"metadata":{"creationTimestamp":null},"spec":{"nodeName":null,"containers":[null]}}"#,
        &expect![[r#"{"apiVersion":"v1","kind":"Pod","metadata":{},"spec":{"containers":[{}]}}"#]],
    );
    json(
        "configmaps",
        r#"{"data":{"a":null}}"#,
        &expect![[r#"{"apiVersion":"v1","data":{"a":""},"kind":"ConfigMap"}"#]],
    );
}

#[test]
fn what_the_schema_does_not_know_is_pruned_and_told() {
    json(
        "pods",
        r#"{"foo":1,"spec":{"bar":{},"containers":[{"name":"a","imagee":"x"}]}}"#,
        &expect![[r#"
        {"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a"}]}}
        unknown field "foo"
        unknown field "spec.bar"
        unknown field "spec.containers[0].imagee""#]],
    );
    json(
        "pods",
        r#"{"metadata":{"name":"a","name":"b"},"spec":{"containers":[{"env":[],"env":[]}]},"spec":{}}"#,
        &expect![[r#"
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"},"spec":{}}
        duplicate field "metadata.name"
        duplicate field "spec.containers[0].env"
        duplicate field "spec""#]],
    );
    json(
        "configmaps",
        r#"{"data":{"free":"keys","are":"kept"}}"#,
        &expect![[r#"{"apiVersion":"v1","data":{"are":"kept","free":"keys"},"kind":"ConfigMap"}"#]],
    );
}

#[test]
fn yaml_reads_as_the_json_that_it_means() {
    yaml(
        "configmaps",
        "---\ndata:\n  1: one\n  true: \"2\"\n",
        &expect![[r#"{"apiVersion":"v1","data":{"1":"one","true":"2"},"kind":"ConfigMap"}"#]],
    );
    yaml(
        "configmaps",
        "data: {a: x, a: y}\n",
        &expect![[r#"
        {"apiVersion":"v1","data":{"a":"y"},"kind":"ConfigMap"}
        duplicate field "data.a""#]],
    );
    yaml(
        "configmaps",
        "data: {a: 1}\n",
        &expect![[
            r#"400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string"#
        ]],
    );
    yaml(
        "configmaps",
        "metadata: {name: a}\n---\nmetadata: {name: b}\n",
        &expect![[r#"
        400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): error converting YAML to JSON: yaml: deserializing from YAML containing more than one document is not supported (metadata: {name: a}
        ---
        metada...)"#]],
    );
}

#[test]
fn a_document_that_would_expand_without_end_is_refused() {
    let long = "x".repeat(100_000);
    let body = format!("data:\n  a: &a {long}\n  b: [{}]\n", "*a,".repeat(200));
    let refused = decode(body.as_bytes(), MediaType::Yaml, kind("", "configmaps")).unwrap_err();
    assert!(refused.message.contains("the document expands to too much"), "{}", refused.message);
}

#[test]
fn amounts_times_and_bytes_become_canonical() {
    json(
        "pods",
        r#"{"spec":{"overhead":{"cpu":"1000m","memory":1024,"storage":"0.5Gi"}}}"#,
        &expect![[
            r#"{"apiVersion":"v1","kind":"Pod","spec":{"overhead":{"cpu":"1","memory":"1024","storage":"512Mi"}}}"#
        ]],
    );
    json(
        "secrets",
        r#"{"data":{"a":"YWJj\nZGVm"},"metadata":{"creationTimestamp":"2026-11-23T11:09:27+01:00"}}"#,
        &expect![[
            r#"{"apiVersion":"v1","data":{"a":"YWJjZGVm"},"kind":"Secret","metadata":{"creationTimestamp":"2026-11-23T10:09:27Z"}}"#
        ]],
    );
}

#[test]
fn field_validation_decides_about_findings() {
    let pods = kind("", "pods");
    let decoded = decode(br#"{"spec":{"foo":1,"hostname":"a","hostname":"b"}}"#, MediaType::Json, pods).unwrap();
    let told = ["duplicate field \"spec.hostname\"", "unknown field \"spec.foo\""];
    let (object, warnings) = decoded.clone().judge(FieldValidation::Warn, pods).unwrap();
    assert_eq!((object, warnings.as_slice()), (decoded.object.clone(), told.map(String::from).as_slice()));
    assert_eq!(decoded.clone().judge(FieldValidation::Ignore, pods).unwrap().1, [] as [String; 0]);
    let refused = decoded.clone().judge(FieldValidation::Strict, pods).unwrap_err();
    let list = told.join(", ");
    assert_eq!(
        refused.message,
        format!("Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: {list}")
    );
    let patch = Patched { form: PatchType::Merge, text: b"{}", again: &|| json!({}) };
    let refused = decoded.judge_patch(FieldValidation::Strict, &patch).unwrap_err();
    assert_eq!(
        refused.message,
        format!(" \"\" is invalid: patch: Invalid value: \"{{}}\": strict decoding error: {list}")
    );
    assert_eq!(FieldValidation::parse(None).unwrap(), FieldValidation::Warn);
    let refused = FieldValidation::parse(Some("strict")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "fieldValidation: Unsupported value: \"strict\": supported values: \"Ignore\", \"Strict\", \"Warn\""
    );
}

/// What becomes of an object after a patch of that form and text.
fn patched(form: PatchType, text: &str, object: &Value) -> Result<Decoded, Status> {
    let again = || object.clone();
    Patched { form, text: text.as_bytes(), again: &again }.check(object.clone(), kind("", "pods"))
}

#[test]
fn a_patch_that_breaks_a_type_is_refused_in_the_words_of_its_form() {
    let refused = |form, spec: Value| {
        let object = json!({"spec": spec});
        let refused = patched(form, &object.to_string(), &object).unwrap_err();
        assert_eq!(refused.code, 422);
        refused.message.strip_prefix(" \"\" is invalid: patch: Invalid value: ").unwrap().to_owned()
    };
    let object = r#""{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"hostname\":5}}""#;
    let why = "json: cannot unmarshal number into Go struct field PodSpec.spec.hostname of type string";
    let with_kind = object.replace(r#"\"apiVersion\":\"v1\",\"kind\":\"Pod\","#, "");
    assert_eq!(refused(PatchType::Merge, json!({"hostname": 5})), format!("{with_kind}: {why}"));
    let strategic = |spec, patch: &str, why: &str| {
        assert_eq!(refused(PatchType::Strategic, spec), format!("\"map[spec:{patch}]\": {why}"));
    };
    strategic(json!({"hostname": 5}), "map[hostname:5]", "cannot convert int64 to string");
    strategic(json!({"priority": "x"}), "map[priority:x]", "unrecognized type: int32");
    strategic(json!({"containers": "x"}), "map[containers:x]", "cannot restore slice from string");
    strategic(json!({"nodeSelector": ["x"]}), "map[nodeSelector:[x]]", "cannot restore map from slice");
    strategic(json!({"securityContext": true}), "map[securityContext:true]", "cannot restore struct from: bool");
}

#[test]
fn a_patch_tells_what_stands_twice_in_it() {
    let patch = r#"{"spec":{"hostname":"a","hostname":"b"}}"#;
    let decoded = patched(PatchType::Merge, patch, &json!({"spec": {"hostname": "b"}})).unwrap();
    assert_eq!(decoded.findings, [Finding::Duplicate("spec.hostname".into())]);
    let operations = r#"[{"op":"add","path":"/spec/foo","value":1}]"#;
    let decoded = patched(PatchType::Json, operations, &json!({"spec": {"foo": 1}})).unwrap();
    assert_eq!(decoded.findings, [Finding::Unknown("spec.foo".into())]);
}

#[test]
fn a_custom_resource_keeps_its_fields_but_its_metadata_is_checked() {
    let custom = Target::of("ex.io", "v1", "Foo");
    let body = br#"{"kind":"Foo","spec":{"any":null},"metadata":{"nope":1}}"#;
    let decoded = decode(body, MediaType::Json, custom).unwrap();
    let expected = json!({"apiVersion": "ex.io/v1", "kind": "Foo", "spec": {"any": null}, "metadata": {}});
    assert_eq!(decoded.object, expected);
    assert_eq!(decoded.findings, [Finding::Unknown("metadata.nope".into())]);
    let nameless = decode(b"{}", MediaType::Json, custom).unwrap_err();
    let words = "Foo in version \"v1\" cannot be handled as a Foo: Object 'Kind' is missing in '{}'";
    assert_eq!(nameless.message, words);
}

/// Bodies of the names that a pod has, with values of any type.
fn body() -> impl Strategy<Value = serde_json::Value> {
    let names = ["kind", "metadata", "labels", "name", "creationTimestamp", "spec", "containers", "env", "ports", "x"];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        ".{0,5}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(6, 32, 4, move |inner| {
        let name = proptest::sample::select(names.to_vec()).prop_map(String::from);
        prop_oneof![
            4 => proptest::collection::btree_map(name, inner.clone(), 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            1 => proptest::collection::vec(inner, 0..4).prop_map(serde_json::Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64), yaml in any::<bool>()) {
        let media = if yaml { MediaType::Yaml } else { MediaType::Json };
        if let Err(refused) = decode(&bytes, media, kind("", "pods")) {
            prop_assert_eq!(refused.code, 400);
        }
    }

    #[test]
    fn what_was_decoded_decodes_to_itself(body in body()) {
        if let Ok(decoded) = decode(body.to_string().as_bytes(), MediaType::Json, kind("", "pods")) {
            let again = decode(decoded.object.to_string().as_bytes(), MediaType::Json, kind("", "pods")).unwrap();
            prop_assert_eq!((again.object, again.findings), (decoded.object, vec![]));
        }
    }
}
