//! File systems and block devices of servers elsewhere.

use super::{Owner, needed, secret};
use crate::field::{Errors, Field};
use crate::name;

/// Fields that a source cannot be without.
const NEEDED: &[(&str, &[&str])] = &[
    ("gitRepo", &["repository"]),
    ("nfs", &["server", "path"]),
    ("glusterfs", &["endpoints", "path"]),
    ("rbd", &["monitors", "image"]),
    ("cinder", &["volumeID"]),
    ("cephfs", &["monitors"]),
    ("azureFile", &["secretName", "shareName"]),
    ("vsphereVolume", &["volumePath"]),
    ("photonPersistentDisk", &["pdID"]),
    ("portworxVolume", &["volumeID"]),
    ("scaleIO", &["gateway", "system", "volumeName"]),
];

/// Everything wrong with a source of that name.
pub(super) fn rules(name: &str, source: &Field<'_>, owner: Owner<'_>) -> Errors {
    let fields = NEEDED.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, fields)| fields);
    let mut errors = needed(source, fields);
    match name {
        "gitRepo" => errors.extend(super::descends(&source.at("directory"))),
        "nfs" => {
            let path = source.at("path");
            let absolute = path.text().starts_with('/');
            errors.extend((!absolute).then(|| path.invalid_part(path.text(), "must be an absolute path")));
        }
        "glusterfs" => {
            let namespace = source.at("endpointsNamespace");
            if namespace.is_set() && namespace.is_empty() {
                errors.push(namespace.invalid("if the endpointnamespace is set, it must be a valid namespace name"));
            }
            errors.extend(namespace.named(name::label));
        }
        "cinder" => errors.extend(secret(&source.at("secretRef"), owner)),
        "azureFile" => {
            let namespace = source.at("secretNamespace");
            errors.extend((namespace.is_set() && namespace.is_empty()).then(|| namespace.required("")));
        }
        "flocker" => errors.extend(flocker(source)),
        "quobyte" => errors.extend(quobyte(source)),
        "storageos" => {
            errors.extend(source.at("volumeName").must_be_named(name::label));
            errors.extend(source.at("volumeNamespace").named(name::label));
            errors.extend(secret(&source.at("secretRef"), owner));
        }
        _ => {}
    }
    errors
}

fn flocker(source: &Field<'_>) -> Errors {
    let (name, uuid) = (source.at("datasetName"), source.at("datasetUUID"));
    let mut errors = Errors::new();
    match (name.is_empty(), uuid.is_empty()) {
        (true, true) => errors.push(source.required("one of datasetName and datasetUUID is required")),
        (false, false) => {
            let why = "datasetName and datasetUUID can not be specified simultaneously";
            errors.push(source.invalid_part("resource", why));
        }
        (true, false) | (false, true) => {}
    }
    errors.extend(name.text().contains('/').then(|| name.invalid("must not contain '/'")));
    errors
}

fn quobyte(source: &Field<'_>) -> Errors {
    const TENANT_MAX: usize = 64;
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let (registry, tenant) = (source.at("registry"), source.at("tenant"));
    let mut errors = Errors::new();
    if registry.is_empty() {
        errors.push(registry.required(PAIRS));
    } else if tenant.text().len() > TENANT_MAX {
        errors.push(tenant.required("must be a UUID and may not exceed a length of 64 characters"));
    } else {
        let wrong = registry.text().split(',').filter(|pair| !is_pair(pair));
        errors.extend(wrong.map(|_| registry.invalid(PAIRS)));
    }
    errors.extend(source.at("volume").must());
    errors
}

/// Whether a text is a host, a colon and a port; an IPv6 address stands in brackets.
fn is_pair(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((host, _)) if host.starts_with('[') => host.ends_with(']'),
        Some((host, _)) => !host.contains(':'),
        None => false,
    }
}
