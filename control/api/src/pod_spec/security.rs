//! Rules of security contexts.

use crate::field::{Errors, Field};

/// Largest user or group id.
const ID_MAX: i64 = i32::MAX as i64;

/// Everything wrong with a container's `securityContext`.
pub(super) fn container(context: &Field<'_>) -> Errors {
    let mut errors = identity(context);
    errors.extend(context.at("procMount").one_of(&["Default", "Unmasked"]));
    let escalation = context.at("allowPrivilegeEscalation");
    if escalation.is_set() && !escalation.is_true() {
        if context.at("privileged").is_true() {
            let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.push(context.invalid(why));
        }
        let added = context.at("capabilities").at("add");
        if added.items().any(|capability| capability.text() == "CAP_SYS_ADMIN") {
            let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            errors.push(context.invalid(why));
        }
    }
    errors
}

/// Everything wrong with a pod's `securityContext` and with what it shares with the host.
pub(super) fn pod(spec: &Field<'_>) -> Errors {
    let context = spec.at("securityContext");
    let mut errors = identity(&context);
    errors.extend(context.at("fsGroup").within(0, ID_MAX));
    errors.extend(context.at("supplementalGroups").items().filter_map(|group| group.within(0, ID_MAX)));
    errors.extend(context.at("fsGroupChangePolicy").one_of(&["Always", "OnRootMismatch"]));
    errors.extend(context.at("supplementalGroupsPolicy").one_of(&["Merge", "Strict"]));
    let sysctls = context.at("sysctls");
    let mut names = std::collections::BTreeSet::new();
    for sysctl in sysctls.items() {
        let name = sysctl.at("name");
        errors.extend(name.must());
        if !name.is_empty() && !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
    }
    let shared = spec.at("shareProcessNamespace");
    if shared.is_true() && spec.at("hostPID").is_true() {
        errors.push(shared.invalid("ShareProcessNamespace and HostPID cannot both be enabled"));
    }
    errors
}

/// What contexts of pods and containers have in common.
fn identity(context: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(context.at("runAsUser").within(0, ID_MAX));
    errors.extend(context.at("runAsGroup").within(0, ID_MAX));
    for (name, subject) in [("seccompProfile", "seccomp"), ("appArmorProfile", "AppArmor")] {
        errors.extend(profile(&context.at(name), subject));
    }
    errors
}

fn profile(profile: &Field<'_>, subject: &str) -> Errors {
    if !profile.is_set() {
        return Errors::new();
    }
    let (kind, file) = (profile.at("type"), profile.at("localhostProfile"));
    let mut errors: Errors = kind.must_be_one_of(&["Localhost", "RuntimeDefault", "Unconfined"]).into_iter().collect();
    match (kind.text() == "Localhost", file.is_empty()) {
        (true, true) => errors.push(file.required(&format!("must be set when {subject} type is Localhost"))),
        (false, false) => errors.push(file.invalid(format!("can only be set when {subject} type is Localhost"))),
        (true, false) | (false, true) => {}
    }
    errors
}
