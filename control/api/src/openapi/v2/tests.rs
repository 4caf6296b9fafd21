//! The v2 document as its clients read it.

use std::collections::BTreeSet;

use expect_test::expect;

use super::*;
use crate::kinds;

fn document() -> Value {
    let kinds: Vec<_> = kinds::all().iter().collect();
    serde_json::from_slice(&json(&kinds, &Descriptions::unpack().unwrap())).unwrap()
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let name = reference.strip_prefix("#/definitions/").unwrap();
        assert!(document["definitions"].get(name).is_some(), "{name}");
    }
}

#[test]
fn nothing_is_left_of_v3() {
    let text = document().to_string();
    for word in ["requestBody", "\"content\":", "components/schemas", "oneOf", "allOf"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn a_patch_tells_its_kind_its_body_and_its_parameters() {
    let document = document();
    let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Deployment");
    assert_eq!(patch["consumes"].as_array().unwrap().len(), 4);
    expect![[r##"
        [
          {
            "in": "body",
            "name": "body",
            "required": true,
            "schema": {
              "$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"
            }
          },
          {
            "description": "If 'true', the answer is indented.",
            "in": "query",
            "name": "pretty",
            "type": "string",
            "uniqueItems": true
          }
        ]"##]]
    .assert_eq(&serde_json::to_string_pretty(&patch["parameters"].as_array().unwrap()[..2]).unwrap());
}

#[test]
fn values_are_told() {
    let document = document();
    let of = |name: &str, field: &str| {
        document["definitions"][format!("io.k8s.api.core.v1.{name}")]["properties"][field].clone()
    };
    assert_eq!(of("PodSpec", "restartPolicy")["enum"], json!(["Always", "Never", "OnFailure"]));
    assert_eq!(of("ServiceSpec", "ipFamilies")["items"]["enum"], json!(["", "IPv4", "IPv6"]));
    let statuses = &of("PersistentVolumeClaimStatus", "allocatedResourceStatuses")["additionalProperties"]["enum"];
    assert_eq!(statuses.as_array().unwrap().len(), 5);
}

#[test]
fn a_field_of_a_type_keeps_what_is_said_of_it() {
    let document = document();
    let ports = &document["definitions"]["io.k8s.api.core.v1.Container"]["properties"]["ports"];
    assert_eq!(ports["items"], json!({"$ref": "#/definitions/io.k8s.api.core.v1.ContainerPort"}));
    assert_eq!(ports["x-kubernetes-patch-merge-key"], "containerPort");
    let resources = &document["definitions"]["io.k8s.api.core.v1.Container"]["properties"]["resources"];
    assert_eq!(resources["$ref"], "#/definitions/io.k8s.api.core.v1.ResourceRequirements");
    assert!(resources["description"].as_str().unwrap().starts_with("Compute Resources"));
    let quantity = &document["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"];
    assert_eq!(quantity["type"], "string");
}
