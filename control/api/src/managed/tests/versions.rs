//! Writers of several versions of one object.

use expect_test::expect;

use super::*;
use crate::kinds;

/// A story of autoscalers, which are stored as v2, in each of its versions: v2, v1.
fn autoscalers() -> Story {
    let of = |version| Version::of(kinds::find("autoscaling", version, "horizontalpodautoscalers").unwrap());
    let versions = vec![of("v2"), of("v1")];
    let kind = "HorizontalPodAutoscaler";
    Story { versions, at: 1, kind, subresource: "", reach: Reach::But(&[&["status"]]), minutes: 0, object: None }
}

fn target(percent: u32) -> Value {
    let name = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    json!({"spec": {"maxReplicas": 3, "scaleTargetRef": name, "targetCPUUtilizationPercentage": percent}})
}

/// The version and the owner of each entry, and what it owns.
fn told(story: &Story) -> String {
    let entries = story.object.as_ref().unwrap()["metadata"]["managedFields"].as_array().unwrap();
    let versions: Vec<_> = entries.iter().map(|entry| entry["apiVersion"].as_str().unwrap()).collect();
    let lines = versions.iter().zip(story.owners().lines().map(str::to_owned).collect::<Vec<_>>());
    lines.map(|(version, line)| format!("{version} {line}")).collect::<Vec<_>>().join("\n")
}

#[test]
fn fields_are_named_in_the_version_of_who_wrote_them() {
    let mut story = autoscalers();
    story.update("old", |_| target(50));
    expect![
        "autoscaling/v1 Update old@01: .spec.maxReplicas .spec.scaleTargetRef .spec.targetCPUUtilizationPercentage"
    ]
    .assert_eq(&told(&story));
    story.at = 0;
    story.update("new", |mut object| {
        object["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] = 60.into();
        object
    });
    expect![[r#"
        autoscaling/v1 Update old@01: .spec.maxReplicas .spec.scaleTargetRef
        autoscaling/v2 Update new@02: .spec.metrics"#]]
    .assert_eq(&told(&story));
}

#[test]
fn an_apply_conflicts_with_an_owner_of_another_version() {
    let mut story = autoscalers();
    story.apply("old", &target(50));
    story.at = 0;
    let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}});
    let refusal = story.refused("new", &json!({"spec": {"metrics": [metric]}}));
    expect![[r#"Apply failed with 1 conflict: conflict with "old": .spec.targetCPUUtilizationPercentage"#]]
        .assert_eq(&refusal);
    story.force("new", &json!({"spec": {"metrics": [metric]}}));
    expect![[r#"
        autoscaling/v1 Apply old@01: .spec.maxReplicas .spec.scaleTargetRef
        autoscaling/v2 Apply new@03: .spec.metrics"#]]
    .assert_eq(&told(&story));
}

#[test]
fn who_applies_in_another_version_takes_back_what_was_applied_in_the_first() {
    let mut story = autoscalers();
    let mut first = target(50);
    first["metadata"]["labels"] = json!({"a": "b"});
    first["spec"]["minReplicas"] = 2.into();
    story.apply("me", &first);
    story.at = 0;
    let mut second = target(50);
    second["spec"].as_object_mut().unwrap().remove("targetCPUUtilizationPercentage");
    story.apply("me", &second);
    expect!["autoscaling/v2 Apply me@02: .spec.maxReplicas .spec.scaleTargetRef.apiVersion .spec.scaleTargetRef.kind .spec.scaleTargetRef.name"].assert_eq(&told(&story));
    expect![[r#"{"spec":{"maxReplicas":3,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}},"status":{}}"#]].assert_eq(&story.content().to_string());
}
