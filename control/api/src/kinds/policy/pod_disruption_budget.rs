//! PodDisruptionBudget: how many pods may be sent away at once.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::kind::{Column, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{condition, json, pod_spec, share};

const COLUMNS: &[Column] = &[
    NAME,
    column("Min Available", "string", "How many of its pods must stay."),
    column("Max Unavailable", "string", "How many of its pods may be away."),
    column("Allowed Disruptions", "integer", "How many of its pods may be sent away now."),
    AGE,
];

/// Counts of its status.
const COUNTS: [&str; 4] = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["pdb"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        schema: "io.k8s.api.policy.v1.PodDisruptionBudget",
        ..base("policy", "PodDisruptionBudget", "poddisruptionbudgets", &PodDisruptionBudget)
    }
}

#[derive(Debug)]
struct PodDisruptionBudget;

impl Strategy for PodDisruptionBudget {
    fn default(&self, object: &mut Value) {
        json::section(object, "spec");
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", COUNTS.iter().map(|name| ((*name).to_owned(), json!(0))).collect::<Value>());
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let shares = ["minAvailable", "maxUnavailable"].map(|name| spec.at(name));
        let mut errors = Errors::new();
        if shares.iter().all(Field::is_set) {
            errors.push(spec.invalid("minAvailable and maxUnavailable cannot be both set"));
        }
        for one in &shares {
            errors.extend(share::validate(one));
            errors.extend(share::at_most_all(one));
        }
        errors.extend(pod_spec::label_selector(&spec.at("selector")));
        errors.extend(spec.at("unhealthyPodEvictionPolicy").one_of(&["AlwaysAllow", "IfHealthyBudget"]));
        errors
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        let status = Field::root(object).at("status");
        let mut errors = condition::all(&status.at("conditions"));
        errors.extend(status.none_negative(&COUNTS));
        errors
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let share = |name: &str| match &object["spec"][name] {
            Value::Null => "N/A".to_owned(),
            Value::String(percent) => percent.clone(),
            number => number.to_string(),
        };
        vec![
            cells::name(object),
            share("minAvailable").into(),
            share("maxUnavailable").into(),
            json::integer(object, "/status/disruptionsAllowed").into(),
            cells::age(object, now),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, told};
    use expect_test::expect;

    #[test]
    fn what_is_wrong_is_told() {
        check(&PodDisruptionBudget, &json!({"metadata": {"name": "p"}}), &expect![""]);
        let spec = json!({"minAvailable": "200%", "maxUnavailable": -1, "unhealthyPodEvictionPolicy": "Never",
            "selector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}});
        check(
            &PodDisruptionBudget,
            &json!({"spec": spec}),
            &expect![[r#"
            spec: Invalid value: {"maxUnavailable":-1,"minAvailable":"200%","selector":{"matchExpressions":[{"key":"a","operator":"Is"}]},"unhealthyPodEvictionPolicy":"Never"}: minAvailable and maxUnavailable cannot be both set
            spec.minAvailable: Invalid value: "200%": must not be greater than 100%
            spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0
            spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator
            spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget""#]],
        );
    }

    #[test]
    fn a_status_is_whole_and_counts_from_nought() {
        let mut object = json!({});
        PodDisruptionBudget.prepare_create(&mut object);
        let none = json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0});
        assert_eq!(object["status"], none);
        let status = json!({"expectedPods": -1, "conditions": [{"type": "A", "status": "true"}]});
        let errors = PodDisruptionBudget.validate_status(&json!({"status": status}), &json!({}));
        expect![[r#"
            status.conditions[0].status: Unsupported value: "true": supported values: "False", "True", "Unknown"
            status.conditions[0].lastTransitionTime: Required value
            status.conditions[0].reason: Required value
            status.expectedPods: Invalid value: -1: must be greater than or equal to 0"#]]
        .assert_eq(&told(&errors));
    }

    #[test]
    fn a_row_shows_what_was_said() {
        let object = json!({"metadata": {"name": "p", "creationTimestamp": "1970-01-01T00:00:00Z"},
            "spec": {"maxUnavailable": "30%"}, "status": {"disruptionsAllowed": 2}});
        let row = Value::from(PodDisruptionBudget.cells(&object, Timestamp::UNIX_EPOCH));
        assert_eq!(row, json!(["p", "N/A", "30%", 2, "0s"]));
    }
}
