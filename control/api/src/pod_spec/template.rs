//! Rules of what makes pods: a template, the selector that finds its pods, and how they may end.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::metadata;
use crate::selector::LabelSelector;
use crate::validate::FieldError;

use super::affinity::label_selector;
use super::{annotations, rules};

/// Everything wrong with a `template`, in the order in which Kubernetes tells it.
pub(crate) fn template(template: &Field<'_>) -> Errors {
    let meta = template.at("metadata");
    let (notes, pod) = (meta.at("annotations").told_at(&template.at("annotations")), template.at("spec"));
    let mut errors = metadata::labels(&meta.at("labels").told_at(&template.at("labels")));
    errors.extend(metadata::annotations(&notes));
    errors.extend(annotations::rules(&notes, &pod));
    errors.extend(rules::of_template(&pod));
    errors.extend(annotations::match_fields(&notes, &pod));
    let debuggers = pod.at("ephemeralContainers");
    if !debuggers.is_empty() {
        errors.push(debuggers.forbidden("ephemeral containers not allowed in pod template"));
    }
    errors
}

/// As [`template`], for pods that get a volume for each of these claims, whatever volume of that name the template has.
pub(crate) fn template_with_claims(path: &Field<'_>, claims: &[Value]) -> Errors {
    if claims.is_empty() {
        return template(path);
    }
    let mut filled = path.value.clone();
    if let Some(spec) = filled.get_mut("spec").and_then(Value::as_object_mut) {
        let names: Vec<&str> = claims.iter().filter_map(|claim| claim["metadata"]["name"].as_str()).collect();
        let own = spec.get("volumes").and_then(Value::as_array).into_iter().flatten();
        let own = own.filter(|volume| !names.iter().any(|name| volume["name"] == *name)).cloned();
        let of_claims = names.iter().map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": name}}));
        let volumes: Vec<Value> = own.chain(of_claims).collect();
        spec.insert("volumes".into(), volumes.into());
    }
    template(&path.with(&filled))
}

/// Everything wrong with the `selector` of a workload that cannot be without one. `when_empty` says what is wrong with one
/// that would select everything.
pub(crate) fn selector(selector: &Field<'_>, when_empty: &str) -> Errors {
    if !selector.is_set() {
        return vec![selector.required("")];
    }
    let mut errors = label_selector(selector);
    errors.extend(selects_all(selector, when_empty));
    errors
}

/// An error when a selector is given that would select everything.
pub(crate) fn selects_all(selector: &Field<'_>, when_empty: &str) -> Option<FieldError> {
    let empty = selector.at("matchLabels").is_empty() && selector.at("matchExpressions").is_empty();
    (selector.is_set() && empty).then(|| selector.invalid(when_empty))
}

/// An error when the `selector` of a workload does not find the pods of its `template`. Without a selector none are found.
pub(crate) fn selects(selector: &Value, template: &Field<'_>) -> Option<FieldError> {
    let labels = template.at("metadata").at("labels");
    let found = match LabelSelector::from_value(selector) {
        Ok(wanted) => !selector.is_null() && wanted.matches_labels(labels.value),
        // What is malformed is told as such.
        Err(_) => true,
    };
    (!found).then(|| labels.invalid("`selector` does not match template `labels`"))
}

/// Everything that the `template` of a `kind` says about how its pods end, when they are to run for ever.
pub(crate) fn endless(template: &Field<'_>, kind: &str) -> Errors {
    let pod = template.at("spec");
    let mut errors: Errors = pod.at("restartPolicy").one_of(&["Always"]).into_iter().collect();
    let deadline = pod.at("activeDeadlineSeconds");
    if deadline.is_set() {
        errors.push(deadline.forbidden(format!("activeDeadlineSeconds in {kind} is not Supported")));
    }
    errors
}

/// Everything wrong with the `selector` and `template` in the `spec` of a `kind` whose pods run for ever.
pub(crate) fn selected_template(spec: &Field<'_>, kind: &str) -> Errors {
    let (by, template_field) = (spec.at("selector"), spec.at("template"));
    let mut errors = selector(&by, &format!("empty selector is invalid for {}", kind.to_lowercase()));
    errors.extend(selects(by.value, &template_field));
    errors.extend(template(&template_field));
    errors.extend(endless(&template_field, kind));
    errors
}
