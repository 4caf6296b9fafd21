//! Job: pods of one template until so many of them have succeeded.

use serde_json::{Map, Value, json};

use super::{job_spec, job_status};
use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::selector::LabelSelector;
use crate::validate::FieldError;
use crate::{json, name, pod_spec, time};

const COLUMNS: &[Column] = &[
    NAME,
    column("Status", "string", "What became of it so far."),
    column("Completions", "string", "Number of pods that succeeded, of those wanted."),
    column("Duration", "string", "Time from its start to its end, or until now."),
    AGE,
    wide("Containers", "string", "Names of the template's containers."),
    wide("Images", "string", "Images of the template's containers."),
    wide("Selector", "string", "Labels of its pods."),
];

/// Labels by which a Job finds its pods, current and old, and whether their value is the uid, else the name.
const LABELS: [(&str, bool); 4] = [
    ("controller-uid", true),
    ("job-name", false),
    ("batch.kubernetes.io/controller-uid", true),
    ("batch.kubernetes.io/job-name", false),
];
/// The label that the generated selector asks for.
const UID_LABEL: &str = "batch.kubernetes.io/controller-uid";

/// Fields of the spec that stay.
const IMMUTABLE: &[&str] =
    &["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: &["all"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        selectable: &["status.successful"],
        flags: Flags { orphans_dependents: true, ..Flags::default() },
        schema: "io.k8s.api.batch.v1.Job",
        ..base("batch", "Job", "jobs", &Job)
    }
}

#[derive(Debug)]
struct Job;

impl Strategy for Job {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = json::part(object, "spec") {
            pod_spec::default_template(spec);
            job_spec::default(spec);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
        generate_selector(object);
        label(object);
    }

    fn prepare_update(&self, object: &mut Value, _old: &Value) {
        label(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors = generated(object);
        errors.extend(job_spec::rules(&spec));
        let (selector, template) = (spec.at("selector"), spec.at("template"));
        errors.extend((!selector.is_set()).then(|| selector.required("")));
        errors.extend(pod_spec::label_selector(&selector));
        errors.extend(pod_spec::selects(selector.value, &template));
        errors.extend(last_host_name(object));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let (spec, before) = (Field::root(object).at("spec"), &old["spec"]);
        let mut errors: Errors = completions(&spec, before).into_iter().collect();
        errors.extend(spec.at("selector").unchanged(&before["selector"]));
        errors.extend(template(&spec, old));
        errors.extend(IMMUTABLE.iter().filter_map(|name| spec.at(name).unchanged(&before[*name])));
        errors
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        job_status::rules(object, old)
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let mut told = pod_spec::name_warnings(object, pod_spec::OF_PODS);
        told.extend(pod_spec::warnings(&Field::root(object).at("spec").at("template").at("spec")));
        told
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let [containers, images, selector] = cells::template(object);
        vec![
            cells::name(object),
            status(object).into(),
            progress(object).into(),
            duration(object, now).into(),
            cells::age(object, now),
            containers,
            images,
            selector,
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("status.successful", json::integer(object, "/status/succeeded").to_string())]
    }
}

/// Gives the template the labels that say whose its pods are, and the Job a selector of one of them, unless the user wants
/// to do both. What contradicts them is told by validation.
fn generate_selector(object: &mut Value) {
    if object["spec"]["manualSelector"] == true {
        return;
    }
    let (name, uid) = (json::text(object, "/metadata/name").to_owned(), json::text(object, "/metadata/uid").to_owned());
    let Some(spec) = object.get_mut("spec") else { return };
    if let Some(meta) = spec.pointer_mut("/template/metadata")
        && let Some(labels) = json::section(meta, "labels")
    {
        for (key, is_uid) in LABELS {
            let value = if is_uid { &uid } else { &name };
            labels.entry(key).or_insert_with(|| value.clone().into());
        }
    }
    if let Some(selector) = json::part(spec, "selector")
        && let Some(labels) = json::section(selector, "matchLabels")
    {
        labels.entry(UID_LABEL).or_insert_with(|| uid.into());
    }
}

/// A Job without labels has those of its pods.
fn label(object: &mut Value) {
    let labels = object["spec"]["template"]["metadata"]["labels"].clone();
    if !json::is_empty(&object["metadata"]["labels"]) || !labels.is_object() {
        return;
    }
    if let Some(meta) = json::section(object, "metadata") {
        meta.insert("labels".into(), labels);
    }
}

/// Everything wrong with labels and selector that the server makes.
fn generated(object: &Value) -> Errors {
    let spec = Field::root(object).at("spec");
    if spec.at("manualSelector").is_true() || !spec.at("selector").is_set() {
        return Errors::new();
    }
    let (name, uid) = (json::text(object, "/metadata/name"), json::text(object, "/metadata/uid"));
    let labels = spec.at("template").at("metadata").at("labels");
    let mut errors = Errors::new();
    let mut expected = Map::new();
    for (key, is_uid) in LABELS {
        let (value, found) = (if is_uid { uid } else { name }, labels.entry(key));
        if !found.is_set() {
            errors.push(found.required(&format!("must be '{value}'")));
        } else if found.text() != value {
            errors.push(found.invalid_part(labels.value.clone(), format!("must be '{value}'")));
        }
        expected.insert(key.to_owned(), value.into());
    }
    let selector = spec.at("selector");
    if LabelSelector::from_value(selector.value).is_ok_and(|wanted| !wanted.matches_labels(&expected.into())) {
        errors.push(selector.invalid("`selector` not auto-generated"));
    }
    errors
}

/// An error when the last of the pods with an index could not have its name as a host name.
fn last_host_name(object: &Value) -> Option<FieldError> {
    let completions = json::integer(object, "/spec/completions");
    if object["spec"]["completionMode"] != "Indexed" || completions <= 0 {
        return None;
    }
    let own = Field::root(object).at("metadata").at("name");
    let host = format!("{}-{}", own.text(), completions - 1);
    let why = format!("will not able to create pod with invalid DNS label: {host}");
    (!name::label(&host).is_empty()).then(|| own.invalid(why))
}

/// The number of pods wanted may change only together with how many run at once, and only when they have indexes.
fn completions(spec: &Field<'_>, before: &Value) -> Option<FieldError> {
    let completions = spec.at("completions");
    if spec.at("completionMode").text() != "Indexed" {
        return completions.unchanged(&before["completions"]);
    }
    let changed = completions.is_set() && completions.value != &before["completions"];
    let why = "can only be modified in tandem with spec.parallelism";
    (changed && completions.value != spec.at("parallelism").value).then(|| completions.invalid(why))
}

/// Where pods go, and how much they may use, may change while a Job is suspended and has no pods; nothing else may.
fn template(spec: &Field<'_>, old: &Value) -> Option<FieldError> {
    let (now, before) = (spec.at("template"), &old["spec"]["template"]);
    if old["spec"]["suspend"] != true {
        return now.unchanged(before);
    }
    let idle = old["status"]["startTime"].is_null() || json::integer(old, "/status/active") == 0;
    let now = now.at("spec");
    let placed = |value: &Value| without_resources(if idle { without_place(value) } else { value.clone() });
    (placed(now.value) != placed(&before["spec"])).then(|| now.invalid("field is immutable"))
}

fn without_place(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(fields) = spec.as_object_mut() {
        for name in ["nodeSelector", "tolerations", "schedulingGates"] {
            fields.remove(name);
        }
        if let Some(affinity) = fields.get_mut("affinity").and_then(Value::as_object_mut) {
            affinity.remove("nodeAffinity");
        }
        if fields.get("affinity").is_some_and(json::is_empty) {
            fields.remove("affinity");
        }
    }
    spec
}

fn without_resources(mut spec: Value) -> Value {
    for list in ["containers", "initContainers"] {
        for container in json::items_mut(&mut spec, list) {
            json::set(container, "resources", Value::Null);
        }
    }
    spec
}

fn status(object: &Value) -> &'static str {
    let holds = |kind: &str| job_status::holds(object, kind);
    match () {
        () if holds("Complete") => "Complete",
        () if holds("Failed") => "Failed",
        () if !json::text(object, "/metadata/deletionTimestamp").is_empty() => "Terminating",
        () if holds("Suspended") => "Suspended",
        () if holds("FailureTarget") => "FailureTarget",
        () if holds("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

/// `1/3`, or `1/1 of 4` when one of several pods is to succeed.
fn progress(object: &Value) -> String {
    let succeeded = json::integer(object, "/status/succeeded");
    let parallelism = json::integer(object, "/spec/parallelism");
    match object.pointer("/spec/completions").and_then(Value::as_i64) {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    }
}

fn duration(object: &Value, now: Timestamp) -> String {
    let Some(start) = time::at(object, "/status/startTime") else { return String::new() };
    let end = time::at(object, "/status/completionTime").unwrap_or(now);
    time::human(end.as_second().saturating_sub(start.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told, with};
    use expect_test::{Expect, expect};

    fn sound(spec: &Value) -> Value {
        let template = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}});
        let object = json!({"metadata": {"name": "j", "namespace": "default", "uid": "u1",
            "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": {"template": template}});
        let mut object = defaulted(&Job, with(object, "spec", spec));
        Job.prepare_create(&mut object);
        object
    }

    fn check_spec(spec: &Value, expected: &Expect) {
        expected.assert_eq(&told(&Job.validate(&sound(spec))));
    }

    #[test]
    fn it_gets_a_selector_and_labels_of_its_own() {
        let mut object = sound(&json!({}));
        let labels = json!({"controller-uid": "u1", "job-name": "j", "batch.kubernetes.io/controller-uid": "u1",
            "batch.kubernetes.io/job-name": "j"});
        assert_eq!(object["spec"]["template"]["metadata"]["labels"], labels);
        assert_eq!(object["metadata"]["labels"], labels);
        assert_eq!(told(&Job.validate(&object)), "");
        object["spec"]["template"] = Value::Null;
        let spec = json!({"parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed",
            "manualSelector": false, "suspend": false, "podReplacementPolicy": "TerminatingOrFailed", "template": null,
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u1"}}});
        assert_eq!(object["spec"], spec);
    }

    #[test]
    fn labels_of_its_own_stay_its_own() {
        let mut object = json!({"metadata": {"name": "j", "uid": "u", "labels": {"a": "b"}}});
        Job.default(&mut object);
        Job.prepare_create(&mut object);
        assert_eq!(object["metadata"]["labels"], json!({"a": "b"}));
    }

    #[test]
    fn what_is_wrong_is_told() {
        check_spec(
            &json!({"template": {}}),
            &expect![[r#"
            spec.template.spec.containers: Required value
            spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never""#]],
        );
        check_spec(
            &json!({"parallelism": -1, "completions": -1, "backoffLimit": -1, "activeDeadlineSeconds": -1,
                "ttlSecondsAfterFinished": -1, "maxFailedIndexes": 1, "managedBy": "me", "completionMode": "Some",
                "podReplacementPolicy": "Never", "selector": {"matchLabels": {"a": "b"}}}),
            &expect![[r#"
                spec.selector: Invalid value: {"matchLabels":{"a":"b","batch.kubernetes.io/controller-uid":"u1"}}: `selector` not auto-generated
                spec.parallelism: Invalid value: -1: must be greater than or equal to 0
                spec.completions: Invalid value: -1: must be greater than or equal to 0
                spec.activeDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0
                spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0
                spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0
                spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified
                spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")
                spec.completionMode: Unsupported value: "Some": supported values: "NonIndexed", "Indexed"
                spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"
                spec.template.metadata.labels: Invalid value: {"batch.kubernetes.io/controller-uid":"u1","batch.kubernetes.io/job-name":"j","controller-uid":"u1","job-name":"j"}: `selector` does not match template `labels`"#]],
        );
        let labels = json!({"job-name": "other"});
        let spec = json!({"restartPolicy": "Sometimes", "containers": [{"name": "c", "image": "i"}]});
        check_spec(
            &json!({"template": {"metadata": {"labels": labels}, "spec": spec}}),
            &expect![[r#"
            spec.template.metadata.labels[job-name]: Invalid value: {"batch.kubernetes.io/controller-uid":"u1","batch.kubernetes.io/job-name":"j","controller-uid":"u1","job-name":"other"}: must be 'j'
            spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"
            spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "OnFailure", "Never""#]],
        );
        check_spec(
            &json!({"completionMode": "Indexed", "parallelism": 200_000, "maxFailedIndexes": 200_000,
                "backoffLimitPerIndex": 1, "completions": 150_000}),
            &expect![[r#"
                spec.parallelism: Invalid value: 200000: must be less than or equal to 100000 when completion mode is Indexed
                spec.maxFailedIndexes: Invalid value: 200000: must be less than or equal to completions
                spec.maxFailedIndexes: Invalid value: 200000: must be less than or equal to 100000
                spec.parallelism: Invalid value: 200000: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index
                spec.maxFailedIndexes: Invalid value: 200000: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index"#]],
        );
        check_spec(
            &json!({"completionMode": "Indexed", "parallelism": 1}),
            &expect!["spec.completions: Required value: when completion mode is Indexed"],
        );
    }

    #[test]
    fn policies_are_checked_rule_by_rule() {
        let rules = json!([{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [3, 0, 3],
            "containerName": "x"}}, {"onPodConditions": [{"type": "a b", "status": "Maybe"}]}, {"action": "Stop"},
            {"action": "Count", "onExitCodes": {"values": []}, "onPodConditions": [{"type": "A"}]}]);
        check_spec(
            &json!({"podFailurePolicy": {"rules": rules}, "podReplacementPolicy": "TerminatingOrFailed"}),
            &expect![[r#"
                spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set
                spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in the pod template
                spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator
                spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 3
                spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,0,3]: must be ordered
                spec.podFailurePolicy.rules[1].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]
                spec.podFailurePolicy.rules[1].onPodConditions[0].type: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
                spec.podFailurePolicy.rules[1].onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"
                spec.podFailurePolicy.rules[2].action: Unsupported value: "Stop": supported values: "Count", "FailIndex", "FailJob", "Ignore"
                spec.podFailurePolicy.rules[2]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required
                spec.podFailurePolicy.rules[3].onExitCodes.operator: Required value: valid values: ["In" "NotIn"]
                spec.podFailurePolicy.rules[3].onExitCodes.values: Invalid value: []: at least one value is required
                spec.podFailurePolicy.rules[3]: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported
                spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed""#]],
        );
        let rules = json!([{}, {"succeededIndexes": "0-9"}, {"succeededIndexes": "0,1", "succeededCount": 3}]);
        check_spec(
            &json!({"completionMode": "Indexed", "completions": 3, "successPolicy": {"rules": rules}}),
            &expect![[r#"
                spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified
                spec.successPolicy.rules[1].succeededIndexes: Invalid value: "0-9": error parsing succeededIndexes: too large index: "9"
                spec.successPolicy.rules[2].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)"#]],
        );
        check_spec(
            &json!({"successPolicy": {"rules": []}}),
            &expect![[r#"spec.successPolicy: Invalid value: {"rules":[]}: requires indexed completion mode"#]],
        );
    }

    #[test]
    fn little_of_it_may_change() {
        let update = |before: &Value, after: &Value| {
            let (old, new) = (sound(before), sound(after));
            told(&Job.validate_update(&new, &old))
        };
        assert_eq!(
            update(&json!({}), &json!({"completions": 1, "parallelism": 3, "suspend": true, "backoffLimit": 1})),
            ""
        );
        expect![[r#"
            spec.completions: Invalid value: 2: can only be modified in tandem with spec.parallelism
            spec.completionMode: Invalid value: "Indexed": field is immutable
            spec.managedBy: Invalid value: "a.io/b": field is immutable"#]]
        .assert_eq(&update(&json!({}), &json!({"completions": 2, "completionMode": "Indexed", "managedBy": "a.io/b"})));
        let placed = json!({"template": {"spec": {"restartPolicy": "Never", "nodeSelector": {"a": "b"},
            "containers": [{"name": "c", "image": "i:1", "resources": {"limits": {"cpu": "1"}}}]}}, "suspend": true});
        assert_eq!(update(&json!({"suspend": true}), &placed), "");
        assert!(update(&json!({}), &placed).starts_with("spec.template: Invalid value: {"));
        let indexed = |number: i64| json!({"completionMode": "Indexed", "completions": number, "parallelism": number});
        assert_eq!(update(&indexed(2), &indexed(3)), "");
    }

    #[test]
    fn its_status_only_moves_on() {
        let condition = |kind: &str| json!({"type": kind, "status": "True"});
        let old = json!({"status": {"startTime": "2026-01-01T00:00:00Z", "failed": 2,
            "conditions": [condition("SuccessCriteriaMet")]}});
        let new = json!({"status": {"completionTime": "2025-01-01T00:00:00Z", "active": 1, "ready": 2, "failed": 1,
            "conditions": [condition("Failed"), condition("Complete")], "uncountedTerminatedPods": {"failed": ["", "a", "a"]},
            "completedIndexes": "0"}, "spec": {"completions": 1}});
        expect![[r#"
            status.uncountedTerminatedPods.failed[0]: Invalid value: "": must not be empty
            status.uncountedTerminatedPods.failed[2]: Duplicate value: "a"
            status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions
            status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition
            status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition
            status.startTime: Required value: startTime is required for finished job
            status.active: Invalid value: 1: active>0 is invalid for finished job
            status.uncountedTerminatedPods: Invalid value: {"failed":["","a","a"]}: must be empty for finished job
            status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode
            status.ready: Invalid value: 2: cannot set more ready pods than active
            status.failed: Invalid value: 1: cannot decrease the failed counter
            status.startTime: Required value: startTime cannot be removed for unsuspended job
            status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition"#]].assert_eq(&told(&Job.validate_status(&new, &old)));
        let done = json!({"status": {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:00Z",
            "failed": 2, "conditions": [condition("SuccessCriteriaMet"), condition("Complete")]}});
        assert_eq!(told(&Job.validate_status(&done, &old)), "");
    }

    #[test]
    fn a_row_tells_how_far_it_is() {
        let row = |status: Value| {
            let object = with(sound(&json!({"completions": 3})), "status", &status);
            Value::from(Job.cells(&object, Timestamp::from_second(200).unwrap()))
        };
        let selector = "batch.kubernetes.io/controller-uid=u1";
        let running = json!({"startTime": "1970-01-01T00:01:40Z", "succeeded": 1});
        assert_eq!(row(running), json!(["j", "Running", "1/3", "100s", "3m20s", "c", "i:1", selector]));
        let conditions = json!([{"type": "Complete", "status": "True"}]);
        let done = json!({"startTime": "1970-01-01T00:00:10Z", "completionTime": "1970-01-01T00:00:15Z", "succeeded": 3,
            "conditions": conditions});
        assert_eq!(row(done), json!(["j", "Complete", "3/3", "5s", "3m20s", "c", "i:1", selector]));
    }
}
