//! What a pod grants its Wasm containers, by annotation. Everything not granted is denied.

use k8s_openapi::api::core::v1::{Container, Pod};
use runtime::contract::WasmConfig;

/// Hosts that outgoing HTTP may reach, separated by commas: `wasm.bireme.dev/outgoing-hosts.<container>`.
const OUTGOING_HOSTS: &str = "wasm.bireme.dev/outgoing-hosts.";
/// Addresses that `wasi:sockets` may reach, separated by commas, and `name-lookup`; `"true"` grants whatever the pod's network
/// has: `wasm.bireme.dev/sockets.<container>`.
const SOCKETS: &str = "wasm.bireme.dev/sockets.";
/// Longest time for one request, in milliseconds: `wasm.bireme.dev/request-timeout-ms.<container>`.
const REQUEST_TIMEOUT: &str = "wasm.bireme.dev/request-timeout-ms.";

/// The grants of one container. It serves HTTP on its first container port, and may listen on all of them.
pub(super) fn config(pod: &Pod, container: &Container) -> WasmConfig {
    let annotation = |prefix: &str| {
        let name = format!("{prefix}{}", container.name);
        pod.metadata.annotations.as_ref().and_then(|annotations| annotations.get(&name)).map(|value| value.trim())
    };
    let ports = container.ports.iter().flatten().filter_map(|port| u16::try_from(port.container_port).ok());
    let sockets = annotation(SOCKETS).filter(|grant| *grant != "false");
    WasmConfig {
        port: ports.clone().next(),
        outgoing_hosts: listed(annotation(OUTGOING_HOSTS)),
        sockets: sockets == Some("true"),
        peers: listed(sockets.filter(|grant| *grant != "true")),
        listen_ports: ports.collect(),
        request_timeout_ms: annotation(REQUEST_TIMEOUT).and_then(|text| text.parse().ok()),
    }
}

/// Items between commas.
fn listed(text: Option<&str>) -> Vec<String> {
    let items = text.unwrap_or_default().split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(sockets: &str, all: bool, peers: &[&str]) {
        let pod = json!({
            "metadata": { "annotations": { "wasm.bireme.dev/sockets.c": sockets } },
            "spec": { "containers": [{ "name": "c", "ports": [{ "containerPort": 80 }, { "containerPort": 53, "protocol": "UDP" }] }] },
        });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let config = config(&pod, &pod.spec.as_ref().unwrap().containers[0]);
        assert_eq!((config.sockets, config.peers), (all, peers.iter().map(ToString::to_string).collect()), "{sockets}");
        assert_eq!(config.listen_ports, [80, 53]);
    }

    #[test]
    fn sockets_are_granted_by_address_or_all_at_once() {
        check("", false, &[]);
        check("false", false, &[]);
        check("true", true, &[]);
        check("10.0.0.0/8:5432, name-lookup", false, &["10.0.0.0/8:5432", "name-lookup"]);
    }
}
