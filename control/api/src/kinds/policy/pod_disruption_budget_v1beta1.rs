//! PodDisruptionBudget of `v1beta1`, whose empty selector selects nothing, where the stored one selects everything.

use serde_json::{Value, json};

use super::pod_disruption_budget;
use crate::json;
use crate::kind::{Directions, Kind};
use crate::kinds::forms::form;

/// A label that no pod has: selectors by it say in one version what an empty one says in the other.
const LABEL: &str = "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match";
const NOTHING: &str = "Exists";
const EVERYTHING: &str = "DoesNotExist";

pub(in crate::kinds) fn kind() -> Kind {
    let directions = Directions {
        to_stored: |budget| swap(budget, EVERYTHING, NOTHING),
        from_stored: |budget| swap(budget, NOTHING, EVERYTHING),
        fields: &[],
    };
    form(
        pod_disruption_budget::kind(),
        "policy",
        "v1beta1",
        "io.k8s.api.policy.v1beta1.PodDisruptionBudget",
        directions,
    )
}

/// Makes the selector by the one operator empty, and an empty one the selector by the other.
fn swap(budget: &mut Value, emptied: &str, written: &str) {
    let by = |operator: &str| json!({"matchExpressions": [{"key": LABEL, "operator": operator}]});
    let Some(selector) = budget.pointer_mut("/spec/selector").filter(|selector| selector.is_object()) else { return };
    let empty = ["matchLabels", "matchExpressions"].iter().all(|part| selector.get(part).is_none_or(json::is_empty));
    if empty {
        *selector = by(written);
    } else if *selector == by(emptied) {
        *selector = json!({});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_selector_means_another_thing_in_each_version() {
        let check = |shown: &Value, stored: &Value| {
            let mut object = json!({"metadata": {"name": "b"}, "spec": {"selector": shown}});
            kind().to_stored(&mut object);
            assert_eq!(object["spec"]["selector"], *stored);
            kind().from_stored(&mut object);
            assert_eq!(object["spec"]["selector"], *shown);
        };
        let by = |operator: &str| json!({"matchExpressions": [{"key": LABEL, "operator": operator}]});
        check(&json!({}), &by("Exists"));
        check(&by("DoesNotExist"), &json!({}));
        check(&json!({"matchLabels": {"a": "b"}}), &json!({"matchLabels": {"a": "b"}}));
    }
}
