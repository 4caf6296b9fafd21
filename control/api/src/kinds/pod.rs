//! Pod: containers that live together on one node.

use serde_json::{Value, json};

use super::{AGE, NAME, base, cells, column, wide};
use crate::kind::{Column, Deletion, Flags, Kind, Strategy, Subresource};
use crate::meta::Timestamp;

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

pub(super) fn kind() -> Kind {
    Kind {
        short: &["po"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Binding, Subresource::Log],
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
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.Pod",
        ..base("", "Pod", "pods", &Pod)
    }
}

#[derive(Debug)]
struct Pod;

/// Grace when the spec names none; defaulting has set it, so this is for objects that were never defaulted.
const GRACE: u32 = 30;

impl Strategy for Pod {
    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({"phase": "Pending"});
    }

    fn deletion(&self, object: &Value, grace: Option<u32>) -> Deletion {
        let own = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_u64);
        let own = own.map_or(GRACE, |seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
        let ended = matches!(cells::text(object, "/status/phase"), "Succeeded" | "Failed");
        match grace.unwrap_or(own) {
            0 => Deletion::Now,
            _ if ended || cells::text(object, "/spec/nodeName").is_empty() => Deletion::Now,
            seconds => Deletion::Graceful(seconds),
        }
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let or_none = |pointer| Value::from(cells::or(cells::text(object, pointer), cells::NONE));
        vec![
            cells::name(object),
            "0/1".into(),
            cells::text(object, "/status/phase").into(),
            "0".into(),
            cells::age(object, now),
            or_none("/status/podIP"),
            or_none("/spec/nodeName"),
            or_none("/status/nominatedNodeName"),
            cells::NONE.into(),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        let text = |pointer| cells::text(object, pointer).to_owned();
        vec![
            ("spec.nodeName", text("/spec/nodeName")),
            ("spec.restartPolicy", text("/spec/restartPolicy")),
            ("spec.schedulerName", text("/spec/schedulerName")),
            ("spec.serviceAccountName", text("/spec/serviceAccountName")),
            ("spec.hostNetwork", cells::boolean(object, "/spec/hostNetwork").to_string()),
            ("status.phase", text("/status/phase")),
            ("status.podIP", text("/status/podIP")),
            ("status.podIPs", cells::joined(object, "/status/podIPs", "ip")),
            ("status.nominatedNodeName", text("/status/nominatedNodeName")),
        ]
    }
}
