//! What a node refuses to run at all, decided once, when it first sees a pod: a pure function.

use k8s_openapi::api::core::v1::{AppArmorProfile, Pod, PodSpec};

use crate::policy;
use crate::sysctls::{SharedNamespaces, UnsafeSysctls};

/// A refused pod: `status.reason` and message, with Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// `status.reason`, and the event's.
    pub reason: &'static str,
    /// The event's message.
    pub message: String,
}

/// Whether a node takes a pod. `app_armor` says whether its kernel has `AppArmor`, `allowed` which settings of the kernel pods
/// may make beyond the safe ones.
pub(crate) fn admit(pod: &Pod, app_armor: bool, allowed: &UnsafeSysctls) -> Result<(), Rejection> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let sysctls = spec.security_context.as_ref().and_then(|security| security.sysctls.as_deref()).unwrap_or_default();
    let shared = SharedNamespaces { net: spec.host_network.unwrap_or(false), ipc: spec.host_ipc.unwrap_or(false) };
    for sysctl in sysctls {
        if let Err(why) = allowed.admit(&sysctl.name, shared) {
            return Err(Rejection { reason: "SysctlForbidden", message: format!("forbidden sysctl: {why}") });
        }
    }
    if !app_armor && profiles(spec).any(|profile| profile.type_ != "Unconfined") {
        let message = "Cannot enforce AppArmor: AppArmor is not enabled on the host".to_owned();
        return Err(Rejection { reason: "AppArmor", message });
    }
    Ok(())
}

/// The profiles that the pod and its containers name.
fn profiles(spec: &PodSpec) -> impl Iterator<Item = &AppArmorProfile> {
    let own = spec.containers.iter().chain(policy::init(spec));
    let own = own.filter_map(|container| container.security_context.as_ref()?.app_armor_profile.as_ref());
    let shared = spec.security_context.as_ref().and_then(|security| security.app_armor_profile.as_ref());
    own.chain(shared)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(spec: Value, expected: Result<(), (&'static str, &str)>) {
        let mut spec = spec;
        spec["containers"] = json!([{ "name": "c" }]);
        let pod = serde_json::from_value(json!({ "spec": spec })).unwrap();
        let found =
            admit(&pod, false, &UnsafeSysctls::default()).map_err(|rejection| (rejection.reason, rejection.message));
        let expected = expected.map_err(|(reason, message)| (reason, message.to_owned()));
        assert_eq!(found, expected);
    }

    fn with_sysctl(name: &str) -> Value {
        json!({ "securityContext": { "sysctls": [{ "name": name, "value": "1" }] } })
    }

    #[test]
    fn sysctls_are_safe_and_the_pods_own() {
        check(with_sysctl("net.ipv4.tcp_syncookies"), Ok(()));
        check(
            with_sysctl("kernel.msgmax"),
            Err(("SysctlForbidden", "forbidden sysctl: \"kernel.msgmax\" not allowlisted")),
        );
        let mut shared = with_sysctl("net.ipv4.tcp_syncookies");
        shared["hostNetwork"] = true.into();
        let why = "forbidden sysctl: \"net.ipv4.tcp_syncookies\" not allowed with host Net enabled";
        check(shared, Err(("SysctlForbidden", why)));
    }

    #[test]
    fn app_armor_is_not_promised_where_there_is_none() {
        let with = |kind: &str| json!({ "securityContext": { "appArmorProfile": { "type": kind } } });
        check(with("Unconfined"), Ok(()));
        let why = "Cannot enforce AppArmor: AppArmor is not enabled on the host";
        check(with("RuntimeDefault"), Err(("AppArmor", why)));
    }
}
