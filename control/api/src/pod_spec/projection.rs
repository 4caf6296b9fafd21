//! Volumes made of files: of keys of an object, of fields of the pod, of tokens, and of several of these.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::validate::FieldError;
use crate::volume;

use super::affinity::label_selector;
use super::environment;

/// Permissions that a file may have.
const MODE_MAX: i64 = 0o777;
/// Shortest and longest life of a projected token, in seconds.
const TOKEN_MIN: i64 = 600;
const TOKEN_MAX: i64 = 1 << 32;
/// Types of keys that a certificate for a pod may be of.
const KEY_TYPES: &[&str] = &["ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096"];

/// Everything wrong with a volume of keys of the object that a field names.
pub(super) fn keys(source: &Field<'_>, named: &str) -> Errors {
    let mut errors: Errors = source.at(named).must().into_iter().collect();
    errors.extend(mode(&source.at("defaultMode")));
    errors.extend(source.at("items").items().flat_map(|item| key(&item)));
    errors
}

/// Everything wrong with a volume of fields of the pod.
pub(super) fn downward(source: &Field<'_>) -> Errors {
    let mut errors: Errors = mode(&source.at("defaultMode")).into_iter().collect();
    errors.extend(source.at("items").items().flat_map(|item| pod_field(&item.told_at(source))));
    errors
}

/// Everything wrong with a volume of several sources, whose files may not stand in each other's way.
pub(super) fn projected(source: &Field<'_>) -> Errors {
    let mut errors: Errors = mode(&source.at("defaultMode")).into_iter().collect();
    let mut paths = BTreeSet::new();
    for one in source.at("sources").items() {
        let kinds =
            ["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate"];
        let given: Vec<Field<'_>> = kinds.iter().map(|kind| one.at(kind)).filter(Field::is_set).collect();
        for part in &given {
            let kind = part.path().rsplit('.').next().unwrap_or_default();
            errors.extend(projection(kind, part, source));
            let whose = part.at("name").text();
            for path in files(kind, part).into_iter().filter(|path| !path.is_empty()) {
                if !paths.insert(path) {
                    let shown = if matches!(kind, "secret" | "configMap") { whose } else { path };
                    errors.push(source.invalid_part(shown, "conflicting duplicate paths"));
                }
            }
        }
        if given.len() > 1 {
            errors.push(one.forbidden("may not specify more than 1 volume type per source"));
        }
    }
    errors
}

/// Paths of the files of one source of a projected volume, those of tokens aside.
fn files<'a>(kind: &str, part: &Field<'a>) -> Vec<&'a str> {
    match kind {
        "secret" | "configMap" | "downwardAPI" => part.at("items").items().map(|item| item.at("path").text()).collect(),
        "clusterTrustBundle" => vec![part.at("path").text()],
        "podCertificate" => {
            ["credentialBundlePath", "keyPath", "certificateChainPath"].map(|name| part.at(name).text()).to_vec()
        }
        _ => Vec::new(),
    }
}

fn projection(kind: &str, part: &Field<'_>, whole: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    match kind {
        "secret" | "configMap" => {
            errors.extend(part.at("name").must());
            errors.extend(part.at("items").items().flat_map(|item| key(&item)));
        }
        "downwardAPI" => errors.extend(part.at("items").items().flat_map(|item| pod_field(&item.told_at(part)))),
        "serviceAccountToken" => {
            let (seconds, path) = (part.at("expirationSeconds"), part.at("path").told_at(&whole.at("path")));
            match seconds.integer().unwrap_or_default() {
                ..TOKEN_MIN => errors.push(seconds.invalid("may not specify a duration less than 10 minutes")),
                TOKEN_MIN..=TOKEN_MAX => {}
                _ => errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds")),
            }
            errors.extend(path.must());
            errors.extend(volume::local(&path));
        }
        "clusterTrustBundle" => errors.extend(trust(part)),
        _ => errors.extend(certificate(part)),
    }
    errors
}

/// Roots of trust: one bundle by name, or all of a signer.
fn trust(part: &Field<'_>) -> Errors {
    let (own, signer, selector, path) =
        (part.at("name"), part.at("signerName"), part.at("labelSelector"), part.at("path"));
    let mut errors = Errors::new();
    match (own.is_set(), signer.is_set()) {
        (true, true) => errors.push(part.invalid("only one of name and signerName may be used")),
        (true, false) => {
            errors.extend(own.is_empty().then(|| own.required("must be a valid object name")));
            if selector.is_set() {
                errors.push(selector.invalid("labelSelector must be unset if name is specified"));
            }
        }
        (false, true) => {
            errors.extend(signer.is_empty().then(|| signer.required("must be a valid signer name")));
            errors.extend(label_selector(&selector));
        }
        (false, false) => errors.push(part.required("either name or signerName must be specified")),
    }
    errors.extend(path.must());
    errors.extend(volume::local(&path));
    errors
}

/// A key and a certificate for it.
fn certificate(part: &Field<'_>) -> Errors {
    let mut errors: Errors = part.at("signerName").must().into_iter().collect();
    errors.extend(part.at("keyType").must_be_one_of(KEY_TYPES));
    let paths = ["credentialBundlePath", "keyPath", "certificateChainPath"].map(|name| part.at(name));
    if paths.iter().all(Field::is_empty) {
        let why = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath";
        errors.push(part.required(why));
    }
    errors.extend(paths.iter().flat_map(volume::local));
    errors
}

/// Everything wrong with a file made from a key.
fn key(item: &Field<'_>) -> Errors {
    let path = item.at("path");
    let mut errors: Errors = item.at("key").must().into_iter().collect();
    errors.extend(path.must());
    errors.extend(volume::local(&path));
    errors.extend(mode(&item.at("mode")));
    errors
}

/// Everything wrong with a file made from a field of the pod.
fn pod_field(item: &Field<'_>) -> Errors {
    let (path, field, resource) = (item.at("path"), item.at("fieldRef"), item.at("resourceFieldRef"));
    let mut errors: Errors = path.must().into_iter().collect();
    errors.extend(volume::local(&path));
    match (field.is_set(), resource.is_set()) {
        (true, both) => {
            errors.extend(environment::file_field(&field));
            if both {
                let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
                errors.push(item.invalid_part("resource", why));
            }
        }
        (false, true) => errors.extend(environment::resource_field(&resource, true)),
        (false, false) => errors.push(item.required("one of fieldRef and resourceFieldRef is required")),
    }
    errors.extend(mode(&item.at("mode")));
    errors
}

fn mode(mode: &Field<'_>) -> Option<FieldError> {
    let wrong = mode.integer().is_some_and(|number| !(0..=MODE_MAX).contains(&number));
    wrong.then(|| mode.invalid("must be a number between 0 and 0777 (octal), both inclusive"))
}
