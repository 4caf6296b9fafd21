//! Annotations of pods that mean something, most of them from before there were fields for it.

use crate::field::{Errors, Field};
use crate::validate::FieldError;
use crate::volume::descends;

use super::ALL_LISTS;
use super::ephemeral::MIRROR;

/// How much it costs to delete a pod before its equals.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Everything wrong with the annotations of a pod, or of a template for pods, with that spec.
pub(super) fn rules(annotations: &Field<'_>, spec: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
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
