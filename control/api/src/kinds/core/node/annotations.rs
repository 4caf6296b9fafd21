//! Annotations of Nodes that once meant something; Kubernetes still reads them.

use serde_json::Value;

use crate::field::{Errors, Field};

/// Which pods a Node would rather not have.
const AVOIDED: &str = "scheduler.alpha.kubernetes.io/preferAvoidPods";

/// Everything wrong with the annotations of a Node.
pub(super) fn rules(annotations: &Field<'_>) -> Errors {
    let text = annotations.entry(AVOIDED);
    if text.is_empty() {
        return Errors::new();
    }
    let read: Value = match serde_json::from_str(text.text()) {
        Ok(read) => read,
        Err(error) => return vec![annotations.at("AvoidPods").invalid_part(AVOIDED, error.to_string())],
    };
    let all = annotations.with(&read).at("preferAvoidPods").told_at(&annotations.at(AVOIDED));
    all.items().flat_map(|one| entry(&one)).collect()
}

/// Everything wrong with one sort of pods: those of a controller.
fn entry(avoided: &Field<'_>) -> Errors {
    let signature = avoided.at("podSignature").told_at(&avoided.at("PodSignature"));
    let owner = signature.at("podController").told_at(&signature.at("PodController"));
    if !owner.is_set() {
        return vec![signature.required("")];
    }
    let controls = owner.at("controller").told_at(&owner.at("Controller"));
    let wrong = (*controls.value != true).then(|| controls.invalid_part(false, "must point to a controller"));
    wrong.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::Node;
    use super::AVOIDED;
    use crate::kinds::tests::check;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn of(text: &str, expected: &Expect) {
        check(&Node, &json!({"metadata": {"annotations": {AVOIDED: text}}}), expected);
    }

    #[test]
    fn avoided_pods_are_those_of_a_controller() {
        let owner = |owner: &str| format!(r#"{{"preferAvoidPods": [{{"podSignature": {{{owner}}}}}]}}"#);
        of("", &expect![""]);
        of(&owner(r#""podController": {"kind": "ReplicaSet", "controller": true}"#), &expect![""]);
        of(
            &owner(r#""podController": {"controller": false}"#),
            &expect![
                "metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[0].PodSignature.PodController.Controller: Invalid value: false: must point to a controller"
            ],
        );
        of(
            &owner(""),
            &expect![
                "metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[0].PodSignature: Required value"
            ],
        );
        of(
            "{",
            &expect![[
                r#"metadata.annotations.AvoidPods: Invalid value: "scheduler.alpha.kubernetes.io/preferAvoidPods": EOF while parsing an object at line 1 column 1"#
            ]],
        );
    }
}
