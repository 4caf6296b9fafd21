//! StatefulSet: pods of one template with a name, and storage, each of its own.

use serde_json::{Map, Value, json};

use crate::field::{Errors, Field};
use crate::kind::{Column, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::share::Share;
use crate::validate::FieldError;
use crate::{claim_spec, json, name, pod_spec, share};

use super::status;

const COLUMNS: &[Column] = &[
    NAME,
    column("Ready", "string", "Number of ready pods of those desired."),
    AGE,
    wide("Containers", "string", "Names of the template's containers."),
    wide("Images", "string", "Images of the template's containers."),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["sts"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Scale],
        columns: COLUMNS,
        schema: "io.k8s.api.apps.v1.StatefulSet",
        ..base("apps", "StatefulSet", "statefulsets", &StatefulSet)
    }
}

#[derive(Debug)]
struct StatefulSet;

/// Fields of the spec that may still change.
const MUTABLE: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

impl Strategy for StatefulSet {
    /// It becomes the host name of every pod, with a number.
    fn name(&self, name: &str) -> Vec<String> {
        name::label(name)
    }

    fn default(&self, object: &mut Value) {
        let Some(spec) = json::part(object, "spec") else { return };
        json::fill(spec, "podManagementPolicy", "OrderedReady");
        if let Some(strategy) = json::part(spec, "updateStrategy") {
            if json::is_empty(&strategy["type"]) {
                json::set(strategy, "type", "RollingUpdate");
                json::section(strategy, "rollingUpdate");
            }
            if strategy["type"] == "RollingUpdate"
                && let Some(rolling) = strategy.get_mut("rollingUpdate")
            {
                json::fill(rolling, "partition", 0);
                json::fill(rolling, "maxUnavailable", 1);
            }
        }
        if let Some(retention) = json::part(spec, "persistentVolumeClaimRetentionPolicy") {
            json::fill(retention, "whenDeleted", "Retain");
            json::fill(retention, "whenScaled", "Retain");
        }
        json::fill(spec, "replicas", 1);
        json::fill(spec, "revisionHistoryLimit", 10);
        json::items_mut(spec, "volumeClaimTemplates").iter_mut().for_each(claim_spec::default_template);
        pod_spec::default_template(spec);
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({"replicas": 0, "availableReplicas": 0}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors = Errors::new();
        errors.extend(one_of_two(&spec.at("podManagementPolicy"), "OrderedReady", "Parallel"));
        errors.extend(strategy(&spec.at("updateStrategy")));
        let retention = spec.at("persistentVolumeClaimRetentionPolicy");
        let policies = ["whenDeleted", "whenScaled"].map(|name| retention.at(name));
        errors.extend(policies.iter().filter_map(|policy| policy.one_of(&["Retain", "Delete"])));
        errors.extend(spec.none_negative(&["replicas", "minReadySeconds"]));
        let start = spec.at("ordinals").at("start");
        errors.extend(start.not_negative());
        let (selector, template) = (spec.at("selector"), spec.at("template"));
        errors.extend(pod_spec::selector(&selector, "empty selector is invalid for statefulset"));
        errors.extend(pod_spec::selects(selector.value, &template));
        errors.extend(pod_spec::template_with_claims(&template, json::items(spec.value, "/volumeClaimTemplates")));
        errors.extend(spec.at("volumeClaimTemplates").items().flat_map(|one| claim_spec::template(&one)));
        errors.extend(pod_spec::endless(&template, "StatefulSet"));
        errors
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        Field::root(object).at("spec").at("serviceName").named(name::label)
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        if fixed(spec.value) == fixed(&old["spec"]) {
            return Vec::new();
        }
        let (last, names) = (MUTABLE.last(), MUTABLE.len().saturating_sub(1));
        let names: Vec<String> = MUTABLE.iter().take(names).map(|name| format!("'{name}'")).collect();
        let names = format!("{} and '{}'", names.join(", "), last.copied().unwrap_or_default());
        vec![spec.forbidden(format!("updates to statefulset spec for fields other than {names} are forbidden"))]
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let parts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"];
        let names = [&["replicas"][..], &parts, &["observedGeneration", "collisionCount"]].concat();
        status::counts(object, old, &names, &parts, "cannot be greater than status.readyReplicas")
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let spec = Field::root(object).at("spec");
        let mut told = pod_spec::warnings(&spec.at("template").at("spec"));
        told.extend(spec.at("volumeClaimTemplates").items().flat_map(|one| claim_spec::warnings(&one.at("spec"))));
        let history = spec.at("revisionHistoryLimit");
        if history.not_negative().is_some() {
            let why = "a negative value retains all historical revisions; a value >= 0 is recommended";
            told.push(format!("{}: {why}", history.path()));
        }
        told
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let (ready, desired) =
            (json::integer(object, "/status/readyReplicas"), json::integer(object, "/spec/replicas"));
        let [containers, images, _] = cells::template(object);
        vec![cells::name(object), format!("{ready}/{desired}").into(), cells::age(object, now), containers, images]
    }
}

/// What of a spec may not change.
fn fixed(spec: &Value) -> Map<String, Value> {
    let fields = json::entries(spec, "").filter(|(name, _)| !MUTABLE.contains(name));
    fields.map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

fn one_of_two(field: &Field<'_>, one: &str, other: &str) -> Option<FieldError> {
    let wrong = ![one, other].contains(&field.text());
    field.must().or_else(|| wrong.then(|| field.invalid(format!("must be '{one}' or '{other}'"))))
}

/// Everything wrong with how pods are replaced.
fn strategy(strategy: &Field<'_>) -> Errors {
    let rolling = strategy.at("rollingUpdate");
    let mut errors = Errors::new();
    match strategy.at("type").text() {
        "OnDelete" if rolling.is_set() => {
            errors.push(rolling.invalid("only allowed for updateStrategy 'RollingUpdate'"));
        }
        "OnDelete" => {}
        "RollingUpdate" => {
            errors.extend(rolling.at("partition").not_negative());
            let unavailable = rolling.at("maxUnavailable");
            errors.extend(share::validate(&unavailable));
            if unavailable.is_set() && Share::number(unavailable.value) == 0 {
                errors.push(unavailable.invalid("cannot be 0"));
            }
            errors.extend(share::at_most_all(&unavailable));
        }
        _ => errors.push(strategy.invalid("must be 'RollingUpdate' or 'OnDelete'")),
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, told, with};
    use expect_test::expect;

    fn sound() -> Value {
        json!({"metadata": {"name": "s", "namespace": "default", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": {
            "serviceName": "web", "selector": {"matchLabels": {"app": "s"}},
            "template": {"metadata": {"labels": {"app": "s"}}, "spec": {"containers": [
                {"name": "c", "image": "i:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1024Mi"}}}}]}})
    }

    #[test]
    fn it_gets_what_is_promised() {
        let mut object = defaulted(&StatefulSet, sound());
        StatefulSet.prepare_create(&mut object);
        assert_eq!(told(&StatefulSet.validate(&object)), "");
        object["spec"]["template"] = Value::Null;
        let spec = json!({"podManagementPolicy": "OrderedReady", "serviceName": "web", "replicas": 1,
            "selector": {"matchLabels": {"app": "s"}}, "template": null, "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 1}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "volumeClaimTemplates": [{"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem",
                    "resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Pending"}}]});
        assert_eq!(object["spec"], spec);
        assert_eq!(object["status"], json!({"replicas": 0, "availableReplicas": 0}));
    }

    #[test]
    fn what_is_wrong_is_told() {
        check(
            &StatefulSet,
            &json!({"metadata": {"name": "s"}}),
            &expect![[r#"
            spec.selector: Required value
            spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`
            spec.template.spec.containers: Required value"#]],
        );
        let changes = json!({"podManagementPolicy": "Some", "updateStrategy": {"type": "OnDelete", "rollingUpdate": {}},
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Keep"}, "replicas": -1, "minReadySeconds": -1,
            "ordinals": {"start": -1}, "selector": {}, "volumeClaimTemplates": [{"metadata": {}, "spec": {}}]});
        check(
            &StatefulSet,
            &with(sound(), "spec", &changes),
            &expect![[r#"
                spec.podManagementPolicy: Invalid value: "Some": must be 'OrderedReady' or 'Parallel'
                spec.updateStrategy.rollingUpdate: Invalid value: {}: only allowed for updateStrategy 'RollingUpdate'
                spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Keep": supported values: "Retain", "Delete"
                spec.replicas: Invalid value: -1: must be greater than or equal to 0
                spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
                spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0
                spec.selector: Invalid value: {}: empty selector is invalid for statefulset
                spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"
                spec.volumeClaimTemplates[0].metadata.name: Required value
                spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required
                spec.volumeClaimTemplates[0].spec.resources[storage]: Required value"#]],
        );
        let rolling = |value: Value| with(sound(), "spec", &json!({"updateStrategy": {"rollingUpdate": value}}));
        check(
            &StatefulSet,
            &rolling(json!({"partition": -1, "maxUnavailable": "0%"})),
            &expect![[r#"
            spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0
            spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "0%": cannot be 0"#]],
        );
        check(
            &StatefulSet,
            &rolling(json!({"maxUnavailable": "101%"})),
            &expect![[
                r#"spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%"#
            ]],
        );
        let bad = json!({"updateStrategy": {"type": "Slowly"}, "serviceName": "a.b", "template": {"spec": {
            "restartPolicy": "Never", "activeDeadlineSeconds": 1, "containers": [{"name": "c", "image": "i"}]}}});
        check(
            &StatefulSet,
            &with(sound(), "spec", &bad),
            &expect![[r#"
                spec.updateStrategy: Invalid value: {"type":"Slowly"}: must be 'RollingUpdate' or 'OnDelete'
                spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`
                spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"
                spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported
                spec.serviceName: Invalid value: "a.b": must not contain dots"#]],
        );
    }

    #[test]
    fn most_of_it_stays() {
        let old = defaulted(&StatefulSet, sound());
        let mut new = with(old.clone(), "spec", &json!({"replicas": 3, "template": {}, "minReadySeconds": 1}));
        assert_eq!(StatefulSet.validate_update(&new, &old), []);
        new["spec"]["serviceName"] = "other".into();
        expect!["spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"].assert_eq(&told(&StatefulSet.validate_update(&new, &old)));
    }

    #[test]
    fn its_status_adds_up() {
        let old = json!({"status": {"collisionCount": 2}});
        let new = json!({"status": {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3, "currentReplicas": -1}});
        expect![[r#"
            status.currentReplicas: Invalid value: -1: must be greater than or equal to 0
            status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas
            status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas
            status.availableReplicas: Invalid value: 3: cannot be greater than status.readyReplicas
            status.collisionCount: Invalid value: 0: cannot be decremented"#]]
        .assert_eq(&told(&StatefulSet.validate_status(&new, &old)));
    }

    #[test]
    fn a_row_counts_what_is_ready() {
        let object = with(defaulted(&StatefulSet, sound()), "status", &json!({"readyReplicas": 1}));
        let row = Value::from(StatefulSet.cells(&object, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["s", "1/1", "0s", "c", "i:1"]));
    }
}
