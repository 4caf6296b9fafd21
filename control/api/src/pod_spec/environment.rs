//! Rules of environment variables and of what they may be taken from.

use crate::field::{Errors, Field};
use crate::name;

/// Fields of a pod that a variable may hold.
const POD_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Fields of a pod that a file may hold: those that change are written anew.
const FILE_FIELDS: &[&str] =
    &["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// Everything wrong with `env`.
pub(super) fn variables(variables: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for variable in variables.items() {
        errors.extend(variable.at("name").must_be_named(name::environment));
        let source = variable.at("valueFrom");
        if source.is_set() {
            errors.extend(value_from(&source, !variable.at("value").is_empty()));
        }
    }
    errors
}

fn value_from(source: &Field<'_>, has_value: bool) -> Errors {
    let mut errors = Errors::new();
    let parts = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef"].map(|name| source.at(name));
    let given = parts.iter().filter(|part| part.is_set()).count();
    let [field, resource, config_map, secret] = &parts;
    if field.is_set() {
        errors.extend(field_ref(field, POD_FIELDS));
    }
    if resource.is_set() {
        errors.extend(resource.at("resource").must());
    }
    for key in [config_map, secret].into_iter().filter(|part| part.is_set()) {
        errors.extend(key.at("name").named(name::subdomain));
        errors.extend(key.at("key").must_be_named(name::config_key));
    }
    match given {
        0 => errors.push(source.invalid_part(
            "",
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
        )),
        _ if has_value => errors.push(source.invalid_part("", "may not be specified when `value` is not empty")),
        1 => {}
        _ => errors.push(source.invalid_part("", "may not have more than one field specified at a time")),
    }
    errors
}

/// Everything wrong with a reference to a field of the pod for a file.
pub(super) fn file_field(field: &Field<'_>) -> Errors {
    field_ref(field, FILE_FIELDS)
}

fn field_ref(field: &Field<'_>, allowed: &[&str]) -> Errors {
    let path = field.at("fieldPath");
    let Some(missing) = path.must() else {
        return match subscript(path.text()) {
            Some(("metadata.labels", key)) => told(&path, name::qualified(key)),
            Some(("metadata.annotations", key)) => told(&path, name::qualified(&key.to_lowercase())),
            Some(_) | None => path.one_of(allowed).into_iter().collect(),
        };
    };
    vec![missing]
}

fn told(path: &Field<'_>, wrong: Vec<String>) -> Errors {
    wrong.into_iter().map(|why| path.invalid(why)).collect()
}

/// `metadata.labels['key']` as its two parts.
fn subscript(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['")
}

/// Everything wrong with `envFrom`.
pub(super) fn sources(sources: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for source in sources.items() {
        errors.extend(source.at("prefix").named(name::environment));
        let parts = ["configMapRef", "secretRef"].map(|name| source.at(name));
        let given = parts.iter().filter(|part| part.is_set());
        errors.extend(given.clone().flat_map(|part| part.at("name").must_be_named(name::subdomain)));
        match given.count() {
            0 => errors.push(source.invalid_part("", "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => errors.push(source.invalid_part("", "may not have more than one field specified at a time")),
        }
    }
    errors
}
