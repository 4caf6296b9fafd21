//! PriorityClass: a name for how important pods are.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::json;
use crate::kind::{Column, Flags, Generation, Kind, Scope, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[
    NAME,
    column("Value", "integer", "Priority of its pods; the higher comes first."),
    column("Global-Default", "boolean", "Whether pods that name no class are of this one."),
    AGE,
    column("PreemptionPolicy", "string", "Whether its pods may drive out others."),
];

/// Prefix of the names that Kubernetes keeps for itself, and the classes that it makes under it.
const SYSTEM_PREFIX: &str = "system-";
const SYSTEM: &[(&str, i64)] = &[("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];
/// Highest priority that users may give.
const USER_MAX: i64 = 1_000_000_000;

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["pc"],
        scope: Scope::Cluster,
        columns: COLUMNS,
        flags: Flags { generation: Generation::One, ..Flags::default() },
        schema: "io.k8s.api.scheduling.v1.PriorityClass",
        ..base("scheduling.k8s.io", "PriorityClass", "priorityclasses", &PriorityClass)
    }
}

#[derive(Debug)]
struct PriorityClass;

impl Strategy for PriorityClass {
    fn default(&self, object: &mut Value) {
        json::fill(object, "value", 0);
        json::fill(object, "preemptionPolicy", "PreemptLowerPriority");
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let (own, value) = (root.at("metadata").at("name"), root.at("value"));
        let number = value.integer().unwrap_or_default();
        let mut errors = Errors::new();
        if own.text().starts_with(SYSTEM_PREFIX) {
            let why = "priority class names with 'system-' prefix are reserved for system use only. error:";
            errors.extend(not_of_the_system(&root).map(|error| own.forbidden(format!("{why} {error}"))));
        } else if number > USER_MAX {
            errors.push(value.forbidden(format!("maximum allowed value of a user defined priority is {USER_MAX}")));
        }
        errors.extend(root.at("preemptionPolicy").one_of(&["PreemptLowerPriority", "Never"]));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let value = root.at("value");
        let changed = value.integer().unwrap_or_default() != json::integer(old, "/value");
        let why = "may not be changed in an update.";
        let mut errors: Errors = changed.then(|| value.forbidden(why)).into_iter().collect();
        errors.extend(root.at("preemptionPolicy").unchanged(&old["preemptionPolicy"]));
        errors
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![
            cells::name(object),
            json::integer(object, "/value").into(),
            json::boolean(object, "/globalDefault").into(),
            cells::age(object, now),
            json::text(object, "/preemptionPolicy").into(),
        ]
    }
}

/// Why a class is none of those that Kubernetes makes for itself.
fn not_of_the_system(class: &Field<'_>) -> Option<String> {
    let name = class.at("metadata").at("name").text();
    let Some((_, value)) = SYSTEM.iter().find(|(known, _)| *known == name) else {
        return Some(format!("{name} is not a known system priority class"));
    };
    if class.at("value").integer() != Some(*value) {
        return Some(format!("value of {name} PriorityClass must be {value}"));
    }
    class.at("globalDefault").is_true().then(|| format!("globalDefault of {name} PriorityClass must be false"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, told};
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn the_names_and_values_of_the_system_are_its_own() {
        let named = |name: &str, value: i64| json!({"metadata": {"name": name}, "value": value});
        check(&PriorityClass, &named("system-node-critical", 2_000_001_000), &expect![""]);
        check(
            &PriorityClass,
            &named("system-node-critical", 5),
            &expect![
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000"
            ],
        );
        check(
            &PriorityClass,
            &named("system-mine", 5),
            &expect![
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class"
            ],
        );
        let mut high = named("high", 1_000_000_001);
        high["preemptionPolicy"] = "Always".into();
        check(
            &PriorityClass,
            &high,
            &expect![[r#"
            value: Forbidden: maximum allowed value of a user defined priority is 1000000000
            preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never""#]],
        );
    }

    #[test]
    fn its_meaning_stays() {
        let old = defaulted(&PriorityClass, json!({"value": 1}));
        let new = defaulted(&PriorityClass, json!({"value": 2, "preemptionPolicy": "Never"}));
        expect![[r#"
            value: Forbidden: may not be changed in an update.
            preemptionPolicy: Invalid value: "Never": field is immutable"#]]
        .assert_eq(&told(&PriorityClass.validate_update(&new, &old)));
    }

    #[test]
    fn a_row_tells_how_important_it_is() {
        let object = json!({"metadata": {"name": "p", "creationTimestamp": "1970-01-01T00:00:00Z"}, "value": 7});
        let row = Value::from(PriorityClass.cells(&defaulted(&PriorityClass, object), Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["p", 7, false, "0s", "PreemptLowerPriority"]));
    }
}
