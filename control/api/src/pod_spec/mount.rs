//! Rules of what containers see of the pod's volumes.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::volume::{descends, no_backsteps};

use super::volume::{Kind, Volumes};

/// Everything wrong with the file systems that a container mounts.
pub(super) fn mounts(container: &Field<'_>, volumes: &Volumes<'_>) -> Errors {
    let list = container.at("volumeMounts");
    let devices = container.at("volumeDevices");
    let is_device = |field: &str, text: &str| devices.items().any(|device| device.at(field).text() == text);
    let privileged = container.at("securityContext").at("privileged").is_true();
    let mut paths = BTreeSet::new();
    let mut errors = Errors::new();
    for mount in list.items() {
        let (own, path) = (mount.at("name"), mount.at("mountPath"));
        errors.extend(own.must());
        errors.extend((!volumes.contains_key(own.text())).then(|| own.not_found()));
        errors.extend(path.must());
        if !paths.insert(path.text()) {
            errors.push(path.invalid_part(path.text(), "must be unique"));
        }
        if is_device("name", own.text()) {
            errors.push(own.invalid("must not already exist in volumeDevices"));
        }
        if is_device("devicePath", path.text()) {
            errors.push(path.invalid("must not already exist as a path in volumeDevices"));
        }
        errors.extend(inside(&mount, &list, volumes.get(own.text()) == Some(&Kind::Image)));
        // Kubernetes tells these without their place in the list.
        let propagation = mount.at("mountPropagation").told_at(&list.at("mountPropagation"));
        errors.extend(propagation.one_of(&["Bidirectional", "HostToContainer", "None"]));
        if propagation.text() == "Bidirectional" && !privileged {
            let why = "Bidirectional mount propagation is available only to privileged containers";
            errors.push(propagation.forbidden(why));
        }
        errors.extend(read_only(&mount, &mount.at("recursiveReadOnly").told_at(&list.at("recursiveReadOnly"))));
    }
    errors
}

/// Everything wrong with the part of a volume that is mounted.
fn inside(mount: &Field<'_>, list: &Field<'_>, of_image: bool) -> Errors {
    let (plain, expanded) = (mount.at("subPath"), mount.at("subPathExpr"));
    let mut errors = Errors::new();
    if of_image {
        let given = [&plain, &expanded].into_iter().filter(|path| !path.is_empty());
        errors.extend(given.map(|path| path.invalid("not allowed in image volume sources")));
    }
    errors.extend(descends(&plain.clone().told_at(&list.at("subPath"))));
    if !expanded.is_empty() && !plain.is_empty() {
        errors.push(expanded.invalid("subPathExpr and subPath are mutually exclusive"));
    }
    errors.extend(descends(&expanded.told_at(&list.at("subPathExpr"))));
    errors
}

/// Everything wrong with how far down a mount may not be written.
fn read_only(mount: &Field<'_>, recursive: &Field<'_>) -> Errors {
    let mut errors: Errors = recursive.one_of(&["Disabled", "Enabled", "IfPossible"]).into_iter().collect();
    if matches!(recursive.text(), "Enabled" | "IfPossible") {
        if !mount.at("readOnly").is_true() {
            errors.push(recursive.forbidden("may only be specified when readOnly is true"));
        }
        if !matches!(mount.at("mountPropagation").text(), "" | "None") {
            let why = "may only be specified when mountPropagation is None or not specified";
            errors.push(recursive.forbidden(why));
        }
    }
    errors
}

/// Everything wrong with the block devices that a container gets.
pub(super) fn devices(container: &Field<'_>, volumes: &Volumes<'_>) -> Errors {
    let mounts = container.at("volumeMounts");
    let is_mount = |field: &str, text: &str| mounts.items().any(|mount| mount.at(field).text() == text);
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    let mut errors = Errors::new();
    for device in container.at("volumeDevices").items() {
        let (own, path) = (device.at("name"), device.at("devicePath"));
        errors.extend(own.must());
        errors.extend(names.contains(own.text()).then(|| own.invalid("must be unique")));
        match volumes.get(own.text()) {
            Some(Kind::Claim) => {}
            Some(Kind::Image | Kind::Other) => {
                let why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                errors.push(own.invalid(why));
            }
            None => errors.push(own.not_found()),
        }
        errors.extend(path.must());
        errors.extend(paths.contains(path.text()).then(|| path.invalid_part(path.text(), "must be unique")));
        if no_backsteps(&path).is_some() {
            errors.push(path.invalid("can not contain backsteps ('..')"));
        } else {
            paths.insert(path.text());
        }
        if is_mount("name", own.text()) {
            errors.push(own.invalid("must not already exist in volumeMounts"));
        }
        if is_mount("mountPath", path.text()) {
            errors.push(path.invalid("must not already exist as a path in volumeMounts"));
        }
        if !own.is_empty() {
            names.insert(own.text());
        }
    }
    errors
}
