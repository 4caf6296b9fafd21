//! What is told about the resize of a pod: its standing for the conditions, and the texts of its events.

use k8s_openapi::api::core::v1::{Container, Pod, ResourceRequirements};
use serde::Serialize;

use crate::allocation::{Pending, resizable};
use crate::policy;

/// How a resize stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Why the pod was not promised what it asks for.
    pub pending: Option<Pending>,
    /// It was promised something else, at this generation, and containers do not have it yet.
    pub begun: Option<i64>,
}

/// What an event says, in the kubelet's order of fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    init_containers: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    containers: Vec<Part<'a>>,
    generation: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Part<'a> {
    name: &'a str,
    resources: Amounts<'a>,
}

#[derive(Serialize)]
struct Amounts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<&'a std::collections::BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<&'a std::collections::BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>,
}

/// The message of an event about a resize: what happened, and the resources that a pod asks for.
pub(crate) fn message(what: &str, pod: &Pod, generation: i64, error: Option<&str>) -> String {
    let of = |sidecars: bool| {
        let all = pod.spec.iter().flat_map(resizable);
        all.filter(|container| policy::is_sidecar(container) == sidecars).map(part).collect()
    };
    let summary = Summary { init_containers: of(true), containers: of(false), generation, error };
    match serde_json::to_string(&summary) {
        Ok(summary) => format!("Pod resize {what}: {summary}"),
        Err(_) => format!("Pod resize {what}"),
    }
}

fn part(container: &Container) -> Part<'_> {
    static NONE: ResourceRequirements = ResourceRequirements { claims: None, limits: None, requests: None };
    let resources = container.resources.as_ref().unwrap_or(&NONE);
    let resources = Amounts { limits: resources.limits.as_ref(), requests: resources.requests.as_ref() };
    Part { name: &container.name, resources }
}

/// Why memory cannot be taken from containers that use it, in the kubelet's words: each with its limit to be and what it uses.
pub(crate) fn too_low(decreases: &[(String, u64, u64)]) -> Option<String> {
    let refused: Vec<String> = decreases
        .iter()
        .filter(|(_, limit, used)| used >= limit)
        .map(|(whose, limit, used)| {
            format!("attempting to set {whose} memory limit ({limit}) below current usage ({used})")
        })
        .collect();
    match refused.as_slice() {
        [] => None,
        [one] => Some(format!("cannot decrease memory limits: {one}")),
        more => Some(format!("cannot decrease memory limits: [{}]", more.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_tell_the_resources_as_the_kubelet_tells_them() {
        let container = |name: &str, cpu: &str| json!({"name": name, "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "1"}}});
        let mut sidecar = container("s", "2m");
        sidecar["restartPolicy"] = "Always".into();
        let pod =
            json!({"spec": {"initContainers": [container("i", "9m"), sidecar], "containers": [container("c", "1m")]}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        assert_eq!(
            message("started", &pod, 3, None),
            "Pod resize started: {\"initContainers\":[{\"name\":\"s\",\"resources\":{\"limits\":{\"cpu\":\"1\"},\"requests\":{\"cpu\":\"2m\"}}}],\
             \"containers\":[{\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":\"1\"},\"requests\":{\"cpu\":\"1m\"}}}],\"generation\":3}"
        );
        assert!(message("error", &pod, 3, Some("no")).ends_with(",\"generation\":3,\"error\":\"no\"}"));
    }

    #[test]
    fn memory_in_use_is_not_taken_away() {
        let of = |whose: &str, limit, used| (whose.to_owned(), limit, used);
        assert_eq!(too_low(&[of("pod", 100, 99)]), None);
        let text = "cannot decrease memory limits: attempting to set pod memory limit (100) below current usage (100)";
        assert_eq!(too_low(&[of("pod", 100, 100), of("container \"c\"", 200, 100)]).as_deref(), Some(text));
        let both = too_low(&[of("pod", 1, 2), of("container \"c\"", 1, 2)]).unwrap();
        let text = "cannot decrease memory limits: [attempting to set pod memory limit (1) below current usage (2), \
                    attempting to set container \"c\" memory limit (1) below current usage (2)]";
        assert_eq!(both, text);
    }
}
