//! ControllerRevision: what a StatefulSet or DaemonSet was at some time, to go back to.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::json;
use crate::kind::{Column, Kind, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[
    NAME,
    column("Controller", "string", "Whose state it is."),
    column("Revision", "string", "Number of the state; the newest is the greatest."),
    AGE,
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        columns: COLUMNS,
        schema: "io.k8s.api.apps.v1.ControllerRevision",
        ..base("apps", "ControllerRevision", "controllerrevisions", &ControllerRevision)
    }
}

#[derive(Debug)]
struct ControllerRevision;

impl Strategy for ControllerRevision {
    fn default(&self, object: &mut Value) {
        json::fill(object, "revision", 0);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let data = root.at("data");
        let mut errors = Errors::new();
        errors.extend((!data.is_set()).then(|| data.required("data is mandatory")));
        errors.extend(root.at("revision").not_negative());
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        Field::root(object).at("data").unchanged(&old["data"]).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let revision = json::integer(object, "/revision");
        vec![cells::name(object), controller(object).into(), revision.into(), cells::age(object, now)]
    }
}

/// `statefulset.apps/web`.
fn controller(object: &Value) -> String {
    let owners = json::items(object, "/metadata/ownerReferences");
    let Some(owner) = owners.iter().find(|owner| owner["controller"] == true) else { return cells::NONE.to_owned() };
    let kind = json::text(owner, "/kind").to_lowercase();
    let group =
        json::text(owner, "/apiVersion").split_once('/').map_or_else(String::new, |(group, _)| format!(".{group}"));
    format!("{kind}{group}/{}", json::text(owner, "/name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, told};
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn its_data_is_needed_and_stays() {
        check(
            &ControllerRevision,
            &json!({"revision": -1}),
            &expect![[r#"
            data: Required value: data is mandatory
            revision: Invalid value: -1: must be greater than or equal to 0"#]],
        );
        let errors = ControllerRevision.validate_update(&json!({"data": {"a": 1}}), &json!({"data": {}}));
        expect![[r#"data: Invalid value: {"a":1}: field is immutable"#]].assert_eq(&told(&errors));
    }

    #[test]
    fn a_row_names_the_owner() {
        let owner = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "controller": true});
        let object = json!({"metadata": {"name": "web-1", "ownerReferences": [owner]}, "revision": 2});
        let row = Value::from(ControllerRevision.cells(&object, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["web-1", "statefulset.apps/web", 2, "<unknown>"]));
    }
}
