//! Annotations of pods that mean something, most of them from before there were fields for it.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::validate::FieldError;
use crate::volume::descends;

use super::ALL_LISTS;
use super::ephemeral::MIRROR;
use super::tolerations::tolerations;

/// How much it costs to delete a pod before its equals.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
/// Tolerations, from before there was a field for them.
const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/tolerations";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Everything wrong with the annotations of a pod, or of a template for pods, with that spec.
pub(super) fn rules(annotations: &Field<'_>, spec: &Field<'_>) -> Errors {
    let mut errors = old_tolerations(annotations);
    for (key, entry) in annotations.entries() {
        let text = entry.text();
        if key == MIRROR && spec.at("nodeName").is_empty() {
            errors.push(entry.invalid("must set spec.nodeName if mirror pod annotation is set"));
        }
        if key == DELETION_COST && !is_cost(text) {
            errors.push(entry.invalid("must be a 32bit integer"));
        }
        if key == SECCOMP_POD || key.starts_with(SECCOMP_CONTAINER) {
            errors.extend(seccomp(&entry.told_at(&annotations.at(key))));
        } else if let Some(container) = key.strip_prefix(APP_ARMOR) {
            let known =
                ALL_LISTS.iter().flat_map(|list| spec.at(list).items()).any(|one| one.at("name").text() == container);
            errors.extend((!known).then(|| entry.invalid_part(container, "container not found")));
            let sound = matches!(text, "" | "runtime/default" | "unconfined") || text.starts_with("localhost/");
            errors.extend((!sound).then(|| entry.invalid(format!("invalid AppArmor profile name: {text:?}"))));
        }
    }
    errors
}

/// Everything wrong with tolerations that are written into an annotation; they are checked and have no effect.
fn old_tolerations(annotations: &Field<'_>) -> Errors {
    let text = annotations.entry(TOLERATIONS);
    if text.is_empty() {
        return Errors::new();
    }
    match serde_json::from_str::<Vec<Value>>(text.text()) {
        Ok(read) => tolerations(&annotations.with(&read.into()).told_at(&annotations.at(TOLERATIONS))),
        Err(error) => vec![annotations.invalid_part(TOLERATIONS, error.to_string())],
    }
}

/// A whole number without a plus sign or needless noughts.
fn is_cost(text: &str) -> bool {
    text.parse::<i32>().is_ok_and(|number| number.to_string() == text)
}

fn seccomp(entry: &Field<'_>) -> Errors {
    match entry.text() {
        "runtime/default" | "docker/default" | "unconfined" => Errors::new(),
        text => match text.strip_prefix("localhost/") {
            // Kubernetes looks at the path alone and shows it alone.
            Some(path) => descends(&entry.with(&path.into())),
            None => vec![entry.invalid("must be a valid seccomp profile")],
        },
    }
}

/// Everything that annotations say otherwise than fields do.
pub(super) fn match_fields(annotations: &Field<'_>, spec: &Field<'_>) -> Errors {
    let pod = spec.at("securityContext");
    let mut errors = Errors::new();
    errors.extend(differs(&annotations.entry(SECCOMP_POD), &pod.at("seccompProfile"), "seccomp"));
    let windows = spec.at("os").at("name").text() == "windows";
    for one in ALL_LISTS.iter().flat_map(|list| spec.at(list).items()) {
        let context = one.at("securityContext");
        let named = |prefix: &str| annotations.entry(&format!("{prefix}{}", one.at("name").text()));
        errors.extend(differs(&named(SECCOMP_CONTAINER), &context.at("seccompProfile"), "seccomp"));
        if windows {
            continue;
        }
        let own = context.at("appArmorProfile");
        let profile = if own.is_set() { own.clone() } else { pod.at("appArmorProfile").told_at(&own) };
        errors.extend(differs(&named(APP_ARMOR), &profile, "apparmor"));
    }
    errors
}

fn differs(annotation: &Field<'_>, profile: &Field<'_>, subject: &str) -> Option<FieldError> {
    if !annotation.is_set() || !profile.is_set() {
        return None;
    }
    let (kind, file) = (profile.at("type"), profile.at("localhostProfile"));
    let text = annotation.text();
    let same_kind = match kind.text() {
        "Unconfined" => text == "unconfined",
        "RuntimeDefault" => text == "runtime/default" || subject == "seccomp" && text == "docker/default",
        "Localhost" => text.starts_with("localhost/"),
        _ => true,
    };
    if !same_kind {
        return Some(kind.forbidden(format!("{subject} type in annotation and field must match")));
    }
    let other_file = kind.text() == "Localhost" && text.strip_prefix("localhost/") != file.value.as_str();
    other_file.then(|| file.forbidden(format!("{subject} profile in annotation and field must match")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn old_tolerations_are_read() {
        let told = |text: &str| {
            let object = json!({"annotations": {TOLERATIONS: text}});
            let errors = old_tolerations(&Field::root(&object).at("annotations"));
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(told(r#"[{"key": "a", "operator": "Exists"}]"#), "");
        expect![[r#"annotations.scheduler.alpha.kubernetes.io/tolerations[0].key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"#]].assert_eq(&told(r#"[{"key": "a b", "operator": "Exists"}]"#));
        expect![[r#"annotations: Invalid value: "scheduler.alpha.kubernetes.io/tolerations": expected value at line 1 column 1"#]].assert_eq(&told("soon"));
    }
}
