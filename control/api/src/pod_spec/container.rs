//! Rules of containers.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::name;

use super::{environment, probe, resources, security};

/// Everything wrong with all containers of a spec whose volumes have these names.
pub(super) fn containers(spec: &Field<'_>, volumes: &BTreeSet<&str>) -> Errors {
    let mut names = BTreeSet::new();
    let mut host_ports = BTreeSet::new();
    let mut errors = Errors::new();
    errors.extend(spec.at("containers").must());
    for one in spec.at("containers").items() {
        errors.extend(common(&one, volumes, &mut names));
        errors.extend(taken(&one, &mut host_ports));
        let restart = one.at("restartPolicy");
        errors.extend(restart.is_set().then(|| restart.forbidden("may not be set for non-init containers")));
        errors.extend(live(&one));
    }
    for one in spec.at("initContainers").items() {
        errors.extend(common(&one, volumes, &mut names));
        errors.extend(one.at("restartPolicy").one_of(&["Always"]));
        if one.at("restartPolicy").text() == "Always" {
            errors.extend(live(&one));
        } else {
            let parts = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"].map(|part| one.at(part));
            let set = parts.iter().filter(|part| part.is_set());
            errors.extend(
                set.map(|part| part.forbidden("may not be set for init containers without restartPolicy=Always")),
            );
        }
    }
    if spec.at("hostNetwork").is_true() {
        let ports = ["containers", "initContainers"].map(|list| spec.at(list));
        let ports = ports.iter().flat_map(Field::items).flat_map(|one| one.at("ports").items());
        for port in ports.filter(|port| port.at("hostPort").integer() != port.at("containerPort").integer()) {
            let why = "must match `hostPort` when `hostNetwork` is true";
            errors.push(port.at("containerPort").invalid(why));
        }
    }
    errors
}

/// What containers of every list have in common.
pub(super) fn common<'a>(one: &Field<'a>, volumes: &BTreeSet<&str>, names: &mut BTreeSet<&'a str>) -> Errors {
    let own = one.at("name");
    let mut errors = own.must_be_named(name::label);
    if !own.is_empty() && !names.insert(own.text()) {
        errors.push(own.duplicate());
    }
    let image = one.at("image");
    errors.extend(image.must());
    if image.text().trim() != image.text() {
        errors.push(image.invalid("must not have leading or trailing whitespace"));
    }
    errors.extend(one.at("terminationMessagePolicy").one_of(&["FallbackToLogsOnError", "File"]));
    errors.extend(ports(&one.at("ports")));
    errors.extend(environment::variables(&one.at("env")));
    errors.extend(environment::sources(&one.at("envFrom")));
    errors.extend(mounts(&one.at("volumeMounts"), volumes));
    errors.extend(devices(&one.at("volumeDevices"), volumes));
    errors.extend(one.at("imagePullPolicy").one_of(&["Always", "IfNotPresent", "Never"]));
    errors.extend(resources::resources(&one.at("resources")));
    errors.extend(security::container(&one.at("securityContext")));
    errors
}

/// Probes and hooks, of containers that keep running.
fn live(one: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for hook in ["postStart", "preStop"] {
        let hook = one.at("lifecycle").at(hook);
        if hook.is_set() {
            errors.extend(probe::handler(&hook));
        }
    }
    errors.extend(probe::must_succeed_once(&one.at("livenessProbe")));
    errors.extend(probe::readiness(&one.at("readinessProbe")));
    errors.extend(probe::must_succeed_once(&one.at("startupProbe")));
    errors
}

fn ports(ports: &Field<'_>) -> Errors {
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for port in ports.items() {
        let own = port.at("name");
        errors.extend(own.named(name::port));
        if !own.is_empty() && !names.insert(own.text()) {
            errors.push(own.duplicate());
        }
        let number = port.at("containerPort");
        match number.integer() {
            None | Some(0) => errors.push(number.required("")),
            Some(_) => errors.extend(number.port()),
        }
        let host = port.at("hostPort");
        if host.integer() != Some(0) {
            errors.extend(host.port());
        }
        errors.extend(port.at("protocol").must_be_one_of(&["SCTP", "TCP", "UDP"]));
    }
    errors
}

/// Ports of the node that two containers of the pod want.
fn taken(one: &Field<'_>, host_ports: &mut BTreeSet<String>) -> Errors {
    let mut errors = Errors::new();
    for port in one.at("ports").items() {
        let host = port.at("hostPort");
        let Some(number) = host.integer().filter(|number| *number != 0) else { continue };
        let place = format!("{}/{}/{number}", port.at("protocol").text(), port.at("hostIP").text());
        if !host_ports.insert(place) {
            errors.push(host.duplicate());
        }
    }
    errors
}

fn mounts(mounts: &Field<'_>, volumes: &BTreeSet<&str>) -> Errors {
    let mut paths = BTreeSet::new();
    let mut errors = Errors::new();
    for mount in mounts.items() {
        errors.extend(volume_named(&mount.at("name"), volumes));
        let path = mount.at("mountPath");
        errors.extend(path.must());
        if !paths.insert(path.text()) && !path.is_empty() {
            errors.push(path.invalid("must be unique"));
        }
        let (plain, expanded) = (mount.at("subPath"), mount.at("subPathExpr"));
        errors.extend(inside(&plain));
        if !expanded.is_empty() {
            if !plain.is_empty() {
                errors.push(expanded.invalid("subPathExpr and subPath are mutually exclusive"));
            }
            errors.extend(inside(&expanded));
        }
        errors.extend(mount.at("mountPropagation").one_of(&["Bidirectional", "HostToContainer", "None"]));
    }
    errors
}

fn devices(devices: &Field<'_>, volumes: &BTreeSet<&str>) -> Errors {
    let mut errors = Errors::new();
    for device in devices.items() {
        errors.extend(volume_named(&device.at("name"), volumes));
        errors.extend(device.at("devicePath").must());
    }
    errors
}

fn volume_named(name: &Field<'_>, volumes: &BTreeSet<&str>) -> Errors {
    match name.text() {
        "" => vec![name.required("")],
        text if volumes.contains(text) => Errors::new(),
        _ => vec![name.not_found()],
    }
}

/// A path that leads out of where it begins is wrong.
pub(super) fn inside(path: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    if path.text().starts_with('/') {
        errors.push(path.invalid("must be a relative path"));
    }
    if path.text().split('/').any(|part| part == "..") {
        errors.push(path.invalid("must not contain '..'"));
    }
    errors
}
