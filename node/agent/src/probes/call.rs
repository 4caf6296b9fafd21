//! What a probe or a hook calls, parsed from a container's specification.

use k8s_openapi::api::core::v1::{Container as Spec, HTTPGetAction, LifecycleHandler, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A command that exits with 0.
    Exec(Vec<String>),
    /// An HTTP GET.
    Http(Get),
    /// A TCP connection.
    Tcp {
        /// Whom; the pod when absent.
        host: Option<String>,
        /// Where.
        port: u16,
    },
    /// `grpc.health.v1.Health/Check`.
    Grpc {
        /// Where in the pod.
        port: u16,
        /// Of which service; empty for the server as a whole.
        service: String,
    },
}

/// An HTTP GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Get {
    /// Over TLS, with whatever certificate.
    pub tls: bool,
    /// Whom; the pod when absent.
    pub host: Option<String>,
    /// Where.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
}

impl Call {
    /// What a probe calls.
    ///
    /// # Errors
    /// When it names no call, or a port that the container has not.
    pub(super) fn of_probe(container: &Spec, probe: &Probe) -> Result<Self, String> {
        if let Some(exec) = &probe.exec {
            return Ok(Self::Exec(exec.command.clone().unwrap_or_default()));
        }
        if let Some(http) = &probe.http_get {
            return get(container, http).map(Self::Http);
        }
        if let Some(tcp) = &probe.tcp_socket {
            return Ok(Self::Tcp { host: named(tcp.host.as_ref()), port: port(container, &tcp.port)? });
        }
        match &probe.grpc {
            Some(grpc) => {
                let port = port(container, &IntOrString::Int(grpc.port))?;
                Ok(Self::Grpc { port, service: grpc.service.clone().unwrap_or_default() })
            }
            None => Err("missing probe handler".to_owned()),
        }
    }

    /// What a hook calls. One that only connects (`tcpSocket`) is refused, as by the kubelet.
    ///
    /// # Errors
    /// When it names no call that hooks may make, or a port that the container has not.
    pub(crate) fn of_hook(container: &Spec, hook: &LifecycleHandler) -> Result<Self, String> {
        match (&hook.exec, &hook.http_get) {
            (Some(exec), _) => Ok(Self::Exec(exec.command.clone().unwrap_or_default())),
            (None, Some(http)) => get(container, http).map(Self::Http),
            (None, None) => Err("invalid handler: a hook is exec, httpGet or sleep".to_owned()),
        }
    }
}

fn get(container: &Spec, http: &HTTPGetAction) -> Result<Get, String> {
    let path = http.path.as_deref().unwrap_or_default();
    let headers = http.http_headers.iter().flatten();
    Ok(Get {
        tls: http.scheme.as_deref().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
        host: named(http.host.as_ref()),
        port: port(container, &http.port)?,
        path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
        headers: headers.map(|header| (header.name.clone(), header.value.clone())).collect(),
    })
}

fn named(host: Option<&String>) -> Option<String> {
    host.filter(|host| !host.is_empty()).cloned()
}

/// A port by number, or by the name that the container gives it.
fn port(container: &Spec, port: &IntOrString) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|port| port.name.as_deref() == Some(name));
            named.map(|port| port.container_port).or_else(|| name.parse().ok())
        }
    };
    let number = number.ok_or_else(|| format!("couldn't find port: {port:?} in container {}", container.name))?;
    u16::try_from(number).ok().filter(|&port| port > 0).ok_or_else(|| format!("invalid port number: {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_named_ports() {
        let container: Spec = serde_json::from_value(serde_json::json!({
            "name": "c", "ports": [{ "name": "web", "containerPort": 8080 }],
        }))
        .unwrap();
        let find = |text: &str| port(&container, &IntOrString::String(text.into())).ok();
        assert_eq!((find("web"), find("81"), find("other"), find("0")), (Some(8080), Some(81), None, None));
    }

    #[test]
    fn a_hook_may_not_only_connect() {
        let hook = |value| serde_json::from_value::<LifecycleHandler>(value).unwrap();
        let check = |value| Call::of_hook(&Spec::default(), &hook(value));
        assert!(check(serde_json::json!({ "tcpSocket": { "port": 80 } })).is_err());
        let Ok(Call::Http(get)) =
            check(serde_json::json!({ "httpGet": { "port": 80, "scheme": "HTTPS", "path": "a" } }))
        else {
            panic!("a GET")
        };
        assert_eq!((get.tls, get.path.as_str()), (true, "/a"));
    }
}
