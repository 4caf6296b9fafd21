//! HorizontalPodAutoscaler: as many pods as a measure asks for.

use serde_json::{Value, json};

use super::{metric, targets};
use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Generation, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

const COLUMNS: &[Column] = &[
    NAME,
    column("Reference", "string", "Whose pods it counts."),
    column("Targets", "string", "What is measured, and what it should be."),
    column("MinPods", "string", "Fewest pods."),
    column("MaxPods", "string", "Most pods."),
    column("Replicas", "integer", "Number of pods when it last looked."),
    AGE,
];

/// Longest time that a policy looks back, and that a number is held, in seconds.
const PERIOD_MAX: i64 = 1800;
const WINDOW_MAX: i64 = 3600;
/// CPU that pods should use, in percent of what they ask for, when no measure is named.
const CPU_PERCENT: i64 = 80;

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        version: "v2".into(),
        short: &["hpa"],
        categories: &["all"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags { generation: Generation::Never, ..Flags::default() },
        schema: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
        ..base("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", &HorizontalPodAutoscaler)
    }
}

#[derive(Debug)]
struct HorizontalPodAutoscaler;

impl Strategy for HorizontalPodAutoscaler {
    fn default(&self, object: &mut Value) {
        let Some(spec) = json::part(object, "spec") else { return };
        json::fill(spec, "minReplicas", 1);
        if json::is_empty(&spec["metrics"]) {
            let target = json!({"type": "Utilization", "averageUtilization": CPU_PERCENT});
            json::set(spec, "metrics", json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]));
        }
        json::items_mut(spec, "metrics").iter_mut().for_each(metric::default);
        if let Some(behavior) = spec.get_mut("behavior").filter(|behavior| behavior.is_object()) {
            let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
            let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
            if let Some(up) = json::part(behavior, "scaleUp") {
                json::fill(up, "stabilizationWindowSeconds", 0);
                rules(up, &[pods, percent.clone()]);
            }
            if let Some(down) = json::part(behavior, "scaleDown") {
                rules(down, &[percent]);
            }
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({"desiredReplicas": 0, "currentMetrics": null}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let (least, most) = (spec.at("minReplicas"), spec.at("maxReplicas"));
        let number = most.integer().unwrap_or_default();
        let mut errors: Errors = least.at_least(i64::from(!scales_to_zero(&spec))).into_iter().collect();
        if number < 1 {
            errors.push(most.invalid_part(number, "must be greater than 0"));
        }
        if least.integer().is_some_and(|least| number < least) {
            errors.push(most.invalid_part(number, "must be greater than or equal to `minReplicas`"));
        }
        errors.extend(reference(&spec.at("scaleTargetRef")));
        errors.extend(spec.at("metrics").items().flat_map(|one| metric::rules(&one)));
        if least.integer() == Some(0) && !scales_to_zero(&spec) {
            let why = "must specify at least one Object or External metric to support scaling to zero replicas";
            errors.push(spec.at("metrics").forbidden(why));
        }
        let behavior = spec.at("behavior");
        errors.extend(["scaleUp", "scaleDown"].iter().flat_map(|way| scaling(&behavior.at(way))));
        errors
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        Field::root(object).at("status").none_negative(&["currentReplicas", "desiredReplicas"])
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let target = |field: &str| json::text(object, &format!("/spec/scaleTargetRef/{field}"));
        let least = object.pointer("/spec/minReplicas").and_then(Value::as_i64);
        vec![
            cells::name(object),
            format!("{}/{}", target("kind"), target("name")).into(),
            targets::cell(object).into(),
            least.map_or_else(|| cells::UNSET.to_owned(), |least| least.to_string()).into(),
            json::integer(object, "/spec/maxReplicas").into(),
            json::integer(object, "/status/currentReplicas").into(),
            cells::age(object, now),
        ]
    }
}

/// Fills how fast it goes one way.
fn rules(way: &mut Value, policies: &[Value]) {
    json::fill(way, "selectPolicy", "Max");
    if json::is_empty(&way["policies"]) {
        json::set(way, "policies", policies.to_vec());
    }
}

/// Whether something outside the pods is measured, so that there may be none of them (KEP-2021).
fn scales_to_zero(spec: &Field<'_>) -> bool {
    spec.at("metrics").items().any(|metric| matches!(metric.at("type").text(), "Object" | "External"))
}

/// Everything wrong with a reference to an object of any group.
pub(super) fn reference(reference: &Field<'_>) -> Errors {
    ["kind", "name"].iter().flat_map(|field| reference.at(field).must_be_named(name::path_segment)).collect()
}

fn scaling(way: &Field<'_>) -> Errors {
    if !way.is_set() {
        return Errors::new();
    }
    let window = way.at("stabilizationWindowSeconds");
    let mut errors = Errors::new();
    match window.integer() {
        Some(..0) => errors.push(window.invalid("must be greater than or equal to zero")),
        Some(seconds) if seconds > WINDOW_MAX => {
            errors.push(window.invalid(format!("must be less than or equal to {WINDOW_MAX}")));
        }
        Some(_) | None => {}
    }
    errors.extend(way.at("selectPolicy").one_of(&["Disabled", "Max", "Min"]));
    let policies = way.at("policies");
    errors.extend(policies.is_empty().then(|| policies.required("must specify at least one Policy")));
    for policy in policies.items() {
        let kind = policy.at("type");
        if !["Percent", "Pods"].contains(&kind.text()) {
            errors.push(FieldError::not_supported(kind.path(), kind.text(), &["Percent", "Pods"]));
        }
        for field in ["value", "periodSeconds"].map(|name| policy.at(name)) {
            let number = field.integer().unwrap_or_default();
            errors.extend((number <= 0).then(|| field.invalid_part(number, "must be greater than zero")));
        }
        let period = policy.at("periodSeconds");
        if period.integer().is_some_and(|seconds| seconds > PERIOD_MAX) {
            errors.push(period.invalid(format!("must be less than or equal to {PERIOD_MAX}")));
        }
    }
    let tolerance = way.at("tolerance");
    if tolerance.is_set() {
        errors.extend(crate::pod_spec::not_negative(&tolerance));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, with};
    use expect_test::expect;

    fn sound() -> Value {
        json!({"metadata": {"name": "h", "namespace": "default", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 3}})
    }

    #[test]
    fn it_gets_what_is_promised() {
        let object = defaulted(&HorizontalPodAutoscaler, with(sound(), "spec", &json!({"behavior": {"scaleUp": {}}})));
        let spec = &object["spec"];
        assert_eq!(spec["minReplicas"], 1);
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        let metrics = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
        assert_eq!(spec["metrics"], metrics);
        let (percent, pods) = (
            json!({"type": "Percent", "value": 100, "periodSeconds": 15}),
            json!({"type": "Pods", "value": 4, "periodSeconds": 15}),
        );
        let up = json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [pods, percent]});
        let behavior = json!({"scaleUp": up, "scaleDown": {"selectPolicy": "Max", "policies": [percent]}});
        assert_eq!(spec["behavior"], behavior);
    }

    #[test]
    fn what_is_wrong_is_told() {
        check(
            &HorizontalPodAutoscaler,
            &json!({"metadata": {"name": "h"}}),
            &expect![[r#"
            spec.maxReplicas: Invalid value: 0: must be greater than 0
            spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`
            spec.scaleTargetRef.kind: Required value
            spec.scaleTargetRef.name: Required value"#]],
        );
        let policy = json!({"type": "Some", "value": 0, "periodSeconds": 2000});
        let up = json!({"stabilizationWindowSeconds": 4000, "selectPolicy": "Any", "policies": [policy],
            "tolerance": "-1"});
        let bad = json!({"minReplicas": 0, "maxReplicas": -1, "behavior": {"scaleUp": up},
            "scaleTargetRef": {"kind": "a/b", "name": ".."}});
        check(
            &HorizontalPodAutoscaler,
            &with(sound(), "spec", &bad),
            &expect![[r#"
            spec.minReplicas: Invalid value: 0: must be greater than or equal to 1
            spec.maxReplicas: Invalid value: -1: must be greater than 0
            spec.maxReplicas: Invalid value: -1: must be greater than or equal to `minReplicas`
            spec.scaleTargetRef.kind: Invalid value: "a/b": may not contain '/'
            spec.scaleTargetRef.name: Invalid value: "..": may not be '..'
            spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas
            spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600
            spec.behavior.scaleUp.selectPolicy: Unsupported value: "Any": supported values: "Disabled", "Max", "Min"
            spec.behavior.scaleUp.policies[0].type: Unsupported value: "Some": supported values: "Percent", "Pods"
            spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero
            spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 2000: must be less than or equal to 1800
            spec.behavior.scaleUp.tolerance: Invalid value: "-1": must be greater than or equal to 0"#]],
        );
    }

    #[test]
    fn measures_are_checked_one_by_one() {
        let metrics = json!([
            {"type": "Resource"},
            {"type": "Pods", "pods": {"metric": {"name": "a/b"}, "target": {"type": "Value", "value": "0"}}},
            {"type": "Object", "object": {"target": {"type": "Best"}}},
            {"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1",
                "averageValue": "2"}}, "pods": {}},
            {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "C", "target": {
                "type": "Utilization", "averageUtilization": 0, "averageValue": "1"}}},
            {"type": "Else"},
        ]);
        check(
            &HorizontalPodAutoscaler,
            &with(sound(), "spec", &json!({"metrics": metrics})),
            &expect![[r#"
            spec.metrics[0].resource: Required value: must populate information for the given metric source
            spec.metrics[1].pods.metric.name: Invalid value: "a/b": may not contain '/'
            spec.metrics[1].pods.target.value: Invalid value: "0": must be positive
            spec.metrics[1].pods.target.averageValue: Required value: must specify a positive target averageValue
            spec.metrics[2].object.describedObject.kind: Required value
            spec.metrics[2].object.describedObject.name: Required value
            spec.metrics[2].object.metric.name: Required value: must specify a metric name
            spec.metrics[2].object.target.type: Invalid value: "Best": must be either Utilization, Value, or AverageValue
            spec.metrics[2].object.target.averageValue: Required value: must set either a target value or averageValue
            spec.metrics[3].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target
            spec.metrics[3].pods: Forbidden: must populate the given metric source only
            spec.metrics[4].containerResource.container: Invalid value: "C": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.metrics[4].containerResource.target.averageUtilization: Invalid value: 0: must be greater than 0
            spec.metrics[4].containerResource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization
            spec.metrics[5].type: Unsupported value: "Else": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"
            spec.metrics[5].type: Unsupported value: "Else": supported values: "ContainerResource", "External", "Object", "Pods", "Resource""#]],
        );
    }

    #[test]
    fn a_row_shows_what_is_and_what_should_be() {
        let row = |metrics: Value, current: Value| {
            let object = with(sound(), "spec", &json!({"metrics": metrics}));
            let status = json!({"currentMetrics": current, "currentReplicas": 2});
            let object = with(defaulted(&HorizontalPodAutoscaler, object), "status", &status);
            Value::from(HorizontalPodAutoscaler.cells(&object, Timestamp::UNIX_EPOCH))
        };
        let line = |targets: &str| json!(["h", "Deployment/web", targets, "1", 3, 2, "0s"]);
        assert_eq!(row(json!([]), json!([])), line("cpu: <unknown>/80%"));
        let memory = json!({"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue",
            "averageValue": "100Mi"}}});
        let object = json!({"type": "Object", "object": {"target": {"type": "Value", "value": "5"}}});
        let external =
            json!({"type": "External", "external": {"target": {"type": "AverageValue", "averageValue": "7"}}});
        let now = json!([{"type": "Resource", "resource": {"current": {"averageValue": "50Mi"}}},
            {"type": "Object", "object": {"current": {"value": "4"}}}]);
        assert_eq!(row(json!([memory, object, external]), now), line("memory: 50Mi/100Mi, 4/5 + 1 more..."));
        assert_eq!(row(json!([external]), json!([])), line("<unknown>/7 (avg)"));
    }
}
