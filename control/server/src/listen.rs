//! Sockets: TLS on every connection, HTTP/1.1 and HTTP/2 on one port, an end that lets requests finish.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use seam::Seam;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::identity;
use crate::pki::{Pair, PkiError};

/// Connections at once, at most: ten thousand watchers and room to spare, below common limits of open files.
const CONNECTIONS_MAX: usize = 16_384;
/// Longest TLS handshake: a peer that is slower holds a place for nothing.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest head of a request.
const HEAD_MAX: usize = 64 << 10;
/// Requests at once on one HTTP/2 connection, as Go's server has it.
const STREAMS_MAX: u32 = 250;
/// Bytes that one stream of HTTP/2 may have waiting for its peer: a watcher that does not read holds no more than this.
const UNREAD_MAX: usize = 64 << 10;
/// A connection whose peer does not answer is found out after this and [`PING_TIMEOUT`].
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// After a failure to accept (no descriptors left), this long before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// TLS settings of the listener: client certificates are optional and of one authority.
pub(crate) fn tls(serving: &Pair, clients: &str, dir: &Path) -> Result<rustls::ServerConfig, PkiError> {
    let failed = |why: String| PkiError::Tls { dir: dir.into(), why };
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(clients, dir)?), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let (certificates, key) = material(serving, dir)?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)
        .map_err(|error| failed(error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// TLS settings for calls to nodes.
pub(crate) fn node_tls(caller: &Pair, nodes: &str, dir: &Path) -> Result<rustls::ClientConfig, PkiError> {
    let failed = |why: String| PkiError::Tls { dir: dir.into(), why };
    let (certificates, key) = material(caller, dir)?;
    rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(roots(nodes, dir)?)
        .with_client_auth_cert(certificates, key)
        .map_err(|error| failed(error.to_string()))
}

fn roots(pem: &str, dir: &Path) -> Result<RootCertStore, PkiError> {
    let failed = |why: String| PkiError::Tls { dir: dir.into(), why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    Ok(roots)
}

type Material = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn material(pair: &Pair, dir: &Path) -> Result<Material, PkiError> {
    let failed = |error: rustls::pki_types::pem::Error| PkiError::Tls { dir: dir.into(), why: error.to_string() };
    let certificates = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).map_err(failed)?;
    Ok((certificates.map_err(failed)?, key))
}

/// Accepts connections on bound sockets until the server stops.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) app: Arc<App>,
    pub(crate) tls: TlsAcceptor,
    pub(crate) seam: Seam,
    /// Connections that are open.
    pub(crate) connections: TaskTracker,
    /// Stops accepting, and ends connections when their requests are done.
    pub(crate) stop: CancellationToken,
    pub(crate) room: Arc<Semaphore>,
    /// See [`crate::Limits::head`].
    pub(crate) head: Duration,
}

impl Listener {
    pub(crate) fn new(app: Arc<App>, tls: rustls::ServerConfig, stop: CancellationToken) -> Self {
        let head = app.limits.head;
        let seam = app.core.seam.clone();
        let tls = TlsAcceptor::from(Arc::new(tls));
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Self { app, tls, seam, connections: TaskTracker::new(), stop, room, head }
    }

    /// Accepts on one socket.
    pub(crate) async fn accept(self, socket: TcpListener) {
        loop {
            let Ok(place) = Arc::clone(&self.room).acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let this = self.clone();
                    let connection = self.connections.track_future(async move {
                        this.connection(stream, peer).await;
                        drop(place);
                    });
                    self.seam.spawn("connection", connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    self.seam.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn connection(&self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "cannot turn off the delay of small packets");
        }
        let stream = match self.seam.timeout(HANDSHAKE, self.tls.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%peer, %error, "TLS handshake failed"),
            Err(error) => return tracing::debug!(%peer, %error, "TLS handshake timed out"),
        };
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let requester = certificate.and_then(identity::of_certificate);
        let app = Arc::clone(&self.app);
        let service = service_fn(move |request: Request<Incoming>| {
            let (app, requester) = (Arc::clone(&app), requester.clone());
            async move { Ok::<_, std::convert::Infallible>(app.serve(request, requester).await) }
        });
        let builder = builder(self.head);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended");
        }
    }
}

/// `head` is the longest wait for the head of the next request on an HTTP/1.1 connection.
fn builder(head: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_MAX).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS_MAX)
        .max_send_buf_size(UNREAD_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}
