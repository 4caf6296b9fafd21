//! Event of `events.k8s.io`: the same objects as Events of `v1`, with other names of their fields.

use serde_json::Value;

use crate::kind::{Directions, Kind, Strategy};
use crate::kinds::core::event::{self, Event};
use crate::kinds::forms::form;

/// Names of fields: here, and as they are stored.
const NAMES: &[(&str, &str)] = &[
    ("deprecatedCount", "count"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedSource", "source"),
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("reportingController", "reportingComponent"),
];

const FIELDS: &[(&str, &str)] = &[
    ("reason", "reason"),
    ("regarding.kind", "involvedObject.kind"),
    ("regarding.namespace", "involvedObject.namespace"),
    ("regarding.name", "involvedObject.name"),
    ("regarding.uid", "involvedObject.uid"),
    ("regarding.apiVersion", "involvedObject.apiVersion"),
    ("regarding.resourceVersion", "involvedObject.resourceVersion"),
    ("regarding.fieldPath", "involvedObject.fieldPath"),
    ("reportingController", "reportingComponent"),
    ("type", "type"),
];

const DIRECTIONS: Directions = Directions {
    to_stored: |object| rename(object, NAMES.iter().copied()),
    from_stored: |object| rename(object, NAMES.iter().map(|(shown, stored)| (*stored, *shown))),
    fields: FIELDS,
};

pub(in crate::kinds) fn v1() -> Kind {
    of("v1", "io.k8s.api.events.v1.Event", &Event::Strict)
}

pub(in crate::kinds) fn v1beta1() -> Kind {
    of("v1beta1", "io.k8s.api.events.v1beta1.Event", &Event::Lenient)
}

fn of(version: &str, schema: &'static str, strategy: &'static dyn Strategy) -> Kind {
    Kind { strategy, ..form(event::kind(), "events.k8s.io", version, schema, DIRECTIONS) }
}

fn rename<'a>(object: &mut Value, names: impl Iterator<Item = (&'a str, &'a str)>) {
    let Some(fields) = object.as_object_mut() else { return };
    for (from, to) in names {
        if let Some(value) = fields.remove(from) {
            fields.insert(to.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn fields_have_other_names_and_the_same_values() {
        let shown = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"}, "note": "n",
            "regarding": {"kind": "Pod"}, "reportingController": "a/b", "deprecatedCount": 3, "action": "Do"});
        let stored = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "message": "n",
            "involvedObject": {"kind": "Pod"}, "reportingComponent": "a/b", "count": 3, "action": "Do"});
        let mut object = shown.clone();
        v1().to_stored(&mut object);
        assert_eq!(object, stored);
        v1().from_stored(&mut object);
        assert_eq!(object, shown);
    }

    #[test]
    fn a_new_event_says_who_did_what_and_uses_no_old_field() {
        let check = |event: Value| {
            let mut errors = v1().strategy.validate(&event);
            errors.extend(v1().strategy.validate_create(&event));
            told(&errors)
        };
        let sound = json!({"metadata": {"namespace": "default"}, "eventTime": "2026-01-01T00:00:00.000000Z",
            "reportingComponent": "a.io/b", "reportingInstance": "b-1", "action": "Do", "reason": "R", "type": "Normal"});
        assert_eq!(check(sound.clone()), "");
        let mut bad = sound;
        for (field, value) in [
            ("type", json!("X")),
            ("count", json!(1)),
            ("action", json!("")),
            ("reportingComponent", json!("/")),
            ("series", json!({"count": 1})),
            ("message", json!("m".repeat(1025))),
        ] {
            bad[field] = value;
        }
        expect![[r#"
            reportingController: Invalid value: "/": prefix part must be non-empty
            reportingController: Invalid value: "/": name part must be non-empty
            reportingController: Invalid value: "/": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            action: Required value
            message: Invalid value: "": can have at most 1024 characters
            series.count: Invalid value: "": should be at least 2
            series.lastObservedTime: Required value
            type: Invalid value: "": has invalid value: X
            count: Invalid value: "": needs to be unset"#]].assert_eq(&check(bad));
        expect![[r#"
            involvedObject.namespace: Invalid value: "": does not match event.namespace
            eventTime: Required value"#]]
        .assert_eq(&check(json!({"metadata": {"namespace": "a"}, "type": "Normal"})));
    }
}
