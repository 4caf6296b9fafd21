//! What the bench writes.

use std::time::Duration;

use serde_json::json;

/// Where its ConfigMaps are.
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// Where its pods are.
pub(crate) const PODS: &str = "/api/v1/namespaces/default/pods";
/// Where namespaces are.
pub(crate) const NAMESPACES: &str = "/api/v1/namespaces";
/// Where further pods are, beside those that are listed.
pub(crate) const MORE_PODS: &str = "/api/v1/namespaces/more/pods";
/// What stands before the moment at which an object was sent, in the text of its event.
pub(crate) const MARK: &str = "\"sent\":\"";
/// Bytes of a ConfigMap's data: what small settings have.
const DATA: usize = 1000;

/// A ConfigMap.
pub(crate) fn config_map(name: &str) -> String {
    let data = json!({"settings": "x".repeat(DATA)});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}).to_string()
}

/// A ConfigMap as somebody applies it, with a number in it.
pub(crate) fn applied(name: &str, number: usize) -> String {
    let data = json!({"settings": "x".repeat(DATA), "number": number.to_string()});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}).to_string()
}

/// The namespace of [`MORE_PODS`].
pub(crate) fn namespace() -> String {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "more"}}).to_string()
}

/// A merge patch that says when it was sent, in microseconds since the bench began.
pub(crate) fn sent(at: Duration) -> String {
    json!({"data": {"sent": at.as_micros().to_string()}}).to_string()
}

/// A pod as a Deployment makes it. Nobody schedules it: what is measured is the API, not the node.
pub(crate) fn pod(name: &str) -> String {
    let container = json!({
        "name": "main", "image": "registry.example/team/service:1.2.3", "args": ["--listen", ":8080"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "LEVEL", "value": "info"}, {"name": "REGION", "value": "eu"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
    });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "service", "tier": "backend", "pod-template-hash": "6d4cf56db6"}},
        "spec": {"schedulerName": "nobody", "containers": [container]},
    })
    .to_string()
}
