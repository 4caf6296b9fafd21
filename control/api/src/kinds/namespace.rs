//! Namespace: what everything namespaced lives in.

use serde_json::{Value, json};

use super::{AGE, NAME, base, cells, column};
use crate::kind::{Column, Flags, Kind, Scope, Strategy, Subresource};
use crate::meta::Timestamp;

const COLUMNS: &[Column] = &[NAME, column("Status", "string", "The status of the namespace"), AGE];

pub(super) fn kind() -> Kind {
    Kind {
        short: &["ns"],
        scope: Scope::Cluster,
        subresources: &[Subresource::Status, Subresource::Finalize],
        columns: COLUMNS,
        selectable: &["status.phase"],
        flags: Flags { returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.Namespace",
        ..base("", "Namespace", "namespaces", &Namespace)
    }
}

#[derive(Debug)]
struct Namespace;

impl Strategy for Namespace {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), cells::text(object, "/status/phase").into(), cells::age(object, now)]
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({"phase": "Active"});
        let Some(spec) = cells::section(object, "spec") else { return };
        let finalizers = spec.entry("finalizers").or_insert_with(|| json!([]));
        if let Some(finalizers) = finalizers.as_array_mut()
            && !finalizers.iter().any(|one| one == "kubernetes")
        {
            finalizers.push("kubernetes".into());
        }
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("status.phase", cells::text(object, "/status/phase").to_owned())]
    }
}
