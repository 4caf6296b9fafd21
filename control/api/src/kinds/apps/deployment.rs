//! Deployment: pods of one template, replaced step by step when the template changes.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Kind, StatusKeeps, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::share::Share;
use crate::validate::FieldError;
use crate::{json, pod_spec, share};

use super::status;

const COLUMNS: &[Column] = &[
    NAME,
    column("Ready", "string", "Number of ready pods of those desired."),
    column("Up-to-date", "string", "Number of pods of the current template."),
    column("Available", "string", "Number of pods that have been ready for minReadySeconds."),
    AGE,
    wide("Containers", "string", "Names of the template's containers."),
    wide("Images", "string", "Images of the template's containers."),
    wide("Selector", "string", "Labels of its pods."),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["deploy"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Scale],
        columns: COLUMNS,
        flags: Flags { status_keeps: StatusKeeps::Labels, ..Flags::default() },
        schema: "io.k8s.api.apps.v1.Deployment",
        ..base("apps", "Deployment", "deployments", &Deployment)
    }
}

#[derive(Debug)]
struct Deployment;

impl Strategy for Deployment {
    fn default(&self, object: &mut Value) {
        let Some(spec) = json::part(object, "spec") else { return };
        json::fill(spec, "replicas", 1);
        json::fill(spec, "revisionHistoryLimit", 10);
        json::fill(spec, "progressDeadlineSeconds", 600);
        json::fill(spec, "strategy", json!({}));
        if let Some(strategy) = spec.get_mut("strategy") {
            json::fill(strategy, "type", "RollingUpdate");
            if strategy["type"] == "RollingUpdate" {
                json::fill(strategy, "rollingUpdate", json!({}));
            }
            if let Some(rolling) = strategy.get_mut("rollingUpdate") {
                json::fill(rolling, "maxUnavailable", "25%");
                json::fill(rolling, "maxSurge", "25%");
            }
        }
        pod_spec::default_template(spec);
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors = Errors::new();
        errors.extend(spec.at("replicas").not_negative());
        errors.extend(pod_spec::selected_template(&spec, "Deployment"));
        errors.extend(strategy(&spec.at("strategy")));
        errors.extend(spec.at("minReadySeconds").not_negative());
        errors.extend(spec.at("revisionHistoryLimit").not_negative());
        let (deadline, ready) = (spec.at("progressDeadlineSeconds"), spec.at("minReadySeconds"));
        errors.extend(deadline.not_negative());
        if deadline.integer().is_some_and(|seconds| seconds <= ready.integer().unwrap_or_default()) {
            errors.push(deadline.invalid("must be greater than minReadySeconds"));
        }
        errors
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let parts = ["updatedReplicas", "readyReplicas", "availableReplicas"];
        let others = ["unavailableReplicas", "terminatingReplicas", "collisionCount"];
        let names = [&["observedGeneration", "replicas"][..], &parts, &others].concat();
        status::counts(object, old, &names, &parts, "cannot be greater than readyReplicas")
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let mut told = pod_spec::name_warnings(object, pod_spec::OF_PODS);
        told.extend(pod_spec::warnings(&Field::root(object).at("spec").at("template").at("spec")));
        told
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        Field::root(object).at("spec").at("selector").unchanged(&old["spec"]["selector"]).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let count = |name: &str| json::integer(object, &format!("/status/{name}"));
        let [containers, images, selector] = cells::template(object);
        vec![
            cells::name(object),
            format!("{}/{}", count("readyReplicas"), json::integer(object, "/spec/replicas")).into(),
            count("updatedReplicas").into(),
            count("availableReplicas").into(),
            cells::age(object, now),
            containers,
            images,
            selector,
        ]
    }
}

/// Everything wrong with how pods are replaced.
fn strategy(strategy: &Field<'_>) -> Errors {
    let (kind, rolling) = (strategy.at("type"), strategy.at("rollingUpdate"));
    let mut errors = Errors::new();
    errors.extend(kind.must_be_one_of(&["Recreate", "RollingUpdate"]));
    if kind.text() == "Recreate" && rolling.is_set() {
        errors.push(rolling.forbidden("may not be specified when strategy `type` is 'Recreate'"));
    }
    if kind.text() != "RollingUpdate" {
        return errors;
    }
    let (unavailable, surge) = (rolling.at("maxUnavailable"), rolling.at("maxSurge"));
    errors.extend(share::validate(&unavailable));
    errors.extend(share::validate(&surge));
    if Share::number(unavailable.value) == 0 && Share::number(surge.value) == 0 {
        errors.push(unavailable.invalid("may not be 0 when `maxSurge` is 0"));
    }
    errors.extend(share::at_most_all(&unavailable));
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::expect;

    fn deployment(spec: &Value) -> Value {
        let mut object = json!({"metadata": {"name": "d", "namespace": "default"}, "spec": {
            "selector": {"matchLabels": {"app": "d1"}}, "template": {"metadata": {"labels": {"app": "d1"}},
                "spec": {"containers": [{"name": "c", "image": "nginx:1.0"}]}}}});
        for (name, value) in spec.as_object().unwrap() {
            object["spec"][name] = value.clone();
        }
        defaulted(&Deployment, object)
    }

    #[test]
    fn it_gets_what_the_recorded_server_gave() {
        let spec = deployment(&json!({}))["spec"].clone();
        let template = json!({"metadata": {"labels": {"app": "d1"}}, "spec": {
            "containers": [{"name": "c", "image": "nginx:1.0", "resources": {}, "imagePullPolicy": "IfNotPresent",
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "securityContext": {}, "schedulerName": "default-scheduler"}});
        let rolling = json!({"maxUnavailable": "25%", "maxSurge": "25%"});
        let recorded = json!({"replicas": 1, "selector": {"matchLabels": {"app": "d1"}}, "template": template,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}, "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600});
        assert_eq!(spec, recorded);
    }

    #[test]
    fn a_row_reads_as_the_recorded_one() {
        let mut object = deployment(&json!({}));
        object["metadata"]["creationTimestamp"] = "1970-01-01T00:00:00Z".into();
        let row = Value::from(Deployment.cells(&object, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["d", "0/1", 0, 0, "0s", "c", "nginx:1.0", "app=d1"]));
    }

    #[test]
    fn what_it_cannot_mean_is_told() {
        expect![[
            r#"spec.template.metadata.labels: Invalid value: {"app":"d1"}: `selector` does not match template `labels`"#
        ]]
        .assert_eq(&told(&Deployment.validate(&deployment(&json!({"selector": {"matchLabels": {"app": "x"}}})))));
        let template =
            json!({"metadata": {}, "spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 1, "containers": []}});
        let bad = json!({"replicas": -1, "selector": {}, "template": template, "progressDeadlineSeconds": 5,
            "minReadySeconds": 5,
            "strategy": {"rollingUpdate": {"maxUnavailable": "x%", "maxSurge": -1}}});
        expect![[r#"
            spec.replicas: Invalid value: -1: must be greater than or equal to 0
            spec.selector: Invalid value: {}: empty selector is invalid for deployment
            spec.template.spec.containers: Required value
            spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"
            spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in Deployment is not Supported
            spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "x%": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')
            spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0
            spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"#]].assert_eq(&told(&Deployment.validate(&deployment(&bad))));
        let recreate = json!({"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}});
        expect!["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"]
            .assert_eq(&told(&Deployment.validate(&deployment(&recreate))));
        let still = json!({"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}});
        expect!["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"]
            .assert_eq(&told(&Deployment.validate(&deployment(&still))));
    }

    #[test]
    fn its_selector_stays() {
        let (new, old) = (deployment(&json!({"selector": {"matchLabels": {"app": "zz"}}})), deployment(&json!({})));
        expect![[r#"spec.selector: Invalid value: {"matchLabels":{"app":"zz"}}: field is immutable"#]]
            .assert_eq(&told(&Deployment.validate_update(&new, &old)));
    }
}
