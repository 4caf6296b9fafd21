//! Pod: containers that live together on one node.

use serde_json::{Value, json};

use crate::facts::{Facts, Phase, PodFacts};
use crate::field::Field;
use crate::intern::shared;
use crate::kind::{Column, Deletion, Flags, Kind, StatusKeeps, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, pod_spec, time};

mod status;
mod summary;

const COLUMNS: &[Column] = &[
    NAME,
    column("Ready", "string", "Number of ready containers of all."),
    column("Status", "string", "What the pod's containers do, or why they cannot."),
    column("Restarts", "string", "How often containers were restarted, and when last."),
    AGE,
    wide("IP", "string", "Address of the pod."),
    wide("Node", "string", "Node that it is bound to."),
    wide("Nominated Node", "string", "Node on which room is being made for it."),
    wide("Readiness Gates", "string", "Number of gates that are open of all."),
];

const SUBRESOURCES: &[Subresource] = &[
    Subresource::Status,
    Subresource::Binding,
    Subresource::Log,
    Subresource::Eviction,
    Subresource::EphemeralContainers,
    Subresource::Resize,
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["po"],
        categories: &["all"],
        subresources: SUBRESOURCES,
        columns: COLUMNS,
        selectable: &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        flags: Flags { returns_deleted: true, graceful: true, status_keeps: StatusKeeps::Owners, ..Flags::default() },
        schema: "io.k8s.api.core.v1.Pod",
        ..base("", "Pod", "pods", &Pod)
    }
}

#[derive(Debug)]
struct Pod;

impl Strategy for Pod {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = json::part(object, "spec") {
            pod_spec::default_spec(spec);
            pod_spec::default_pod(spec);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        let class = pod_spec::qos_class(&object["spec"]);
        json::set(object, "status", json!({"phase": "Pending", "qosClass": class.as_str()}));
    }

    fn prepare_status(&self, object: &mut Value, old: &Value) {
        status::complete(object, old);
    }

    fn prepare_part(&self, part: Subresource, object: &mut Value, wanted: &Value) {
        match part {
            Subresource::EphemeralContainers => {
                let Some(spec) = json::section(object, "spec") else { return };
                match wanted.pointer("/spec/ephemeralContainers") {
                    Some(containers) => spec.insert("ephemeralContainers".into(), containers.clone()),
                    None => spec.remove("ephemeralContainers"),
                };
            }
            Subresource::Resize => pod_spec::carry_resize(object, wanted),
            _ => {}
        }
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        pod_spec::new_pod(object)
    }

    fn validate_part(&self, part: Subresource, object: &Value, old: &Value) -> Vec<FieldError> {
        match part {
            Subresource::EphemeralContainers => pod_spec::only_added(object, old),
            Subresource::Resize => pod_spec::resize_changed(object, old),
            _ => Vec::new(),
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        pod_spec::pod(object)
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let mut told = pod_spec::name_warnings(object, pod_spec::OF_HOST);
        told.extend(pod_spec::warnings(&Field::root(object).at("spec")));
        told
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        pod_spec::immutable_but_a_few(object, old)
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        status::rules(object, old)
    }

    fn deletion(&self, object: &Value, grace: Option<u32>) -> Deletion {
        let own = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
        // Less than nothing counts as a second, as in Kubernetes.
        let own = own.map(|seconds| if seconds < 0 { 1 } else { seconds });
        let own = own.map_or(pod_spec::GRACE, |seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
        let ended = phase(object).is_terminal();
        match grace.unwrap_or(own) {
            0 => Deletion::Now,
            _ if ended || json::text(object, "/spec/nodeName").is_empty() => Deletion::Now,
            seconds => Deletion::Graceful(seconds),
        }
    }

    fn facts(&self, object: &Value) -> Facts {
        let spec = &object["spec"];
        let conditions = json::items(object, "/status/conditions");
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
        let seconds = |moment: Option<Timestamp>| moment.map_or(0, Timestamp::as_second);
        let some = |text: &str| (!text.is_empty()).then(|| shared(text));
        Facts::Pod(Box::new(PodFacts {
            phase: phase(object),
            ready: ready.is_some_and(|condition| condition["status"] == "True"),
            ready_since: seconds(ready.and_then(|condition| time::at(condition, "/lastTransitionTime"))),
            created: seconds(time::at(object, "/metadata/creationTimestamp")),
            node: some(json::text(spec, "/nodeName")),
            requests: pod_spec::held_requests(spec, &object["status"]),
            scheduler: some(json::text(spec, "/schedulerName")),
            priority: i32::try_from(json::integer(spec, "/priority")).unwrap_or_default(),
            constrained: pod_spec::constrained(spec),
            template_hash: some(json::text(object, "/metadata/labels/pod-template-hash")),
        }))
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let or_none = |text: &str| Value::from(cells::or(text, cells::NONE));
        let seen = summary::of(object);
        vec![
            cells::name(object),
            format!("{}/{}", seen.ready, seen.containers).into(),
            seen.status.clone().into(),
            seen.restarts_text(now).into(),
            cells::age(object, now),
            or_none(address(object)),
            or_none(json::text(object, "/spec/nodeName")),
            or_none(json::text(object, "/status/nominatedNodeName")),
            gates(object).into(),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        let text = |pointer| json::text(object, pointer).to_owned();
        vec![
            ("spec.nodeName", text("/spec/nodeName")),
            ("spec.restartPolicy", text("/spec/restartPolicy")),
            ("spec.schedulerName", text("/spec/schedulerName")),
            ("spec.serviceAccountName", text("/spec/serviceAccountName")),
            ("spec.hostNetwork", json::boolean(object, "/spec/hostNetwork").to_string()),
            ("status.phase", text("/status/phase")),
            ("status.podIP", text("/status/podIP")),
            ("status.podIPs", cells::joined(object, "/status/podIPs", "ip")),
            ("status.nominatedNodeName", text("/status/nominatedNodeName")),
        ]
    }
}

fn phase(object: &Value) -> Phase {
    match json::text(object, "/status/phase") {
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        "Unknown" => Phase::Unknown,
        _ => Phase::Pending,
    }
}

fn address(object: &Value) -> &str {
    cells::or(json::text(object, "/status/podIPs/0/ip"), json::text(object, "/status/podIP"))
}

/// How many readiness gates are open, of all: `1/2`.
fn gates(object: &Value) -> String {
    let gates = json::items(object, "/spec/readinessGates");
    if gates.is_empty() {
        return cells::NONE.to_owned();
    }
    let conditions = json::items(object, "/status/conditions");
    let open =
        |gate: &&Value| conditions.iter().any(|one| one["type"] == gate["conditionType"] && one["status"] == "True");
    format!("{}/{}", gates.iter().filter(open).count(), gates.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Amounts;
    use crate::kinds::tests::defaulted;

    fn bound() -> Value {
        let spec = json!({"nodeName": "n1", "priority": 5, "readinessGates": [{"conditionType": "a"},
            {"conditionType": "b"}],
            "containers": [{"name": "c", "image": "i:1", "resources": {"limits": {"cpu": "100m", "memory": "64Mi"}}}]});
        let conditions = json!([{"type": "Ready", "status": "True", "lastTransitionTime": "1970-01-01T00:01:00Z"},
            {"type": "a", "status": "True"}]);
        let statuses = json!([{"name": "c", "ready": true, "restartCount": 1, "state": {"running": {}}}]);
        let object = json!({"metadata": {"name": "web", "labels": {"pod-template-hash": "h"},
            "creationTimestamp": "1970-01-01T00:00:30Z"},
            "spec": spec, "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"},
            {"ip": "fd00::1"}],
            "conditions": conditions, "containerStatuses": statuses}});
        defaulted(&Pod, object)
    }

    #[test]
    fn facts_say_what_decisions_need() {
        let facts = PodFacts {
            phase: Phase::Running,
            ready: true,
            ready_since: 60,
            created: 30,
            node: Some("n1".into()),
            requests: Amounts { cpu_milli: 100, memory: 64 << 20, storage: 0, pods: 1 },
            scheduler: Some("default-scheduler".into()),
            priority: 5,
            constrained: false,
            template_hash: Some("h".into()),
        };
        assert_eq!(Pod.facts(&bound()), Facts::Pod(Box::new(facts)));
    }

    #[test]
    fn a_row_tells_state_place_and_gates() {
        let cells = Pod.cells(&bound(), Timestamp::from_second(150).unwrap());
        assert_eq!(Value::from(cells), json!(["web", "1/1", "Running", "1", "2m", "10.0.0.1", "n1", "<none>", "1/2"]));
    }

    #[test]
    fn a_new_pod_is_pending_and_has_a_class() {
        let mut pod = bound();
        Pod.prepare_create(&mut pod);
        assert_eq!(pod["status"], json!({"phase": "Pending", "qosClass": "Guaranteed"}));
        assert_eq!(Pod.validate(&pod), []);
    }

    #[test]
    fn only_what_may_run_on_a_node_is_given_grace() {
        let mut pod = bound();
        assert_eq!(Pod.deletion(&pod, None), Deletion::Graceful(30));
        assert_eq!(Pod.deletion(&pod, Some(5)), Deletion::Graceful(5));
        assert_eq!(Pod.deletion(&pod, Some(0)), Deletion::Now);
        pod["spec"]["terminationGracePeriodSeconds"] = 0.into();
        assert_eq!(Pod.deletion(&pod, None), Deletion::Now);
        pod["spec"]["terminationGracePeriodSeconds"] = 7.into();
        assert_eq!(Pod.deletion(&pod, None), Deletion::Graceful(7));
        pod["status"]["phase"] = "Failed".into();
        assert_eq!(Pod.deletion(&pod, None), Deletion::Now);
        let mut pod = bound();
        pod["spec"]["nodeName"] = Value::Null;
        assert_eq!(Pod.deletion(&pod, None), Deletion::Now);
    }
}
