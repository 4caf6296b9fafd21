//! Rules of security contexts.

use std::collections::BTreeSet;

use crate::field::{Errors, Field};
use crate::validate::FieldError;
use crate::volume::descends;

use super::windows;

/// Largest user or group id.
const ID_MAX: i64 = i32::MAX as i64;
/// Longest name of a kernel parameter, and of a file of a profile.
const SYSCTL_MAX: usize = 253;
const PROFILE_MAX: usize = 4095;
/// What a profile may be.
const PROFILES: &[&str] = &["Localhost", "RuntimeDefault", "Unconfined"];

/// Everything wrong with a container's `securityContext`.
pub(super) fn container(context: &Field<'_>, host_users: bool) -> Errors {
    let mut errors = ids(context, &["runAsUser", "runAsGroup"]);
    let mount = context.at("procMount");
    errors.extend(mount.one_of(&["Default", "Unmasked"]));
    if host_users && mount.text() == "Unmasked" {
        errors.push(mount.invalid("`hostUsers` must be false to use `Unmasked`"));
    }
    errors.extend(seccomp(&context.at("seccompProfile")));
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
    errors.extend(windows::options(&context.at("windowsOptions")));
    errors.extend(app_armor(&context.at("appArmorProfile")));
    errors
}

/// Everything wrong with a pod's `securityContext` and with what it shares with the host.
pub(super) fn pod(spec: &Field<'_>) -> Errors {
    let context = spec.at("securityContext");
    let mut errors = ids(&context, &["fsGroup", "runAsUser", "runAsGroup"]);
    errors.extend(context.at("supplementalGroups").items().filter_map(|group| group.within(0, ID_MAX)));
    let shared = spec.at("shareProcessNamespace");
    if shared.is_true() && spec.at("hostPID").is_true() {
        let told = shared.told_at(&context.at("shareProcessNamespace"));
        errors.push(told.invalid("ShareProcessNamespace and HostPID cannot both be enabled"));
    }
    errors.extend(sysctls(spec, &context.at("sysctls")));
    errors.extend(context.at("fsGroupChangePolicy").one_of(&["Always", "OnRootMismatch"]));
    errors.extend(seccomp(&context.at("seccompProfile")));
    errors.extend(windows::options(&context.at("windowsOptions")));
    errors.extend(app_armor(&context.at("appArmorProfile")));
    errors.extend(context.at("supplementalGroupsPolicy").one_of(&["Merge", "Strict"]));
    errors.extend(context.at("seLinuxChangePolicy").one_of(&["MountOption", "Recursive"]));
    errors
}

/// Users of its own exclude what else a pod may share with the host.
pub(super) fn own_users(spec: &Field<'_>) -> Errors {
    let why = "when `pod.Spec.HostUsers` is false";
    if *spec.at("hostUsers").value != false {
        return Errors::new();
    }
    let shared = [("hostPID", "HostPID"), ("hostIPC", "HostIPC")];
    let shared = shared.iter().filter(|(field, _)| spec.at(field).is_true());
    shared.map(|(_, told)| spec.at(told).forbidden(why)).collect()
}

fn ids(context: &Field<'_>, names: &[&str]) -> Errors {
    names.iter().filter_map(|name| context.at(name).within(0, ID_MAX)).collect()
}

fn sysctls(spec: &Field<'_>, sysctls: &Field<'_>) -> Errors {
    const PATTERN: &str = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for own in sysctls.items().map(|sysctl| sysctl.at("name")) {
        let text = own.text();
        if own.is_empty() {
            errors.push(own.required(""));
        } else if !is_sysctl(text) {
            errors.push(own.invalid(format!("must have at most {SYSCTL_MAX} characters and match regex {PATTERN}")));
        } else if !names.insert(text) {
            errors.push(own.duplicate());
        }
        let dotted = text.replace('/', ".");
        let of_ipc = dotted == "kernel.sem"
            || ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|prefix| dotted.starts_with(prefix));
        let shared = if spec.at("hostNetwork").is_true() && dotted.starts_with("net.") {
            Some("hostNetwork")
        } else {
            (spec.at("hostIPC").is_true() && of_ipc).then_some("hostIPC")
        };
        errors.extend(shared.map(|shared| own.invalid(format!("may not be specified when '{shared}' is true"))));
    }
    errors
}

fn is_sysctl(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let segment = |part: &str| {
        let bytes = part.as_bytes();
        let edges = bytes.first().is_some_and(|c| plain(*c)) && bytes.last().is_some_and(|c| plain(*c));
        edges && bytes.iter().all(|c| plain(*c) || matches!(c, b'-' | b'_'))
    };
    text.len() <= SYSCTL_MAX && text.split(['.', '/']).all(segment)
}

fn seccomp(profile: &Field<'_>) -> Errors {
    if !profile.is_set() {
        return Errors::new();
    }
    let (kind, file) = (profile.at("type"), profile.at("localhostProfile"));
    let mut errors: Errors = kind_of(&kind, "type is required when seccompProfile is set").into_iter().collect();
    match (kind.text() == "Localhost", file.is_set()) {
        (true, false) => errors.push(file.required("must be set when seccomp type is Localhost")),
        (true, true) => errors.extend(descends(&file)),
        (false, true) => {
            let why = "can only be set when seccomp type is Localhost";
            errors.push(file.invalid_part(profile.value.clone(), why));
        }
        (false, false) => {}
    }
    errors
}

fn app_armor(profile: &Field<'_>) -> Errors {
    if !profile.is_set() {
        return Errors::new();
    }
    let (kind, file) = (profile.at("type"), profile.at("localhostProfile"));
    let mut errors: Errors = kind_of(&kind, "type is required when appArmorProfile is set").into_iter().collect();
    match (kind.text(), file.is_set()) {
        ("Localhost", false) => errors.push(file.required("must be set when AppArmor type is Localhost")),
        ("Localhost", true) => {
            let trimmed = file.text().trim();
            if trimmed != file.text() {
                errors.push(file.invalid("must not be padded with whitespace"));
            } else if trimmed.is_empty() {
                errors.push(file.required("must be set when AppArmor type is Localhost"));
            }
            errors.extend((file.text().len() > PROFILE_MAX).then(|| file.too_long(PROFILE_MAX)));
        }
        ("RuntimeDefault" | "Unconfined", true) => {
            errors.push(file.invalid("can only be set when AppArmor type is Localhost"));
        }
        _ => {}
    }
    errors
}

fn kind_of(kind: &Field<'_>, why_needed: &str) -> Option<FieldError> {
    if kind.is_empty() { Some(kind.required(why_needed)) } else { kind.one_of(PROFILES) }
}
