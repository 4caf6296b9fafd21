//! ReplicationController: a number of equal pods, as before there were ReplicaSets.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::selector::LabelSelector;
use crate::validate::FieldError;
use crate::{json, pod_spec};

const COLUMNS: &[Column] = &[
    NAME,
    column("Desired", "integer", "Number of pods asked for."),
    column("Current", "integer", "Number of pods that exist."),
    column("Ready", "integer", "Number of pods that are ready."),
    AGE,
    wide("Containers", "string", "Names of the template's containers."),
    wide("Images", "string", "Images of the template's containers."),
    wide("Selector", "string", "Labels of its pods."),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["rc"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Scale],
        columns: COLUMNS,
        selectable: &["status.replicas"],
        flags: Flags { orphans_dependents: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.ReplicationController",
        ..base("", "ReplicationController", "replicationcontrollers", &ReplicationController)
    }
}

#[derive(Debug)]
struct ReplicationController;

impl Strategy for ReplicationController {
    fn default(&self, object: &mut Value) {
        let Some(spec) = json::part(object, "spec") else { return };
        json::fill(spec, "replicas", 1);
        if spec["template"].is_object() {
            pod_spec::default_template(spec);
        }
        let labels = spec.pointer("/template/metadata/labels").filter(|labels| labels.is_object()).cloned();
        let Some(labels) = labels else { return };
        if json::is_empty(&spec["selector"]) {
            json::set(spec, "selector", labels.clone());
        }
        if json::is_empty(&object["metadata"]["labels"])
            && let Some(meta) = json::section(object, "metadata")
        {
            meta.insert("labels".into(), labels);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({"replicas": 0}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let (selector, template) = (spec.at("selector"), spec.at("template"));
        let mut errors = spec.none_negative(&["minReadySeconds"]);
        errors.extend(selector.must());
        errors.extend(spec.at("replicas").not_negative());
        if !template.is_set() {
            errors.push(template.required(""));
            return errors;
        }
        let labels = template.at("metadata").at("labels");
        if !selector.is_empty() && !LabelSelector::from_labels(selector.value).matches_labels(labels.value) {
            errors.push(labels.invalid("`selector` does not match template `labels`"));
        }
        errors.extend(pod_spec::template(&template));
        errors.extend(pod_spec::endless(&template, "ReplicationController"));
        errors
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        let status = Field::root(object).at("status");
        let parts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
        let mut errors: Errors =
            status.none_negative(&["replicas", parts[0], parts[1], parts[2], "observedGeneration"]);
        let number = |name: &str| status.at(name).integer().unwrap_or_default();
        let over = parts.iter().filter(|part| number(part) > number("replicas"));
        errors.extend(over.map(|part| status.at(part).invalid("cannot be greater than status.replicas")));
        if number("availableReplicas") > number("readyReplicas") {
            errors.push(status.at("availableReplicas").invalid("cannot be greater than readyReplicas"));
        }
        errors
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let mut told = pod_spec::name_warnings(object, pod_spec::OF_PODS);
        told.extend(pod_spec::warnings(&Field::root(object).at("spec").at("template").at("spec")));
        told
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let [containers, images, _] = cells::template(object);
        vec![
            cells::name(object),
            json::integer(object, "/spec/replicas").into(),
            json::integer(object, "/status/replicas").into(),
            json::integer(object, "/status/readyReplicas").into(),
            cells::age(object, now),
            containers,
            images,
            object.pointer("/spec/selector").map_or_else(|| cells::NONE.to_owned(), cells::pairs).into(),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("status.replicas", json::integer(object, "/status/replicas").to_string())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, told};
    use expect_test::expect;

    fn sound() -> Value {
        json!({"metadata": {"name": "r", "namespace": "default", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": {
            "template": {"metadata": {"labels": {"app": "r"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}})
    }

    #[test]
    fn it_selects_what_it_makes_unless_it_says_otherwise() {
        let object = defaulted(&ReplicationController, sound());
        assert_eq!(told(&ReplicationController.validate(&object)), "");
        let labels = json!({"app": "r"});
        assert_eq!((&object["spec"]["selector"], &object["metadata"]["labels"]), (&labels, &labels));
        assert_eq!(object["spec"]["replicas"], 1);
    }

    #[test]
    fn what_is_wrong_is_told() {
        check(
            &ReplicationController,
            &json!({"metadata": {"name": "r"}}),
            &expect![[r#"
            spec.selector: Required value
            spec.template: Required value"#]],
        );
        let mut bad = sound();
        bad["spec"]["replicas"] = (-1).into();
        bad["spec"]["minReadySeconds"] = (-1).into();
        bad["spec"]["selector"] = json!({"a b": "c"});
        bad["spec"]["template"]["spec"] = json!({"restartPolicy": "Never", "activeDeadlineSeconds": 1});
        check(
            &ReplicationController,
            &bad,
            &expect![[r#"
            spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
            spec.replicas: Invalid value: -1: must be greater than or equal to 0
            spec.template.metadata.labels: Invalid value: {"app":"r"}: `selector` does not match template `labels`
            spec.template.spec.containers: Required value
            spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"
            spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not Supported"#]],
        );
    }

    #[test]
    fn a_row_counts_pods() {
        let mut object = defaulted(&ReplicationController, sound());
        object["status"] = json!({"replicas": 1, "readyReplicas": 0});
        let row = Value::from(ReplicationController.cells(&object, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["r", 1, 1, 0, "0s", "c", "i:1", "app=r"]));
    }
}
