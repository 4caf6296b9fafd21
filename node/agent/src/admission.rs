//! What a node refuses to run at all, decided once, when it first sees a pod: a pure function.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{AppArmorProfile, Pod, PodSpec, Toleration};

use crate::allocation::Lack;
use crate::policy;
use crate::pressure::{Condition, Standing};
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
/// may make beyond the safe ones, `standing` what the node is short of, `lack` what it has too little of for this pod.
pub(crate) fn admit(
    pod: &Pod,
    app_armor: bool,
    allowed: &UnsafeSysctls,
    standing: &Standing,
    lack: Option<Lack>,
) -> Result<(), Rejection> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    if standing.shutting_down {
        let message = "Pod was rejected as the node is shutting down.".to_owned();
        return Err(Rejection { reason: "NodeShutdown", message });
    }
    endures(pod, spec, &standing.conditions)?;
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
    match lack {
        Some(lack) => Err(Rejection { reason: lack.reason, message: lack.to_string() }),
        None => Ok(()),
    }
}

/// Whether a node that is short of something takes a pod: of memory, those that asked for some or say that they can do with
/// little; of anything else, only those that a cluster cannot do without.
fn endures(pod: &Pod, spec: &PodSpec, conditions: &BTreeSet<Condition>) -> Result<(), Rejection> {
    if conditions.is_empty() || policy::is_critical(pod) {
        return Ok(());
    }
    let class = pod.status.as_ref().and_then(|status| status.qos_class.as_deref());
    let tolerant =
        spec.tolerations.iter().flatten().any(|toleration| tolerates(toleration, "node.kubernetes.io/memory-pressure"));
    let only_memory = conditions.iter().all(|condition| *condition == Condition::Memory);
    if only_memory && (class != Some("BestEffort") || tolerant) {
        return Ok(());
    }
    let names: Vec<&str> = conditions.iter().map(|condition| condition.name()).collect();
    Err(Rejection { reason: "Evicted", message: format!("The node had condition: [{}]. ", names.join(" ")) })
}

fn tolerates(toleration: &Toleration, taint: &str) -> bool {
    let toleration = api::taints::Toleration {
        key: toleration.key.as_deref().unwrap_or_default(),
        exists: toleration.operator.as_deref() == Some("Exists"),
        value: toleration.value.as_deref().unwrap_or_default(),
        effect: toleration.effect.as_deref().unwrap_or_default(),
    };
    api::taints::tolerates(toleration, api::taints::Taint { key: taint, value: "", effect: "NoSchedule" })
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
        let found = admit(&pod, false, &UnsafeSysctls::default(), &Standing::default(), None)
            .map_err(|rejection| (rejection.reason, rejection.message));
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

    /// Whether a pod is refused by a node that is short of these.
    fn refused(conditions: &[Condition], class: &str, spec: Value) -> Option<String> {
        let pod = serde_json::from_value(json!({ "spec": spec, "status": { "qosClass": class } })).unwrap();
        let standing = Standing { conditions: conditions.iter().copied().collect(), shutting_down: false };
        admit(&pod, false, &UnsafeSysctls::default(), &standing, None)
            .err()
            .map(|rejection| format!("{}: {}", rejection.reason, rejection.message))
    }

    #[test]
    fn a_node_that_is_short_of_something_takes_who_can_bear_it() {
        let plain = || json!({ "containers": [] });
        let tolerant = json!({ "containers": [], "tolerations": [{ "operator": "Exists" }] });
        let critical = json!({ "containers": [], "priority": 2_000_000_000 });
        let memory = [Condition::Memory];
        let both = [Condition::Memory, Condition::Disk];
        let evicted = |names: &str| Some(format!("Evicted: The node had condition: [{names}]. "));
        assert_eq!(refused(&[], "BestEffort", plain()), None);
        assert_eq!(refused(&memory, "BestEffort", plain()), evicted("MemoryPressure"));
        assert_eq!(refused(&memory, "Burstable", plain()), None);
        assert_eq!(refused(&memory, "BestEffort", tolerant.clone()), None);
        assert_eq!(refused(&both, "Burstable", tolerant), evicted("MemoryPressure DiskPressure"));
        assert_eq!(refused(&both, "BestEffort", critical), None);
    }

    #[test]
    fn a_node_that_shuts_down_takes_nothing() {
        let pod = serde_json::from_value(json!({ "spec": { "containers": [] } })).unwrap();
        let standing = Standing { shutting_down: true, ..Standing::default() };
        assert_eq!(admit(&pod, false, &UnsafeSysctls::default(), &standing, None).unwrap_err().reason, "NodeShutdown");
    }

    #[test]
    fn app_armor_is_not_promised_where_there_is_none() {
        let with = |kind: &str| json!({ "securityContext": { "appArmorProfile": { "type": kind } } });
        check(with("Unconfined"), Ok(()));
        let why = "Cannot enforce AppArmor: AppArmor is not enabled on the host";
        check(with("RuntimeDefault"), Err(("AppArmor", why)));
    }
}
