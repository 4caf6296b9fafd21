//! Security context of a container, merged with its pod's.

use k8s_openapi::api::core::v1::{AppArmorProfile, Container, Pod, PodSpec, SeccompProfile};
use runtime::contract::{Image, SandboxKind, Seccomp, Security};

use crate::policy;
use crate::spec::ConfigError;

/// Where `seccompProfile.localhostProfile` paths begin, as with the kubelet.
const SECCOMP_ROOT: &str = "/var/lib/kubelet/seccomp";

/// The profile that `RuntimeDefault` of AppArmor means. An administrator loads it; without it such containers do not start.
const APPARMOR_DEFAULT: &str = "bireme-default";

/// The container's settings over its pod's. Without any, a container gets the runtime's seccomp profile: secure by default.
pub(super) fn merged(
    pod: &Pod,
    spec: &PodSpec,
    container: &Container,
    image: &Image,
    kind: SandboxKind,
) -> Result<Security, ConfigError> {
    let own = container.security_context.clone().unwrap_or_default();
    let shared = spec.security_context.clone().unwrap_or_default();
    let privileged = own.privileged.unwrap_or(false);
    let capabilities = own.capabilities.unwrap_or_default();
    let bare = |names: Option<Vec<String>>| -> Vec<String> {
        names.into_iter().flatten().map(|name| name.strip_prefix("CAP_").unwrap_or(&name).to_owned()).collect()
    };
    let groups = shared.supplemental_groups.iter().flatten().chain(&shared.fs_group);
    let security = Security {
        user: own.run_as_user.or(shared.run_as_user).and_then(id),
        group: own.run_as_group.or(shared.run_as_group).and_then(id),
        groups: groups.copied().filter_map(id).collect(),
        run_as_non_root: own.run_as_non_root.or(shared.run_as_non_root).unwrap_or(false),
        privileged,
        read_only_root: own.read_only_root_filesystem.unwrap_or(false),
        no_new_privileges: own.allow_privilege_escalation == Some(false),
        add_capabilities: bare(capabilities.add),
        drop_capabilities: bare(capabilities.drop),
        seccomp: match own.seccomp_profile.or(shared.seccomp_profile) {
            _ if privileged => Seccomp::Unconfined,
            Some(profile) => seccomp(&profile),
            None => Seccomp::RuntimeDefault,
        },
        strict_groups: shared.supplemental_groups_policy.as_deref() == Some("Strict"),
        unmasked_proc: own.proc_mount.as_deref() == Some("Unmasked"),
        apparmor: own.app_armor_profile.or(shared.app_armor_profile).as_ref().and_then(apparmor),
    };
    if kind == SandboxKind::Linux && security.run_as_non_root {
        refuse_root(pod, container, image, security.user)?;
    }
    Ok(security)
}

/// Ids of the API are 64 bits wide and validated to 31.
fn id(id: i64) -> Option<u32> {
    u32::try_from(id).ok()
}

/// The name of the profile to run under; none when the container is not to be confined by one.
fn apparmor(profile: &AppArmorProfile) -> Option<String> {
    match (profile.type_.as_str(), &profile.localhost_profile) {
        ("Localhost", Some(name)) => Some(name.clone()),
        ("RuntimeDefault", _) => Some(APPARMOR_DEFAULT.to_owned()),
        _ => None,
    }
}

fn seccomp(profile: &SeccompProfile) -> Seccomp {
    match (profile.type_.as_str(), &profile.localhost_profile) {
        ("Unconfined", _) => Seccomp::Unconfined,
        ("Localhost", Some(path)) => Seccomp::Localhost(std::path::Path::new(SECCOMP_ROOT).join(path)),
        _ => Seccomp::RuntimeDefault,
    }
}

/// Refuses uid 0, and users whose uid only the image knows.
fn refuse_root(pod: &Pod, container: &Container, image: &Image, user: Option<u32>) -> Result<(), ConfigError> {
    let named = image.user.as_deref().map(|user| user.split(':').next().unwrap_or_default()).unwrap_or_default();
    let root = || ConfigError::Root(policy::full_name(pod), container.name.clone());
    match user {
        Some(0) => Err(ConfigError::RootAsked(policy::full_name(pod), container.name.clone())),
        Some(_) => Ok(()),
        None if named.is_empty() || named == "0" => Err(root()),
        None if named.parse::<u32>().is_ok() => Ok(()),
        None => Err(ConfigError::NamedUser {
            user: named.to_owned(),
            pod: policy::full_name(pod),
            container: container.name.clone(),
        }),
    }
}
