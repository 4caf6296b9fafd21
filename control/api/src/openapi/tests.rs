//! The documents that clients read before they write: complete, and no more than that.

use std::collections::BTreeSet;

use expect_test::expect;

use super::*;
use crate::kinds;
use crate::schema::Schema;

fn of(group: &str) -> Value {
    let kinds: Vec<_> = kinds::all().iter().filter(|kind| *kind.group == *group).collect();
    document(&kinds, &Descriptions::unpack().unwrap())
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
fn every_reference_resolves_and_nothing_else_is_carried() {
    for group in ["", "apps"] {
        let document = of(group);
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let names: BTreeSet<_> = found.iter().map(|one| one.strip_prefix("#/components/schemas/").unwrap()).collect();
        let carried: BTreeSet<_> = schemas.keys().map(String::as_str).collect();
        assert_eq!(names.symmetric_difference(&carried).collect::<Vec<_>>(), [] as [&&str; 0]);
    }
}

#[test]
fn every_served_kind_has_its_type_and_its_list_in_the_table() {
    for kind in kinds::all() {
        let of = Schema::of(kind.schema).unwrap();
        assert_eq!(of.kinds().first().unwrap().kind, &*kind.kind);
        assert!(Schema::of(&format!("{}List", kind.schema)).is_some(), "{}List", kind.schema);
    }
}

#[test]
fn operation_ids_are_unique() {
    let document = of("apps");
    let mut seen = BTreeSet::new();
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values().filter_map(|operation| operation["operationId"].as_str()) {
            assert!(seen.insert(operation.to_owned()), "{operation} twice");
        }
    }
    assert!(seen.contains("patchAppsV1NamespacedDeploymentStatus"));
}

#[test]
fn a_patch_says_that_fields_can_be_validated() {
    let document = of("apps");
    let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    let parameters: Vec<_> =
        patch["parameters"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(parameters, ["pretty", "dryRun", "fieldManager", "fieldValidation", "force"]);
    assert_eq!(
        patch["x-kubernetes-group-version-kind"],
        json!({"group": "apps", "version": "v1", "kind": "Deployment"})
    );
    let scale = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["patch"];
    assert_eq!(
        scale["x-kubernetes-group-version-kind"],
        json!({"group": "autoscaling", "version": "v1", "kind": "Scale"})
    );
}

#[test]
fn paths_follow_the_scope_and_the_subresources() {
    let document = of("");
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let of = |plural: &str| {
        let own =
            paths.iter().filter(|path| path.split('/').any(|part| part == plural && !path.ends_with("/namespaces")));
        own.copied().collect::<Vec<_>>().join("\n")
    };
    expect![[r#"
        /api/v1/namespaces/{namespace}/pods
        /api/v1/namespaces/{namespace}/pods/{name}
        /api/v1/namespaces/{namespace}/pods/{name}/binding
        /api/v1/namespaces/{namespace}/pods/{name}/ephemeralcontainers
        /api/v1/namespaces/{namespace}/pods/{name}/eviction
        /api/v1/namespaces/{namespace}/pods/{name}/log
        /api/v1/namespaces/{namespace}/pods/{name}/resize
        /api/v1/namespaces/{namespace}/pods/{name}/status
        /api/v1/pods"#]]
    .assert_eq(&of("pods"));
    expect![[r#"
        /api/v1/nodes
        /api/v1/nodes/{name}
        /api/v1/nodes/{name}/proxy
        /api/v1/nodes/{name}/status"#]]
    .assert_eq(&of("nodes"));
}

#[test]
fn lists_say_how_they_merge() {
    let document = of("");
    let ports = &document["components"]["schemas"]["io.k8s.api.core.v1.Container"]["properties"]["ports"];
    expect![[r##"
        {
          "description": "List of ports to expose from the container. Not specifying a port here DOES NOT prevent that port from being exposed. Any port which is listening on the default \"0.0.0.0\" address inside a container will be accessible from the network. Modifying this array with strategic merge patch may corrupt the data. For more information See https://github.com/kubernetes/kubernetes/issues/108255. Cannot be updated.",
          "items": {
            "allOf": [
              {
                "$ref": "#/components/schemas/io.k8s.api.core.v1.ContainerPort"
              }
            ],
            "default": {}
          },
          "type": "array",
          "x-kubernetes-list-map-keys": [
            "containerPort",
            "protocol"
          ],
          "x-kubernetes-list-type": "map",
          "x-kubernetes-patch-merge-key": "containerPort",
          "x-kubernetes-patch-strategy": "merge"
        }"##]].assert_eq(&serde_json::to_string_pretty(ports).unwrap());
}

#[test]
fn values_are_told_of_a_text_of_a_list_and_of_a_map() {
    let document = of("");
    let of = |name: &str, field: &str| {
        let mut told =
            document["components"]["schemas"][format!("io.k8s.api.core.v1.{name}")]["properties"][field].clone();
        if told["type"] != "string" {
            told.as_object_mut().unwrap().remove("description");
        }
        serde_json::to_string_pretty(&told).unwrap()
    };
    let claim = "PersistentVolumeClaimStatus";
    let all = [of("PodSpec", "restartPolicy"), of(claim, "accessModes"), of(claim, "allocatedResourceStatuses")];
    expect![[r#"
        {
          "description": "Restart policy for all containers within the pod. One of Always, OnFailure, Never. In some contexts, only a subset of those values may be permitted. Default to Always. More info: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy\n\nPossible enum values:\n - `\"Always\"`\n - `\"Never\"`\n - `\"OnFailure\"`",
          "enum": [
            "Always",
            "Never",
            "OnFailure"
          ],
          "type": "string"
        }
        {
          "items": {
            "default": "",
            "enum": [
              "ReadOnlyMany",
              "ReadWriteMany",
              "ReadWriteOnce",
              "ReadWriteOncePod"
            ],
            "type": "string"
          },
          "type": "array",
          "x-kubernetes-list-type": "atomic"
        }
        {
          "additionalProperties": {
            "default": "",
            "enum": [
              "ControllerResizeInProgress",
              "ControllerResizeInfeasible",
              "NodeResizeInProgress",
              "NodeResizeInfeasible",
              "NodeResizePending"
            ],
            "type": "string"
          },
          "type": "object",
          "x-kubernetes-map-type": "granular"
        }"#]].assert_eq(&all.join("\n"));
}

#[test]
fn the_index_names_documents_by_their_content() {
    let url = index([("apis/apps/v1", hash(b"{}").as_str())]);
    let url = url["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
    let (start, hash) = url.split_once("?hash=").unwrap();
    assert_eq!(start, "/openapi/v3/apis/apps/v1");
    assert!(hash.len() == 128 && hash.starts_with("27C74670ADB75075"), "{hash}");
    assert_eq!(root("", "v1"), "api/v1");
}
