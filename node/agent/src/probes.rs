//! Probes: attempts at a container's health, and what a row of them means.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Container as Spec, HTTPGetAction, LifecycleHandler, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use runtime::contract::ContainerId;
use tokio::net::TcpStream;

use crate::carry::Carrier;
use crate::events::Weight;
use crate::policy;
use crate::seat::{News, ProbeNews, Seat};

/// One way to look at a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// A command that exits with 0.
    Exec(Vec<String>),
    /// An HTTP GET answered with 200 to 399.
    Http { host: Option<String>, port: u16, path: String, headers: Vec<(String, String)> },
    /// A TCP connection.
    Tcp { host: Option<String>, port: u16 },
    /// Something that this node cannot do: what.
    Unsupported(&'static str),
}

impl Check {
    fn of_probe(container: &Spec, probe: &Probe) -> Option<Self> {
        if let Some(http) = &probe.http_get {
            return Self::http(container, http);
        }
        if let Some(tcp) = &probe.tcp_socket {
            return Some(Self::Tcp { host: tcp.host.clone(), port: port(container, &tcp.port)? });
        }
        if probe.grpc.is_some() {
            return Some(Self::Unsupported("probe over gRPC"));
        }
        Some(Self::Exec(probe.exec.as_ref()?.command.clone().unwrap_or_default()))
    }

    /// The check that a hook runs.
    pub(crate) fn of_hook(container: &Spec, hook: &LifecycleHandler) -> Option<Self> {
        if let Some(http) = &hook.http_get {
            return Self::http(container, http);
        }
        if let Some(tcp) = &hook.tcp_socket {
            return Some(Self::Tcp { host: tcp.host.clone(), port: port(container, &tcp.port)? });
        }
        Some(Self::Exec(hook.exec.as_ref()?.command.clone().unwrap_or_default()))
    }

    fn http(container: &Spec, http: &HTTPGetAction) -> Option<Self> {
        if http.scheme.as_deref() == Some("HTTPS") {
            return Some(Self::Unsupported("probe over HTTPS"));
        }
        let headers = http.http_headers.iter().flatten();
        Some(Self::Http {
            host: http.host.clone().filter(|host| !host.is_empty()),
            port: port(container, &http.port)?,
            path: http.path.clone().filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned()),
            headers: headers.map(|header| (header.name.clone(), header.value.clone())).collect(),
        })
    }
}

/// A port by number, or by the name that the container gives it.
fn port(container: &Spec, port: &IntOrString) -> Option<u16> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|port| port.name.as_deref() == Some(name));
            named.map(|port| port.container_port).or_else(|| name.parse().ok())?
        }
    };
    u16::try_from(number).ok()
}

/// Looks once.
///
/// # Errors
/// What was found instead, for an event.
pub(crate) async fn attempt(carrier: &Carrier, id: &ContainerId, check: &Check, limit: Duration) -> Result<(), String> {
    let pod_ip = carrier.addresses.first().copied();
    let work = async {
        match check {
            Check::Exec(command) => {
                let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                let outcome = carrier
                    .context
                    .runtime
                    .exec_sync(id, command, limit_ms)
                    .await
                    .map_err(|error| error.to_string())?;
                if outcome.code == 0 { Ok(()) } else { Err(String::from_utf8_lossy(&outcome.output).into_owned()) }
            }
            Check::Tcp { host, port } => connect(host.as_deref(), pod_ip, *port).await.map(drop),
            Check::Http { host, port, path, headers } => http(host.as_deref(), pod_ip, *port, path, headers).await,
            Check::Unsupported(what) => Err(format!("this node cannot {what}")),
        }
    };
    match carrier.context.seam.timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(elapsed) => Err(format!("timed out: {elapsed}")),
    }
}

async fn connect(host: Option<&str>, pod: Option<IpAddr>, port: u16) -> Result<TcpStream, String> {
    let opened = match (host, pod) {
        (Some(host), _) => TcpStream::connect((host, port)).await,
        (None, Some(ip)) => TcpStream::connect(SocketAddr::new(ip, port)).await,
        (None, None) => return Err("the pod has no address yet".to_owned()),
    };
    opened.map_err(|error| {
        format!(
            "dial tcp {}:{port}: {error}",
            host.map_or_else(|| pod.map(|ip| ip.to_string()).unwrap_or_default(), ToOwned::to_owned)
        )
    })
}

async fn http(
    host: Option<&str>,
    pod: Option<IpAddr>,
    port: u16,
    path: &str,
    headers: &[(String, String)],
) -> Result<(), String> {
    let authority = match (host, pod) {
        (None, Some(IpAddr::V6(ip))) => format!("[{ip}]:{port}"),
        (None, Some(ip)) => format!("{ip}:{port}"),
        (Some(host), _) => format!("{host}:{port}"),
        (None, None) => String::new(),
    };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let failed = |error: &dyn std::fmt::Display| format!("Get \"http://{authority}{path}\": {error}");
    let stream = connect(host, pod, port).await.map_err(|error| failed(&error))?;
    let mut request = http::Request::get(&path).header("user-agent", "kube-probe/bireme").header("accept", "*/*");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header("host", &authority);
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| failed(&error))?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| failed(&error))?;
    // The connection is driven only until the head of the answer is there; the body is of no interest.
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer.map_err(|error| failed(&error))?,
        // A server that answers and closes at once ends the connection while its answer is on the way to us.
        ended = connection => match ended {
            Ok(()) => answer.await.map_err(|_| failed(&"the server closed the connection"))?,
            Err(error) => return Err(failed(&error)),
        },
    };
    match answer.status().as_u16() {
        200..=399 => Ok(()),
        code => Err(format!("HTTP probe failed with statuscode: {code}")),
    }
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Startup,
    Readiness,
    Liveness,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }
}

/// A row of equal outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    good: bool,
    row: i32,
}

impl Tally {
    /// Counts one more; whether the probe's threshold is reached right now.
    fn count(&mut self, good: bool, probe: &Probe) -> bool {
        self.row = if self.good == good { self.row.saturating_add(1) } else { 1 };
        self.good = good;
        let threshold = if good { probe.success_threshold.unwrap_or(1) } else { probe.failure_threshold.unwrap_or(3) };
        self.row >= threshold.max(1)
    }
}

/// Looks again and again, and tells the pod's worker what the row means. Ends when a probe that is asked only until its first
/// verdict has one.
pub(crate) async fn watch(
    carrier: Carrier,
    seat: Arc<Seat>,
    container: Spec,
    id: ContainerId,
    purpose: Purpose,
    probe: Probe,
) {
    let Some(check) = Check::of_probe(&container, &probe) else { return };
    let whole = |seconds: Option<i32>, default: i64| policy::seconds(seconds.map_or(default, i64::from).max(1));
    let (period, limit) = (whole(probe.period_seconds, 10), whole(probe.timeout_seconds, 1));
    let seam = carrier.context.seam.clone();
    seam.sleep(policy::seconds(i64::from(probe.initial_delay_seconds.unwrap_or(0)))).await;
    let mut tally = Tally::default();
    let mut ready = false;
    loop {
        let outcome = attempt(&carrier, &id, &check, limit).await;
        if let Err(found) = &outcome {
            let message = format!("{} probe failed: {found}", purpose.title());
            carrier.note(Some(&container.name), Weight::Warning, "Unhealthy", message);
        }
        let reached = tally.count(outcome.is_ok(), &probe);
        let tell = |news| seat.tell(News::Probe(id.clone(), news));
        match (purpose, outcome.is_ok(), reached) {
            (Purpose::Startup, true, true) => return tell(ProbeNews::Started),
            (Purpose::Startup | Purpose::Liveness, false, true) => return tell(ProbeNews::Failed(purpose.name())),
            (Purpose::Readiness, good, true) if good != ready => {
                ready = good;
                tell(ProbeNews::Ready(good));
            }
            _ => {}
        }
        // Until a container is ready it is looked at at least every second, so that it takes traffic soon after it can.
        let soon = purpose == Purpose::Readiness && !ready;
        seam.sleep(if soon { period.min(Duration::from_secs(1)) } else { period }).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// Whether the answer or the end of the connection is seen first is a matter of luck, so that many are looked at.
    #[tokio::test]
    async fn an_answer_counts_though_the_server_closes_at_once() {
        const LOOKS: usize = 50;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            for stream in listener.incoming().take(LOOKS) {
                let mut stream = stream.unwrap();
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").unwrap();
            }
        });
        for _ in 0..LOOKS {
            assert_eq!(http(Some("127.0.0.1"), None, port, "/", &[]).await, Ok(()));
        }
        server.join().unwrap();
    }

    #[test]
    fn a_row_decides() {
        let probe = Probe { failure_threshold: Some(3), success_threshold: Some(2), ..Probe::default() };
        let mut tally = Tally::default();
        let rows: Vec<bool> = [false, false, true, false, false, false, true, true]
            .iter()
            .map(|&good| tally.count(good, &probe))
            .collect();
        assert_eq!(rows, [false, false, false, false, false, true, false, true]);
    }

    #[test]
    fn finds_named_ports() {
        let container: Spec = serde_json::from_value(serde_json::json!({
            "name": "c", "ports": [{ "name": "web", "containerPort": 8080 }],
        }))
        .unwrap();
        assert_eq!(port(&container, &IntOrString::String("web".into())), Some(8080));
        assert_eq!(port(&container, &IntOrString::String("81".into())), Some(81));
        assert_eq!(port(&container, &IntOrString::String("other".into())), None);
    }
}
