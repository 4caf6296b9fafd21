//! CSIDriver: what a driver of the Container Storage Interface needs of pods and nodes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::GROUP;
use crate::field::{Errors, Field, IMMUTABLE};
use crate::json;
use crate::kind::{Column, Flags, Kind, Scope, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[
    NAME,
    column("AttachRequired", "boolean", "Whether volumes are attached to a node first."),
    column("PodInfoOnMount", "boolean", "Whether it is told which pod mounts a volume."),
    column("StorageCapacity", "boolean", "Whether it tells how much room there is."),
    column("TokenRequests", "string", "Audiences of the tokens that it gets."),
    column("RequiresRepublish", "boolean", "Whether it is called again and again."),
    column("Modes", "string", "Kinds of volumes that it makes."),
    AGE,
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        columns: COLUMNS,
        flags: Flags { needs_revision_on_update: true, returns_deleted: true, ..Flags::default() },
        schema: "io.k8s.api.storage.v1.CSIDriver",
        ..base(GROUP, "CSIDriver", "csidrivers", &CsiDriver)
    }
}

#[derive(Debug)]
struct CsiDriver;

impl Strategy for CsiDriver {
    fn default(&self, object: &mut Value) {
        json::fill(object, "spec", json!({}));
        let Some(spec) = object.get_mut("spec") else { return };
        json::fill(spec, "attachRequired", true);
        json::fill(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
        for name in ["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"] {
            json::fill(spec, name, false);
        }
        if json::is_empty(&spec["volumeLifecycleModes"]) {
            json::set(spec, "volumeLifecycleModes", json!(["Persistent"]));
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let mut errors: Errors =
            spec.at("fsGroupPolicy").one_of(&["File", "None", "ReadWriteOnceWithFSType"]).into_iter().collect();
        errors.extend(tokens(&spec.at("tokenRequests")));
        let modes = spec.at("volumeLifecycleModes");
        let wrong = modes.items().filter(|mode| !matches!(mode.text(), "Persistent" | "Ephemeral"));
        let allowed = &["Persistent", "Ephemeral"];
        errors.extend(wrong.map(|mode| FieldError::not_supported(modes.path(), mode.text(), allowed)));
        let period = spec.at("nodeAllocatableUpdatePeriodSeconds");
        if period.integer().is_some_and(|seconds| seconds < 10) {
            errors.push(period.invalid("must be greater than or equal to 10 seconds"));
        }
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let attach = spec.at("attachRequired");
        let mut errors = Errors::new();
        if *attach.value != old["spec"]["attachRequired"] {
            // Kubernetes spells the field so here.
            errors.push(FieldError::invalid("spec.attachedRequired", attach.value, IMMUTABLE));
        }
        errors.extend(spec.at("volumeLifecycleModes").unchanged(&old["spec"]["volumeLifecycleModes"]));
        errors
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let modes: Vec<&str> =
            json::items(object, "/spec/volumeLifecycleModes").iter().filter_map(Value::as_str).collect();
        let audiences = match object.pointer("/spec/tokenRequests") {
            None => "<unset>".to_owned(),
            Some(_) => cells::joined(object, "/spec/tokenRequests", "audience"),
        };
        vec![
            cells::name(object),
            object.pointer("/spec/attachRequired").and_then(Value::as_bool).unwrap_or(true).into(),
            json::boolean(object, "/spec/podInfoOnMount").into(),
            json::boolean(object, "/spec/storageCapacity").into(),
            audiences.into(),
            json::boolean(object, "/spec/requiresRepublish").into(),
            cells::or(&modes.join(","), cells::NONE).into(),
            cells::age(object, now),
        ]
    }
}

/// Everything wrong with the tokens that it asks for: an audience stands once, and a token lasts a while.
fn tokens(requests: &Field<'_>) -> Errors {
    const SECONDS_MIN: i64 = 600;
    const SECONDS_MAX: i64 = 1 << 32;
    let mut audiences = BTreeSet::new();
    let mut errors = Errors::new();
    for request in requests.items() {
        let (audience, seconds) = (request.at("audience"), request.at("expirationSeconds"));
        if !audiences.insert(audience.text()) {
            errors.push(audience.duplicate_of(&audience.text().into()));
            continue;
        }
        match seconds.integer() {
            Some(..SECONDS_MIN) => errors.push(seconds.invalid("may not specify a duration less than 10 minutes")),
            Some(number) if number > SECONDS_MAX => {
                errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds"));
            }
            _ => {}
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::expect;

    #[test]
    fn volumes_are_attached_and_last_when_nothing_is_said() {
        let expected = json!({"attachRequired": true, "fsGroupPolicy": "ReadWriteOnceWithFSType", "podInfoOnMount": false,
            "requiresRepublish": false, "seLinuxMount": false, "storageCapacity": false,
            "volumeLifecycleModes": ["Persistent"]});
        assert_eq!(defaulted(&CsiDriver, json!({"spec": {}}))["spec"], expected);
        assert_eq!(defaulted(&CsiDriver, json!({"spec": {"attachRequired": false}}))["spec"]["attachRequired"], false);
    }

    #[test]
    fn what_it_cannot_mean_is_told() {
        let tokens = json!([{"audience": "a"}, {"audience": "a"}, {"expirationSeconds": 599},
            {"audience": "b", "expirationSeconds": 4_294_967_297_i64}, {"audience": "c", "expirationSeconds": 600}]);
        let bad = json!({"spec": {"fsGroupPolicy": "Root", "tokenRequests": tokens, "volumeLifecycleModes": ["Eternal"],
            "nodeAllocatableUpdatePeriodSeconds": 9}});
        expect![[r#"
            spec.fsGroupPolicy: Unsupported value: "Root": supported values: "File", "None", "ReadWriteOnceWithFSType"
            spec.tokenRequests[1].audience: Duplicate value: "a"
            spec.tokenRequests[2].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes
            spec.tokenRequests[3].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds
            spec.volumeLifecycleModes: Unsupported value: "Eternal": supported values: "Persistent", "Ephemeral"
            spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds"#]]
        .assert_eq(&told(&CsiDriver.validate(&defaulted(&CsiDriver, bad))));
    }

    #[test]
    fn how_volumes_come_to_nodes_stays() {
        let old = defaulted(&CsiDriver, json!({}));
        let new = defaulted(
            &CsiDriver,
            json!({"spec": {"attachRequired": false, "podInfoOnMount": true,
            "volumeLifecycleModes": ["Ephemeral"]}}),
        );
        expect![[r#"
            spec.attachedRequired: Invalid value: false: field is immutable
            spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable"#]]
        .assert_eq(&told(&CsiDriver.validate_update(&new, &old)));
    }

    #[test]
    fn rows_tell_what_it_needs() {
        let row = |spec: Value| {
            let object = json!({"metadata": {"name": "d"}, "spec": spec});
            Value::from(CsiDriver.cells(&object, Timestamp::UNIX_EPOCH))
        };
        let shown = json!(["d", true, false, false, "<unset>", false, "<none>", "<unknown>"]);
        assert_eq!(row(json!({})), shown);
        let spec = json!({"attachRequired": false, "podInfoOnMount": true, "storageCapacity": true,
            "requiresRepublish": true, "tokenRequests": [{"audience": "a"}, {"audience": "b"}],
            "volumeLifecycleModes": ["Persistent", "Ephemeral"]});
        assert_eq!(row(spec), json!(["d", false, true, true, "a,b", true, "Persistent,Ephemeral", "<unknown>"]));
    }
}
