//! Kinds of the group `metrics.k8s.io`: what nodes and pods use at the moment. Nothing stores them; the nodes know.

use serde_json::Value;

use crate::json;
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::kinds::{NAME, base};

pub(super) mod node_metrics;
pub(super) mod pod_metrics;

/// The columns of metrics-server, which has no texts for them.
const COLUMNS: &[Column] = &[
    Column { description: "Name of the resource", ..NAME },
    plain("cpu", "quantity"),
    plain("memory", "quantity"),
    plain("Window", "duration"),
];

const fn plain(name: &'static str, format: &'static str) -> Column {
    Column { name, kind: "string", format, description: "", priority: 0 }
}

/// What both kinds share. They have no singular, so that `kubectl get pod` cannot mean them.
fn metrics(kind: &str, plural: &str, schema: &'static str, strategy: &'static dyn Strategy) -> Kind {
    Kind {
        version: "v1beta1".into(),
        singular: "".into(),
        columns: COLUMNS,
        flags: Flags { computed: true, ..Flags::default() },
        schema,
        ..base("metrics.k8s.io", kind, plural, strategy)
    }
}

/// A row of an object that uses so much.
fn row(object: &Value, cpu: String, memory: String) -> Vec<Value> {
    vec![json::text(object, "/metadata/name").into(), cpu.into(), memory.into(), json::text(object, "/window").into()]
}
