//! Rules of volumes.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::name;

use super::container::inside;
use super::{environment, resources};

/// Permissions that a file may have.
const MODE_MAX: i64 = 0o777;

/// Fields that a source cannot be without.
const REQUIRED: &[(&str, &[&str])] = &[
    ("hostPath", &["path"]),
    ("configMap", &["name"]),
    ("secret", &["secretName"]),
    ("persistentVolumeClaim", &["claimName"]),
    ("nfs", &["server", "path"]),
    ("csi", &["driver"]),
    ("ephemeral", &["volumeClaimTemplate"]),
    ("image", &["reference"]),
];

const HOST_TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// The names of all volumes, and everything wrong with them.
pub(super) fn volumes<'a>(volumes: &Field<'a>) -> (BTreeSet<&'a str>, Errors) {
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for volume in volumes.items() {
        let own = volume.at("name");
        errors.extend(own.must_be_named(name::label));
        if !own.is_empty() && !names.insert(own.text()) {
            errors.push(own.duplicate());
        }
        errors.extend(source(&volume));
    }
    (names, errors)
}

fn source(volume: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    let sources = volume.value.as_object().into_iter().flatten();
    let given = sources.filter(|(name, value)| *name != "name" && !value.is_null()).map(|(name, _)| name.as_str());
    for (nth, name) in given.enumerate() {
        let one = volume.at(name);
        errors.extend((nth > 0).then(|| one.forbidden("may not specify more than 1 volume type")));
        let fields = REQUIRED.iter().find(|(source, _)| *source == name).map_or(&[][..], |(_, fields)| fields);
        errors.extend(fields.iter().filter_map(|field| one.at(field).must()));
        errors.extend(one.at("defaultMode").is_set().then(|| mode(&one.at("defaultMode"))).flatten());
        errors.extend(one.at("items").items().flat_map(|file| file_of(&file, name)));
        match name {
            "hostPath" => {
                let path = one.at("path");
                let climbs = path.text().split('/').any(|part| part == "..");
                errors.extend(climbs.then(|| path.invalid("must not contain '..'")));
                errors.extend(one.at("type").one_of(HOST_TYPES));
            }
            "emptyDir" if one.at("sizeLimit").is_set() => errors.extend(resources::quantity(&one.at("sizeLimit"))),
            "image" => errors.extend(one.at("pullPolicy").one_of(&["Always", "IfNotPresent", "Never"])),
            "projected" => errors.extend(one.at("sources").items().flat_map(|source| projection(&source))),
            _ => {}
        }
    }
    errors
}

fn projection(source: &Field<'_>) -> Errors {
    /// Shortest life of a projected token, in seconds.
    const TOKEN_MIN: i64 = 600;
    let mut errors = Errors::new();
    for (name, fields) in
        [("configMap", &["name"][..]), ("secret", &["name"]), ("downwardAPI", &[]), ("serviceAccountToken", &["path"])]
    {
        let one = source.at(name);
        if one.is_set() {
            errors.extend(fields.iter().filter_map(|field| one.at(field).must()));
            errors.extend(one.at("items").items().flat_map(|file| file_of(&file, name)));
        }
    }
    let seconds = source.at("serviceAccountToken").at("expirationSeconds");
    if seconds.integer().is_some_and(|seconds| seconds < TOKEN_MIN) {
        errors.push(seconds.invalid("may not specify a duration less than 10 minutes"));
    }
    errors
}

/// Everything wrong with a file made from a key, or from a field of the pod.
fn file_of(file: &Field<'_>, source: &str) -> Errors {
    let mut errors = Errors::new();
    if source == "downwardAPI" {
        let (field, resource) = (file.at("fieldRef"), file.at("resourceFieldRef"));
        match (field.is_set(), resource.is_set()) {
            (true, true) => {
                errors.push(file.invalid_part("", "fieldRef and resourceFieldRef can not be specified simultaneously"));
            }
            (true, false) => errors.extend(environment::file_field(&field)),
            (false, true) => {
                errors.extend(resource.at("containerName").must());
                errors.extend(resource.at("resource").must());
            }
            (false, false) => errors.push(file.required("one of fieldRef and resourceFieldRef is required")),
        }
    } else {
        errors.extend(file.at("key").must());
    }
    errors.extend(file.at("path").must());
    errors.extend(inside(&file.at("path")));
    errors.extend(mode(&file.at("mode")));
    errors
}

fn mode(mode: &Field<'_>) -> Option<crate::validate::FieldError> {
    let wrong = mode.integer().is_some_and(|number| !(0..=MODE_MAX).contains(&number));
    wrong.then(|| mode.invalid("must be a number between 0 and 0777 (octal), both inclusive"))
}
