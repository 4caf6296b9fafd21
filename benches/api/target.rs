//! Where requests go, and connections to it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::Config;
use kube::client::ConfigExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A request as the bench sends it.
pub(crate) type Request = http::Request<Full<Bytes>>;
/// A connection of HTTP/1.1, one request at a time.
pub(crate) type Serial = http1::SendRequest<Full<Bytes>>;
/// A connection of HTTP/2, as Go programs hold one for all their watches.
pub(crate) type Shared = http2::SendRequest<Full<Bytes>>;

/// What a receiver may be sent unasked on one HTTP/2 connection and stream, in bytes: never the limit of what is measured.
const CONNECTION_WINDOW: u32 = 16 << 20;
const STREAM_WINDOW: u32 = 1 << 20;

/// A server, and who speaks to it.
#[derive(Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    /// Nothing for plain HTTP.
    tls: Option<Arc<rustls::ClientConfig>>,
}

/// What HTTP is spoken over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Target {
    /// The cluster and user of a kubeconfig.
    pub(crate) async fn of(kubeconfig: &Path) -> anyhow::Result<Self> {
        let (kubeconfig, options) = (Kubeconfig::read_from(kubeconfig)?, KubeConfigOptions::default());
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        let authority = config.cluster_url.authority().context("the kubeconfig names no server")?;
        let address = authority.as_str().parse().with_context(|| format!("{authority} is no address and port"))?;
        Ok(Self { address, tls: Some(Arc::new(config.rustls_client_config()?)) })
    }

    /// A server without TLS.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// A connection for one request at a time.
    pub(crate) async fn serial(&self) -> anyhow::Result<Serial> {
        let stream = self.connect(b"http/1.1").await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(ended(connection));
        Ok(sender)
    }

    /// A connection for many streams.
    pub(crate) async fn shared(&self) -> anyhow::Result<Shared> {
        let stream = self.connect(b"h2").await?;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_connection_window_size(CONNECTION_WINDOW).initial_stream_window_size(STREAM_WINDOW);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        tokio::spawn(ended(connection));
        Ok(sender)
    }

    async fn connect(&self, protocol: &[u8]) -> anyhow::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(self.address).await.context("cannot connect to the server")?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let mut tls = (**tls).clone();
        tls.alpn_protocols = vec![protocol.to_vec()];
        let name = rustls::pki_types::ServerName::from(self.address.ip());
        Ok(Box::new(TlsConnector::from(Arc::new(tls)).connect(name, stream).await?))
    }
}

/// Carries a connection until it ends. Whoever waits for an answer on it learns of a failure there.
async fn ended(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        eprintln!("a connection ended: {error}");
    }
}

/// A request for a path, with a body and its type.
pub(crate) fn request(method: http::Method, path: &str, media: &str, body: String) -> anyhow::Result<Request> {
    let request = http::Request::builder().method(method).uri(format!("https://bench{path}"));
    Ok(request.header("host", "bench").header("content-type", media).body(Full::from(body))?)
}
