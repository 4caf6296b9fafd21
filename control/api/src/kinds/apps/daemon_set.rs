//! DaemonSet: a pod of one template on every node that it fits.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::kind::{Column, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::share::Share;
use crate::validate::FieldError;
use crate::{json, pod_spec, share};

use super::status;

const COLUMNS: &[Column] = &[
    NAME,
    column("Desired", "integer", "Number of nodes that should run its pod."),
    column("Current", "integer", "Number of those nodes that have a pod of it."),
    column("Ready", "integer", "Number of those nodes whose pod is ready."),
    column("Up-to-date", "integer", "Number of those nodes whose pod is of the current template."),
    column("Available", "integer", "Number of those nodes whose pod has been ready for minReadySeconds."),
    column("Node Selector", "string", "Labels of nodes that may run its pod."),
    AGE,
    wide("Containers", "string", "Names of the template's containers."),
    wide("Images", "string", "Images of the template's containers."),
    wide("Selector", "string", "Labels of its pods."),
];

/// Counts of its status.
const COUNTS: &[&str] = &[
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
];

/// Annotation that counts the changes of the template. It stood in the spec once, and old clients still look for it.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["ds"],
        categories: &["all"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        schema: "io.k8s.api.apps.v1.DaemonSet",
        ..base("apps", "DaemonSet", "daemonsets", &DaemonSet)
    }
}

#[derive(Debug)]
struct DaemonSet;

impl Strategy for DaemonSet {
    fn default(&self, object: &mut Value) {
        let Some(spec) = json::part(object, "spec") else { return };
        if let Some(strategy) = json::part(spec, "updateStrategy") {
            json::fill(strategy, "type", "RollingUpdate");
            if strategy["type"] == "RollingUpdate"
                && let Some(rolling) = json::part(strategy, "rollingUpdate")
            {
                json::fill(rolling, "maxUnavailable", 1);
                json::fill(rolling, "maxSurge", 0);
            }
        }
        json::fill(spec, "revisionHistoryLimit", 10);
        pod_spec::default_template(spec);
    }

    fn prepare_create(&self, object: &mut Value) {
        let given = template_generation(object).max(1);
        set_template_generation(object, given);
        let none = json!({"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0,
            "numberReady": 0});
        json::set(object, "status", none);
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        let changed = object["spec"]["template"] != old["spec"]["template"];
        set_template_generation(object, template_generation(old).saturating_add(i64::from(changed)));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let (selector, template) = (spec.at("selector"), spec.at("template"));
        let mut errors = pod_spec::label_selector(&selector);
        errors.extend(pod_spec::selects(selector.value, &template));
        errors.extend(pod_spec::selects_all(&selector, "empty selector is invalid for daemonset"));
        errors.extend(pod_spec::template(&template));
        errors.extend(pod_spec::endless(&template, "DaemonSet"));
        errors.extend(spec.at("minReadySeconds").not_negative());
        errors.extend(strategy(&spec.at("updateStrategy")));
        errors.extend(spec.at("revisionHistoryLimit").not_negative());
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        Field::root(object).at("spec").at("selector").unchanged(&old["spec"]["selector"]).into_iter().collect()
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        status::counts(object, old, COUNTS, &[], "")
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        pod_spec::warnings(&Field::root(object).at("spec").at("template").at("spec"))
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let status = |name: &str| Value::from(json::integer(object, &format!("/status/{name}")));
        let nodes = object.pointer("/spec/template/spec/nodeSelector");
        let [containers, images, selector] = cells::template(object);
        vec![
            cells::name(object),
            status("desiredNumberScheduled"),
            status("currentNumberScheduled"),
            status("numberReady"),
            status("updatedNumberScheduled"),
            status("numberAvailable"),
            nodes.map_or_else(|| cells::NONE.to_owned(), cells::pairs).into(),
            cells::age(object, now),
            containers,
            images,
            selector,
        ]
    }
}

/// How often the template changed, as the annotation says; nought when it says nothing.
fn template_generation(object: &Value) -> i64 {
    let text = object["metadata"]["annotations"][TEMPLATE_GENERATION].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn set_template_generation(object: &mut Value, generation: i64) {
    let Some(meta) = json::part(object, "metadata") else { return };
    if let Some(annotations) = json::section(meta, "annotations") {
        annotations.insert(TEMPLATE_GENERATION.into(), generation.to_string().into());
    }
}

/// Everything wrong with how pods are replaced.
fn strategy(strategy: &Field<'_>) -> Errors {
    let (kind, rolling) = (strategy.at("type"), strategy.at("rollingUpdate"));
    let mut errors: Errors = kind.must_be_one_of(&["RollingUpdate", "OnDelete"]).into_iter().collect();
    if kind.text() != "RollingUpdate" {
        return errors;
    }
    let (unavailable, surge) = (rolling.at("maxUnavailable"), rolling.at("maxSurge"));
    errors.extend([&unavailable, &surge].into_iter().flat_map(share::validate));
    errors.extend([&unavailable, &surge].into_iter().filter_map(share::at_most_all));
    match (Share::number(unavailable.value), Share::number(surge.value)) {
        (0, 0) => errors.push(unavailable.required("cannot be 0 when maxSurge is 0")),
        (0, _) | (_, 0) => {}
        _ => errors.push(surge.invalid("may not be set when maxUnavailable is non-zero")),
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, told, with};
    use expect_test::expect;

    fn sound() -> Value {
        json!({"metadata": {"name": "d", "namespace": "default", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": {
            "selector": {"matchLabels": {"app": "d"}}, "template": {"metadata": {"labels": {"app": "d"}},
                "spec": {"nodeSelector": {"disk": "ssd"}, "containers": [{"name": "c", "image": "i:1"}]}}}})
    }

    #[test]
    fn it_gets_what_is_promised() {
        let object = defaulted(&DaemonSet, sound());
        assert_eq!(told(&DaemonSet.validate(&object)), "");
        assert_eq!(object["spec"]["revisionHistoryLimit"], 10);
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}});
        assert_eq!(object["spec"]["updateStrategy"], strategy);
    }

    #[test]
    fn changes_of_the_template_are_counted() {
        let mut old = defaulted(&DaemonSet, sound());
        DaemonSet.prepare_create(&mut old);
        assert_eq!(template_generation(&old), 1);
        let mut same = defaulted(&DaemonSet, sound());
        DaemonSet.prepare_update(&mut same, &old);
        assert_eq!(template_generation(&same), 1);
        same["spec"]["template"]["spec"]["hostname"] = "x".into();
        DaemonSet.prepare_update(&mut same, &old);
        assert_eq!(same["metadata"]["annotations"][TEMPLATE_GENERATION], "2");
    }

    #[test]
    fn what_is_wrong_is_told() {
        check(
            &DaemonSet,
            &json!({"metadata": {"name": "d"}}),
            &expect![[r#"
            spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`
            spec.template.spec.containers: Required value"#]],
        );
        let changes = json!({"selector": {}, "minReadySeconds": -1, "revisionHistoryLimit": -1,
            "updateStrategy": {"rollingUpdate": {"maxUnavailable": "x", "maxSurge": "200%"}}});
        check(
            &DaemonSet,
            &with(sound(), "spec", &changes),
            &expect![[r#"
            spec.selector: Invalid value: {}: empty selector is invalid for daemonset
            spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
            spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "x": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')
            spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "200%": must not be greater than 100%
            spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"#]],
        );
        for (rolling, expected) in [
            (
                json!({"maxUnavailable": 0}),
                expect![
                    "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"
                ],
            ),
            (
                json!({"maxSurge": 1}),
                expect![
                    "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"
                ],
            ),
        ] {
            let changes = json!({"updateStrategy": {"rollingUpdate": rolling}});
            check(&DaemonSet, &with(sound(), "spec", &changes), &expected);
        }
        check(
            &DaemonSet,
            &with(sound(), "spec", &json!({"updateStrategy": {"type": "x"}})),
            &expect![[
                r#"spec.updateStrategy.type: Unsupported value: "x": supported values: "RollingUpdate", "OnDelete""#
            ]],
        );
    }

    #[test]
    fn a_row_counts_nodes() {
        let status = json!({"desiredNumberScheduled": 5, "currentNumberScheduled": 4, "numberReady": 3,
            "updatedNumberScheduled": 2, "numberAvailable": 1});
        let object = with(defaulted(&DaemonSet, sound()), "status", &status);
        let row = Value::from(DaemonSet.cells(&object, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["d", 5, 4, 3, 2, 1, "disk=ssd", "0s", "c", "i:1", "app=d"]));
    }
}
