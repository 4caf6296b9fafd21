//! Event: something that happened to an object.

mod rules;

use serde_json::Value;

use crate::json;
use crate::kind::{Column, Flags, Kind, Strategy};
use crate::kinds::{base, cells, column, wide};
use crate::meta::Timestamp;
use crate::time;
use crate::validate::FieldError;

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
    Column { priority: 1, ..crate::kinds::NAME },
];

/// Selectable fields and where they stand.
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

const SELECTABLE: [&str; FIELDS.len()] = {
    let mut names = [""; FIELDS.len()];
    let mut nth = 0;
    while nth < FIELDS.len() {
        names[nth] = FIELDS[nth].0;
        nth += 1;
    }
    names
};

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["ev"],
        columns: COLUMNS,
        selectable: &SELECTABLE,
        flags: Flags { create_on_update: true, ..Flags::default() },
        schema: "io.k8s.api.core.v1.Event",
        ..base("", "Event", "events", &Event::Lenient)
    }
}

/// By which rules a client's Event is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kinds) enum Event {
    /// Those of `v1` and `events.k8s.io/v1beta1`.
    Lenient,
    /// Those of `events.k8s.io/v1`.
    Strict,
}

impl Strategy for Event {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        rules::common(object)
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        if *self == Self::Strict { rules::strict(object) } else { Vec::new() }
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        if *self == Self::Strict { rules::unchanged(object, old) } else { Vec::new() }
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let text = |pointer| Value::from(json::text(object, pointer));
        let first = first_seen(object);
        vec![
            time::age(last_seen(object).or(first), now).into(),
            text("/type"),
            text("/reason"),
            about(object).into(),
            text("/involvedObject/fieldPath"),
            source(object).into(),
            json::text(object, "/message").trim().into(),
            time::age(first, now).into(),
            count(object).into(),
            cells::name(object),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        FIELDS.iter().map(|(name, pointer)| (*name, json::text(object, pointer).to_owned())).collect()
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
    let kind = json::text(object, "/involvedObject/kind").to_lowercase();
    let name = json::text(object, "/involvedObject/name");
    if name.is_empty() { kind } else { format!("{kind}/{name}") }
}

fn source(object: &Value) -> String {
    let component = json::text(object, "/source/component");
    let component = cells::or(component, json::text(object, "/reportingComponent"));
    let host = cells::or(json::text(object, "/source/host"), json::text(object, "/reportingInstance"));
    if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") }
}

fn count(object: &Value) -> i64 {
    let series = json::integer(object, "/series/count");
    if series > 0 { series } else { json::integer(object, "/count").max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn a_row_reads_as_the_recorded_one() {
        let event = json!({"metadata": {"name": "e1"}, "type": "Normal", "reason": "Started", "message": "Started container",
            "involvedObject": {"kind": "Pod", "name": "web"}, "source": {"component": "kubelet", "host": "n1"}, "count": 3,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:09:13Z"});
        let cells = Event::Lenient.cells(&event, "2026-01-01T00:16:00Z".parse().unwrap());
        let row =
            json!(["6m47s", "Normal", "Started", "pod/web", "", "kubelet, n1", "Started container", "16m", 3, "e1"]);
        assert_eq!(Value::from(cells), row);
    }

    #[test]
    fn it_lives_where_its_object_lives() {
        let event = |namespace| json!({"metadata": {"namespace": "a"}, "involvedObject": {"namespace": namespace}});
        assert_eq!(Event::Lenient.validate(&event("a")), []);
        expect![[r#"involvedObject.namespace: Invalid value: "b": does not match event.namespace"#]]
            .assert_eq(&told(&Event::Lenient.validate(&event("b"))));
    }
}
