//! One autoscaler in each version.

use super::annotations::BEHAVIOR;
use super::*;

fn stored() -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "annotations": {"a": "b"}},
        "spec": {
            "maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"},
            "behavior": {"scaleUp": {"selectPolicy": "Max", "policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]}},
            "metrics": [
                {"type": "Pods", "pods": {"metric": {"name": "m", "selector": {"matchLabels": {"a": "b"}}},
                    "target": {"type": "AverageValue", "averageValue": "1k"}}},
                {"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "s"}, "metric": {"name": "m"},
                    "target": {"type": "Value", "value": "10"}}},
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
            ],
        },
        "status": {
            "conditions": [{"type": "AbleToScale", "status": "True"}],
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 7}}}],
        },
    })
}

fn check(kind: &Kind, expected: &Value) {
    let mut object = stored();
    kind.from_stored(&mut object);
    assert_eq!(object, *expected);
    kind.to_stored(&mut object);
    assert_eq!(object, stored());
}

#[test]
fn the_first_version_knows_one_metric_and_carries_the_others() {
    let metrics = json!([
        {"type": "Pods", "pods": {"metricName": "m", "selector": {"matchLabels": {"a": "b"}}, "targetAverageValue": "1k"}},
        {"type": "Object", "object": {"target": {"kind": "Service", "name": "s"}, "metricName": "m", "targetValue": "10"}},
    ]);
    let behavior = json!({"ScaleUp": {"SelectPolicy": "Max",
        "Policies": [{"Type": "Pods", "Value": 4, "PeriodSeconds": 60}]}});
    let current = json!([{"type": "Resource", "resource": {"name": "cpu", "currentAverageUtilization": 7}}]);
    let annotations = json!({
        "a": "b", METRICS: metrics.to_string(), BEHAVIOR: behavior.to_string(), CURRENT_METRICS: current.to_string(),
        CONDITIONS: json!([{"type": "AbleToScale", "status": "True"}]).to_string(),
    });
    check(
        &v1(),
        &json!({
            "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h", "annotations": annotations},
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"},
                "targetCPUUtilizationPercentage": 50},
            "status": {"currentCPUUtilizationPercentage": 7},
        }),
    );
}

#[test]
fn metrics_of_the_first_beta_are_flat() {
    let mut object = stored();
    v2beta1().from_stored(&mut object);
    let resource = json!({"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 50}});
    assert_eq!(object["spec"]["metrics"][2], resource);
    assert!(object["spec"].get("behavior").is_none());
    check(&v2beta1(), &object);
}

#[test]
fn what_an_annotation_says_is_taken_only_when_it_is_of_the_right_form() {
    for text in ["{", "5", r#"[{"type": "Pods", "pods": {"targetAverageValue": []}}]"#] {
        let mut object = json!({"metadata": {"annotations": {METRICS: text, BEHAVIOR: r#"{"scaleUp": 1}"#}},
            "spec": {"targetCPUUtilizationPercentage": 5}});
        v1().to_stored(&mut object);
        assert_eq!(object["metadata"], json!({}), "{text}");
        assert_eq!(object["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 5);
        assert_eq!(object["spec"]["metrics"].as_array().unwrap().len(), 1);
        assert!(object["spec"].get("behavior").is_none());
    }
}
