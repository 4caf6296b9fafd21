//! Rules of what makes pods: a selector, a template that it selects, and a number.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::metadata;
use crate::selector::LabelSelector;

use super::affinity::label_selector;
use super::rules;

/// Everything wrong with the number, selector and template in the `spec` of a `kind` whose pods run for ever.
pub(crate) fn selected_template(spec: &Field<'_>, kind: &str) -> Errors {
    let (selector, template) = (spec.at("selector"), spec.at("template"));
    let mut errors = Errors::new();
    errors.extend(spec.at("replicas").not_negative());
    errors.extend(spec.at("minReadySeconds").not_negative());
    if !selector.is_set() {
        errors.push(selector.required(""));
    } else if selector.at("matchLabels").is_empty() && selector.at("matchExpressions").is_empty() {
        errors.push(selector.invalid(format!("empty selector is invalid for {}", kind.to_lowercase())));
    } else {
        errors.extend(label_selector(&selector));
    }
    let labels = template.at("metadata").at("labels");
    if let Ok(wanted) = LabelSelector::from_value(selector.value)
        && !wanted.matches_labels(labels.value)
    {
        let shown = if labels.is_set() { labels.value.clone() } else { Value::Object(serde_json::Map::new()) };
        errors.push(labels.invalid_part(shown, "`selector` does not match template `labels`"));
    }
    errors.extend(metadata::labels(&labels));
    errors.extend(metadata::annotations(&template.at("metadata").at("annotations")));
    let pod = template.at("spec");
    errors.extend(rules::spec(&pod));
    let restart = pod.at("restartPolicy");
    if matches!(restart.text(), "OnFailure" | "Never") {
        errors.extend(restart.one_of(&["Always"]));
    }
    let deadline = pod.at("activeDeadlineSeconds");
    errors.extend(
        deadline.is_set().then(|| deadline.forbidden(format!("activeDeadlineSeconds in {kind} is not Supported"))),
    );
    errors
}
