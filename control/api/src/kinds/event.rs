//! Event: something that happened to an object.

use serde_json::Value;

use super::{base, cells, column, wide};
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::meta::Timestamp;
use crate::time;

const COLUMNS: &[Column] = &[
    column("Last Seen", "string", "Time since it last happened."),
    column("Type", "string", "Normal or Warning."),
    column("Reason", "string", "Why, in one word."),
    column("Object", "string", "What it happened to."),
    wide("Subobject", "string", "Which part of the object."),
    wide("Source", "string", "Who tells."),
    column("Message", "string", "What happened."),
    wide("First Seen", "string", "Time since it first happened."),
    wide("Count", "string", "How often it happened."),
    Column { priority: 1, ..super::NAME },
];

const FIELDS: &[(&str, &str)] = &[
    ("involvedObject.kind", "/involvedObject/kind"),
    ("involvedObject.namespace", "/involvedObject/namespace"),
    ("involvedObject.name", "/involvedObject/name"),
    ("involvedObject.uid", "/involvedObject/uid"),
    ("involvedObject.apiVersion", "/involvedObject/apiVersion"),
    ("involvedObject.resourceVersion", "/involvedObject/resourceVersion"),
    ("involvedObject.fieldPath", "/involvedObject/fieldPath"),
    ("reason", "/reason"),
    ("reportingComponent", "/reportingComponent"),
    ("source", "/source/component"),
    ("type", "/type"),
];

pub(super) fn kind() -> Kind {
    Kind {
        short: &["ev"],
        columns: COLUMNS,
        selectable: &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        flags: Flags { create_on_update: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.Event",
        ..base("", "Event", "events", &Event)
    }
}

#[derive(Debug)]
struct Event;

impl Strategy for Event {
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let text = |pointer| Value::from(cells::text(object, pointer));
        let first = first_seen(object);
        vec![
            time::age(last_seen(object).or(first), now).into(),
            text("/type"),
            text("/reason"),
            about(object).into(),
            text("/involvedObject/fieldPath"),
            source(object).into(),
            cells::text(object, "/message").trim().into(),
            time::age(first, now).into(),
            count(object).into(),
            cells::name(object),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        FIELDS.iter().map(|(name, pointer)| (*name, cells::text(object, pointer).to_owned())).collect()
    }
}

fn first_seen(object: &Value) -> Option<Timestamp> {
    time::at(object, "/firstTimestamp").or_else(|| time::at(object, "/eventTime"))
}

fn last_seen(object: &Value) -> Option<Timestamp> {
    time::at(object, "/series/lastObservedTime").or_else(|| time::at(object, "/lastTimestamp"))
}

/// `pod/web`: what `kubectl get` takes.
fn about(object: &Value) -> String {
    let kind = cells::text(object, "/involvedObject/kind").to_lowercase();
    let name = cells::text(object, "/involvedObject/name");
    if name.is_empty() { kind } else { format!("{kind}/{name}") }
}

fn source(object: &Value) -> String {
    let component = cells::text(object, "/source/component");
    let component = cells::or(component, cells::text(object, "/reportingComponent"));
    let host = cells::or(cells::text(object, "/source/host"), cells::text(object, "/reportingInstance"));
    if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") }
}

fn count(object: &Value) -> i64 {
    let series = cells::integer(object, "/series/count");
    if series > 0 { series } else { cells::integer(object, "/count").max(1) }
}
