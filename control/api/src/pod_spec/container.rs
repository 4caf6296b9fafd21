//! Rules of containers.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::name;

use super::context::Context;
use super::{environment, mount, probe, resources, restart, security};

/// Everything wrong with all containers of a spec but the ephemeral ones.
pub(super) fn containers(spec: &Field<'_>, context: &Context<'_>) -> Errors {
    let list = spec.at("containers");
    let mut names = BTreeSet::new();
    let mut errors: Errors = list.must().into_iter().collect();
    for one in list.items() {
        errors.extend(common(&one, context, &mut names));
        errors.extend(live(&one, context));
        errors.extend(restart::rules(&one));
    }
    let mut host_ports = BTreeSet::new();
    errors.extend(list.items().flat_map(|one| taken(&one, &mut host_ports)));
    for one in spec.at("initContainers").items() {
        errors.extend(common(&one, context, &mut names));
        errors.extend(restart::rules(&one));
        // They run one after the other, so that each has the ports of the host for itself.
        errors.extend(taken(&one, &mut BTreeSet::new()));
        if one.at("restartPolicy").text() == "Always" {
            errors.extend(live(&one, context));
        } else {
            let parts = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"].map(|part| one.at(part));
            let set = parts.iter().filter(|part| part.is_set());
            let why = "may not be set for init containers without restartPolicy=Always";
            errors.extend(set.map(|part| part.forbidden(why)));
        }
    }
    errors
}

/// What containers of every list have in common.
pub(super) fn common<'a>(one: &Field<'a>, context: &Context<'_>, names: &mut BTreeSet<&'a str>) -> Errors {
    let own = one.at("name");
    let mut errors = own.must_be_named(name::label);
    errors.extend(one.at("image").must());
    errors.extend(one.at("terminationMessagePolicy").must_be_one_of(&["File", "FallbackToLogsOnError"]));
    errors.extend(ports(&one.at("ports")));
    errors.extend(environment::variables(&one.at("env"), &context.volumes));
    errors.extend(environment::sources(&one.at("envFrom")));
    errors.extend(mount::mounts(one, &context.volumes));
    errors.extend(mount::devices(one, &context.volumes));
    errors.extend(one.at("imagePullPolicy").must_be_one_of(&["Always", "IfNotPresent", "Never"]));
    errors.extend(resources::container(&one.at("resources"), &context.claims));
    errors.extend(restart::on_resize(&one.at("resizePolicy"), context.restart));
    errors.extend(security::container(&one.at("securityContext"), context.host_users));
    if !own.is_empty() && !names.insert(own.text()) {
        errors.push(own.duplicate());
    }
    errors
}

/// What holds of images in pods, and not in templates for the sake of what was written before.
pub(super) fn image(one: &Field<'_>) -> Errors {
    let image = one.at("image");
    let padded = image.text().trim() != image.text();
    padded.then(|| image.invalid("must not have leading or trailing whitespace")).into_iter().collect()
}

/// Probes and hooks, of containers that keep running.
fn live(one: &Field<'_>, context: &Context<'_>) -> Errors {
    let mut errors = Errors::new();
    for hook in ["postStart", "preStop"] {
        let hook = one.at("lifecycle").at(hook);
        if hook.is_set() {
            errors.extend(probe::hook(&hook, context.grace));
        }
    }
    errors.extend(stop_signal(&one.at("lifecycle").at("stopSignal")));
    errors.extend(probe::must_succeed_once(&one.at("livenessProbe")));
    errors.extend(probe::readiness(&one.at("readinessProbe")));
    errors.extend(probe::must_succeed_once(&one.at("startupProbe")));
    errors
}

/// A signal is named as in `signal(7)`.
fn stop_signal(signal: &Field<'_>) -> Errors {
    let named = signal.text().strip_prefix("SIG").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || b"+-".contains(&c))
    });
    let wrong = signal.is_set() && !named;
    wrong.then(|| signal.invalid("must be the name of a signal, such as SIGTERM")).into_iter().collect()
}

fn ports(ports: &Field<'_>) -> Errors {
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for port in ports.items() {
        let own = port.at("name");
        let wrong = own.named(name::port);
        if wrong.is_empty() && !own.is_empty() && !names.insert(own.text()) {
            errors.push(own.duplicate());
        }
        errors.extend(wrong);
        let (number, host) = (port.at("containerPort"), port.at("hostPort"));
        match number.integer() {
            None | Some(0) => errors.push(number.required("")),
            Some(_) => errors.extend(number.port()),
        }
        errors.extend(host.integer().filter(|number| *number != 0).and_then(|_| host.port()));
        errors.extend(port.at("protocol").must_be_one_of(&["SCTP", "TCP", "UDP"]));
    }
    errors
}

/// Ports of the node that somebody else in the pod wants, too.
fn taken(one: &Field<'_>, host_ports: &mut BTreeSet<String>) -> Errors {
    let mut errors = Errors::new();
    for port in one.at("ports").items() {
        let host = port.at("hostPort");
        let Some(number) = host.integer().filter(|number| *number != 0) else { continue };
        let place = format!("{}/{}/{number}", port.at("protocol").text(), port.at("hostIP").text());
        if !host_ports.insert(place.clone()) {
            errors.push(host.duplicate_of(&place.into()));
        }
    }
    errors
}

/// On the network of the host a container listens where it says. Templates may leave it to the Pod to say that.
pub(super) fn on_host_network(spec: &Field<'_>, is_pod: bool) -> Errors {
    let mut errors = Errors::new();
    if !spec.at("hostNetwork").is_true() {
        return errors;
    }
    for port in spec.at("containers").items().flat_map(|one| one.at("ports").items()) {
        let host = port.at("hostPort");
        let number = host.integer().unwrap_or_default();
        if (is_pod || number != 0) && Some(number) != port.at("containerPort").integer() {
            let why = "must match `containerPort` when `hostNetwork` is true";
            errors.push(host.invalid_part(number, why));
        }
    }
    errors
}
