//! Rules of environment variables and of what they may be taken from.

use crate::field::{Errors, Field};
use crate::quantity::Quantity;
use crate::validate::FieldError;
use crate::{name, volume};

use super::volume::Volumes;

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

/// Fields that have a meaning in a pod, be it only somewhere else.
const KNOWN_FIELDS: &[&str] = &["spec.restartPolicy", "spec.schedulerName", "status.phase"];

/// Resources of a container that a variable or a file may hold.
const RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// Units in which amounts of bytes may be given.
const BYTES: &[&str] = &["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// Longest key of a file of variables (KEP-5307).
const FILE_KEY_MAX: usize = 128;

/// Everything wrong with `env` of a container in a pod with these volumes.
pub(super) fn variables(variables: &Field<'_>, volumes: &Volumes<'_>) -> Errors {
    let mut errors = Errors::new();
    for variable in variables.items() {
        errors.extend(variable.at("name").must_be_named(name::environment));
        let source = variable.at("valueFrom");
        if source.is_set() {
            errors.extend(value_from(&source, !variable.at("value").is_empty(), volumes));
        }
    }
    errors
}

fn value_from(source: &Field<'_>, has_value: bool, volumes: &Volumes<'_>) -> Errors {
    let mut errors = Errors::new();
    let parts =
        ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"].map(|name| source.at(name));
    let given = parts.iter().filter(|part| part.is_set()).count();
    let [field, resource, config_map, secret, file] = &parts;
    if field.is_set() {
        errors.extend(field_ref(field, POD_FIELDS));
    }
    if resource.is_set() {
        errors.extend(resource_field(resource, false));
    }
    for key in [config_map, secret].into_iter().filter(|part| part.is_set()) {
        let own = key.at("name");
        errors.extend(name::subdomain(own.text()).into_iter().map(|why| own.invalid_part(own.text(), why)));
        errors.extend(key.at("key").must_be_named(name::config_key));
    }
    if file.is_set() {
        errors.extend(file_key(file, volumes));
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

/// Everything wrong with a reference to a variable in a file of a volume.
fn file_key(file: &Field<'_>, volumes: &Volumes<'_>) -> Errors {
    let (own, path, key) = (file.at("volumeName"), file.at("path"), file.at("key"));
    let mut errors: Errors = own.must().into_iter().collect();
    errors.extend((!own.is_empty() && !volumes.contains_key(own.text())).then(|| own.not_found()));
    errors.extend(path.must());
    errors.extend(volume::local(&path));
    errors.extend(key.must_be_named(name::environment));
    errors.extend((key.text().len() > FILE_KEY_MAX).then(|| key.too_long(FILE_KEY_MAX)));
    errors
}

/// Everything wrong with a reference to a field of the pod for a file.
pub(super) fn file_field(field: &Field<'_>) -> Errors {
    field_ref(field, FILE_FIELDS)
}

fn field_ref(field: &Field<'_>, allowed: &[&str]) -> Errors {
    let (version, path) = (field.at("apiVersion"), field.at("fieldPath"));
    let missing = [&version, &path].into_iter().find_map(Field::must);
    if let Some(missing) = missing {
        return vec![missing];
    }
    let text = path.text();
    let converting = |why: &str| vec![path.invalid(format!("error converting fieldPath: {why}"))];
    if version.text() != "v1" {
        return converting(&format!("unsupported pod version: {}", version.text()));
    }
    match subscript(text) {
        Some(("metadata.labels", key)) => told(field, key, name::qualified(key)),
        Some(("metadata.annotations", key)) => {
            let key = key.to_lowercase();
            told(field, &key, name::qualified(&key))
        }
        Some((outer, _)) => converting(&format!("field label does not support subscript: {outer}")),
        None if POD_FIELDS.contains(&text) || FILE_FIELDS.contains(&text) || KNOWN_FIELDS.contains(&text) => {
            path.one_of(allowed).into_iter().collect()
        }
        None => converting(&format!("field label not supported: {text}")),
    }
}

fn told(field: &Field<'_>, key: &str, wrong: Vec<String>) -> Errors {
    wrong.into_iter().map(|why| field.invalid_part(key, why)).collect()
}

/// `metadata.labels['key']` as its two parts.
fn subscript(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['")
}

/// Everything wrong with a reference to what a container may use, or asks for. A file must say of which container.
pub(super) fn resource_field(reference: &Field<'_>, of_file: bool) -> Errors {
    let (container, resource) = (reference.at("containerName"), reference.at("resource"));
    let huge = ["requests.hugepages-", "limits.hugepages-"].iter().any(|prefix| resource.text().starts_with(prefix));
    let mut errors = Errors::new();
    if of_file && container.is_empty() {
        errors.push(container.required(""));
    } else if resource.is_empty() {
        errors.push(resource.required(""));
    } else if !huge && !RESOURCES.contains(&resource.text()) {
        errors.push(FieldError::not_supported(resource.path(), resource.text(), RESOURCES));
    }
    errors.extend(divisor(&reference.at("divisor"), resource.text()));
    errors
}

fn divisor(divisor: &Field<'_>, resource: &str) -> Option<FieldError> {
    let unit = Quantity::from_value(divisor.value).ok().filter(|unit| *unit != Quantity::ZERO)?.to_string();
    let kind = resource.split_once('.').map_or("", |(_, kind)| kind);
    let (units, told): (&[&str], &str) = match kind {
        "cpu" => (&["1m", "1"], "1m and 1 are supported with the cpu resource"),
        "memory" => (BYTES, "memory resource"),
        "ephemeral-storage" => (BYTES, "local ephemeral storage resource"),
        _ if kind.starts_with("hugepages-") => (BYTES, "hugepages resource"),
        _ => return None,
    };
    let all =
        if kind == "cpu" { told.to_owned() } else { format!("{} are supported with the {told}", BYTES.join(", ")) };
    let why = format!("only divisor's values {all}");
    (!units.contains(&unit.as_str())).then(|| divisor.invalid_part(resource, why))
}

/// Everything wrong with `envFrom`.
pub(super) fn sources(sources: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for source in sources.items() {
        errors.extend(source.at("prefix").named(name::environment));
        let parts = ["configMapRef", "secretRef"].map(|name| source.at(name));
        let given = parts.iter().filter(|part| part.is_set());
        errors.extend(given.clone().flat_map(|part| part.at("name").must_be_named(name::subdomain)));
        // Kubernetes tells it of the whole list.
        match given.count() {
            0 => errors.push(sources.invalid_part("", "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => errors.push(sources.invalid_part("", "may not have more than one field specified at a time")),
        }
    }
    errors
}
