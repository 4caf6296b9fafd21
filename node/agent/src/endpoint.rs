//! The node's HTTPS endpoint, for the API server alone: logs, health and figures.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query as QueryOf, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use seam::{Seam, Task};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

use crate::config::{AgentConfig, Capacity};
use crate::logs::{self, Query};
use crate::pods::Pods;
use crate::policy;
use crate::usage::Usages;

/// Who may ask: the API server by its own name, and administrators.
const SERVER_NAME: &str = "bireme-apiserver";
const ADMIN_GROUP: &str = "system:masters";
/// Connections at a time. The API server holds one per followed log.
const CONNECTIONS_MAX: usize = 1024;
/// Time for a TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Lines of a log that wait for a slow reader.
const PIECES_MAX: usize = 64;
/// Wait after a refused accept (no descriptors left), before the next.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Why the endpoint cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A certificate or key cannot be used.
    #[error("{what} of the node endpoint: {cause}")]
    Tls {
        /// Which.
        what: &'static str,
        /// Cause.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The address is not to be had.
    #[error("listen on {address}: {cause}")]
    Listen {
        /// Address.
        address: SocketAddr,
        /// Cause.
        #[source]
        cause: io::Error,
    },
}

/// A bound endpoint that does not answer yet.
pub(crate) struct Endpoint {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Endpoint {
    /// Binds.
    ///
    /// # Errors
    /// When a certificate or the address cannot be used.
    pub(crate) async fn bind(config: &AgentConfig) -> Result<Self, EndpointError> {
        let acceptor = TlsAcceptor::from(Arc::new(tls(config)?));
        let failed = |cause| EndpointError::Listen { address: config.listen, cause };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, acceptor, address })
    }

    /// Answers.
    pub(crate) fn serve(self, seam: &Seam, state: Served) -> Task {
        let router = Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/containerLogs/{namespace}/{pod}/{container}", get(container_logs))
            .route("/stats/summary", get(summary))
            .route("/metrics", get(figures))
            .route("/metrics/resource", get(resource_figures))
            .route("/metrics/cadvisor", get(container_figures))
            .with_state(state);
        let own = seam.clone();
        seam.spawn("node endpoint", async move {
            let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
            loop {
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                match self.listener.accept().await {
                    Ok((stream, _)) => {
                        let serve = connection(own.clone(), stream, self.acceptor.clone(), router.clone());
                        drop(own.spawn("node connection", async move {
                            serve.await;
                            drop(slot);
                        }));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "connection to the node endpoint not accepted");
                        own.sleep(ACCEPT_RETRY).await;
                    }
                }
            }
        })
    }
}

fn tls(config: &AgentConfig) -> Result<rustls::ServerConfig, EndpointError> {
    fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: &'static str) -> impl Fn(E) -> EndpointError {
        move |cause| EndpointError::Tls { what, cause: cause.into() }
    }
    let chain = |pem: &str, what| {
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(failed(what))
    };
    let mut roots = RootCertStore::empty();
    for authority in chain(&config.client_ca_pem, "client authority")? {
        roots.add(authority).map_err(failed("client authority"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(failed("client authority"))?;
    let key = PrivateKeyDer::from_pem_slice(config.serving_key_pem.as_bytes()).map_err(failed("key"))?;
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed("protocol versions"))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(&config.serving_cert_pem, "certificate")?, key)
        .map_err(failed("certificate"))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

async fn connection(seam: Seam, stream: TcpStream, acceptor: TlsAcceptor, router: Router) {
    let shaken = match seam.timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake with the node endpoint"),
        Err(elapsed) => return tracing::debug!(%elapsed, "TLS handshake with the node endpoint"),
    };
    let allowed =
        shaken.get_ref().1.peer_certificates().and_then(<[_]>::first).is_some_and(|certificate| may(certificate));
    let router = if allowed { router } else { Router::new().fallback(refuse) };
    let service = TowerToHyperService::new(router);
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    if let Err(error) = server.serve_connection(TokioIo::new(shaken), service).await {
        tracing::debug!(%error, "connection to the node endpoint");
    }
}

async fn refuse() -> (StatusCode, &'static str) {
    (StatusCode::FORBIDDEN, "this endpoint answers the API server only")
}

/// Whether the owner of a verified certificate may ask.
fn may(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else { return false };
    let subject = parsed.subject();
    let named = subject.iter_common_name().filter_map(|name| name.as_str().ok()).any(|name| name == SERVER_NAME);
    named || subject.iter_organization().filter_map(|name| name.as_str().ok()).any(|name| name == ADMIN_GROUP)
}

/// What is told at the endpoint.
#[derive(Clone)]
pub(crate) struct Served {
    pub pods: Arc<Pods>,
    pub usages: Arc<Usages>,
    pub capacity: Capacity,
    pub seam: Seam,
}

async fn summary(State(served): State<Served>) -> axum::Json<serde_json::Value> {
    axum::Json(served.usages.summary())
}

/// The agent's own figures.
async fn figures(State(served): State<Served>) -> Response {
    match served.seam.metrics().text() {
        Ok(text) => exposed(text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot read the figures: {error}")).into_response(),
    }
}

async fn resource_figures(State(served): State<Served>) -> Response {
    exposed(served.usages.resource())
}

async fn container_figures(State(served): State<Served>) -> Response {
    exposed(served.usages.cadvisor(served.capacity))
}

fn exposed(text: String) -> Response {
    ([("content-type", seam::metrics::TEXT)], text).into_response()
}

async fn container_logs(
    State(served): State<Served>,
    Path((namespace, name, container)): Path<(String, String, String)>,
    QueryOf(query): QueryOf<BTreeMap<String, String>>,
) -> Response {
    let wanted = match parse(&query, served.seam.now()) {
        Ok(wanted) => wanted,
        Err(message) => return (StatusCode::BAD_REQUEST, message).into_response(),
    };
    let Some(seat) = served.pods.named(&namespace, &name) else {
        return (StatusCode::NOT_FOUND, format!("pod {name} not found on this node")).into_response();
    };
    let pod = seat.pod();
    if pod.spec.as_ref().and_then(|spec| policy::find(spec, &container)).is_none() {
        return (StatusCode::NOT_FOUND, format!("container {container} is not valid for pod {name}")).into_response();
    }
    let files = seat.logs(&container).unwrap_or_default();
    let previous = query.get("previous").is_some_and(|value| value == "true");
    let path = if previous { files.previous } else { files.current };
    let Some(path) = path else {
        let what = if previous { "previous terminated container" } else { "container" };
        let message = if previous {
            format!("{what} \"{container}\" in pod \"{name}\" not found")
        } else {
            format!("{what} \"{container}\" in pod \"{name}\" is waiting to start: {}", waiting(&pod, &container))
        };
        return (StatusCode::BAD_REQUEST, message).into_response();
    };
    let follows = (wanted.follow && !previous).then(|| (Arc::clone(&seat), container.clone()));
    let (pieces, received) = mpsc::channel(PIECES_MAX);
    drop(served.seam.spawn("logs", logs::send(served.seam.clone(), path, wanted, follows, pieces)));
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(received));
    ([("content-type", "text/plain")], body).into_response()
}

/// Why a container waits, as its status says.
fn waiting(pod: &k8s_openapi::api::core::v1::Pod, container: &str) -> String {
    let lists = pod
        .status
        .iter()
        .flat_map(|s| [&s.container_statuses, &s.init_container_statuses, &s.ephemeral_container_statuses]);
    let mut named = lists.flatten().flatten().filter(|status| status.name == container);
    let waiting = named.find_map(|status| status.state.as_ref()?.waiting.clone()?.reason);
    waiting.unwrap_or_else(|| "ContainerCreating".to_owned())
}

/// Reads a query of `PodLogOptions`.
fn parse(query: &BTreeMap<String, String>, now: seam::Timestamp) -> Result<Query, String> {
    fn number<T: std::str::FromStr>(query: &BTreeMap<String, String>, name: &str) -> Result<Option<T>, String> {
        let value = query.get(name).filter(|value| !value.is_empty());
        value.map(|value| value.parse().map_err(|_| format!("{name}: \"{value}\" is no number from 0"))).transpose()
    }
    let flag = |name: &str| query.get(name).is_some_and(|value| matches!(value.as_str(), "true" | "1"));
    let seconds: Option<u32> = number(query, "sinceSeconds")?;
    let ago = seconds.and_then(|seconds| now.checked_sub(Duration::from_secs(u64::from(seconds))).ok());
    let since = match query.get("sinceTime").filter(|value| !value.is_empty()) {
        Some(time) => Some(time.parse().map_err(|_| format!("sinceTime: \"{time}\" is no time as in RFC 3339"))?),
        None => ago,
    };
    Ok(Query {
        follow: flag("follow"),
        tail: number(query, "tailLines")?,
        since,
        timestamps: flag("timestamps"),
        limit: number(query, "limitBytes")?,
    })
}
