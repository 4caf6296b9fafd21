//! What a pod grants its Wasm containers, by annotation. Everything not granted is denied.

use k8s_openapi::api::core::v1::{Container, Pod};
use runtime::contract::WasmConfig;

/// Hosts that outgoing HTTP may reach, separated by commas: `wasm.bireme.dev/outgoing-hosts.<container>`.
const OUTGOING_HOSTS: &str = "wasm.bireme.dev/outgoing-hosts.";
/// `"true"` grants `wasi:sockets` inside the pod's network: `wasm.bireme.dev/sockets.<container>`.
const SOCKETS: &str = "wasm.bireme.dev/sockets.";
/// Longest time for one request, in milliseconds: `wasm.bireme.dev/request-timeout-ms.<container>`.
const REQUEST_TIMEOUT: &str = "wasm.bireme.dev/request-timeout-ms.";

/// The grants of one container. It serves HTTP on its first container port.
pub(super) fn config(pod: &Pod, container: &Container) -> WasmConfig {
    let annotation = |prefix: &str| {
        let name = format!("{prefix}{}", container.name);
        pod.metadata.annotations.as_ref().and_then(|annotations| annotations.get(&name)).map(|value| value.trim())
    };
    let hosts = annotation(OUTGOING_HOSTS).unwrap_or_default().split(',').map(str::trim);
    WasmConfig {
        port: container.ports.iter().flatten().next().and_then(|port| u16::try_from(port.container_port).ok()),
        outgoing_hosts: hosts.filter(|host| !host.is_empty()).map(ToOwned::to_owned).collect(),
        sockets: annotation(SOCKETS) == Some("true"),
        request_timeout_ms: annotation(REQUEST_TIMEOUT).and_then(|text| text.parse().ok()),
    }
}
