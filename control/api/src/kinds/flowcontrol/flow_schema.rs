//! FlowSchema: which requests are of which priority level.

use serde_json::{Value, json};

use super::{GROUP, condition, not_applied};
use crate::field::Field;
use crate::json;
use crate::kind::{Column, Flags, Kind, Scope, StatusKeeps, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

mod rules;

const COLUMNS: &[Column] = &[
    NAME,
    column("PriorityLevel", "string", "Level of its requests."),
    column("MatchingPrecedence", "string", "The lower, the earlier it is asked."),
    column("DistinguisherMethod", "string", "What tells its flows apart."),
    AGE,
    column("MissingPL", "string", "Whether there is no such level."),
];
const PLURAL: &str = "flowschemas";
/// How late a schema is asked that does not say.
const PRECEDENCE: i64 = 1000;

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags { status_keeps: StatusKeeps::Metadata, ..Flags::default() },
        schema: "io.k8s.api.flowcontrol.v1.FlowSchema",
        ..base(GROUP, "FlowSchema", PLURAL, &FlowSchema)
    }
}

#[derive(Debug)]
struct FlowSchema;

impl Strategy for FlowSchema {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = object.get_mut("spec") {
            json::fill_zero(spec, "matchingPrecedence", PRECEDENCE);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        rules::flow_schema(object)
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        condition::conditions(&Field::root(object).at("status").at("conditions"))
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_applied(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let conditions = json::items(object, "/status/conditions");
        let dangling = conditions.iter().find(|one| one["type"] == "Dangling").map(|one| json::text(one, "/status"));
        vec![
            cells::name(object),
            json::text(object, "/spec/priorityLevelConfiguration/name").into(),
            json::integer(object, "/spec/matchingPrecedence").into(),
            cells::or(json::text(object, "/spec/distinguisherMethod/type"), cells::NONE).into(),
            cells::age(object, now),
            dangling.unwrap_or("?").into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::defaulted;

    #[test]
    fn it_is_asked_late_when_it_does_not_say() {
        assert_eq!(defaulted(&FlowSchema, json!({"spec": {}}))["spec"]["matchingPrecedence"], 1000);
        assert_eq!(defaulted(&FlowSchema, json!({"spec": {"matchingPrecedence": 7}}))["spec"]["matchingPrecedence"], 7);
    }

    #[test]
    fn rows_tell_whether_the_level_is_missing() {
        let row = |status: Value| {
            let spec = json!({"priorityLevelConfiguration": {"name": "p"}, "matchingPrecedence": 9,
                "distinguisherMethod": {"type": "ByUser"}});
            let object = json!({"metadata": {"name": "f"}, "spec": spec, "status": status});
            Value::from(FlowSchema.cells(&object, Timestamp::UNIX_EPOCH))
        };
        assert_eq!(row(json!({})), json!(["f", "p", 9, "ByUser", "<unknown>", "?"]));
        assert_eq!(row(json!({"conditions": [{"type": "Dangling", "status": "False"}]}))[5], "False");
    }
}
