//! One outgoing request over one connection.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// Longest wait for a connection when the guest sets none: longer than any working network takes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the answer to begin, and between its parts, when the guest sets none.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Name or address; IPv6 addresses in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let authority =
            uri.authority().filter(|authority| !authority.host().is_empty()).ok_or(Error::HttpRequestUriInvalid)?;
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { host: authority.host().to_owned(), port, tls })
    }

    fn server_name(&self) -> Result<ServerName<'static>, Error> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        ServerName::try_from(bare.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)
    }
}

/// A TLS client that trusts the certificate authorities of the worker's file system.
pub(super) async fn connector() -> Result<TlsConnector, Error> {
    let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
    let loaded = loaded.map_err(|_| Error::ConfigurationError)?;
    for error in &loaded.errors {
        tracing::warn!(%error, "a certificate authority cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::ConfigurationError)?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

/// What both kinds of connection can do.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Connects, sends the request and waits for the head of its answer. The second value drives the connection until the
/// answer's body has come.
pub(super) async fn send(
    mut request: http::Request<WasiBody>,
    target: &Target,
    tls: Option<&TlsConnector>,
    options: RequestOptions,
) -> Result<(http::Response<WasiBody>, impl Future<Output = Result<(), Error>> + Send + 'static), Error> {
    let connecting = timeout(options.connect_timeout.unwrap_or(CONNECT_TIMEOUT), connect(target, tls));
    let wire = connecting.await.map_err(|_| Error::ConnectionTimeout)??;
    let (mut sender, connection) = http1::handshake(TokioIo::new(wire)).await?;
    // Only proxies are told scheme and host in the request line.
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    let mut connection = Box::pin(connection);
    let exchange = async {
        let answer = sender.send_request(request);
        tokio::pin!(answer);
        tokio::select! {
            biased;
            answer = &mut answer => answer.map_err(Error::from),
            ended = &mut connection => match ended {
                // The last bytes of a closing connection can hold the answer.
                Ok(()) => answer.await.map_err(Error::from),
                Err(error) => Err(error.into()),
            },
        }
    };
    let first_byte = timeout(options.first_byte_timeout.unwrap_or(ANSWER_TIMEOUT), exchange);
    let response = first_byte.await.map_err(|_| Error::ConnectionReadTimeout)??;
    let patience = options.between_bytes_timeout.unwrap_or(ANSWER_TIMEOUT);
    let response = response.map(|body| Patient::new(body, patience).boxed_unsync());
    Ok((response, async move { connection.await.map_err(Error::from) }))
}

async fn connect(target: &Target, tls: Option<&TlsConnector>) -> Result<Box<dyn Wire>, Error> {
    let stream = TcpStream::connect(target.to_string()).await.map_err(Error::Connect)?;
    stream.set_nodelay(true).map_err(Error::Connect)?;
    match tls {
        None => Ok(Box::new(stream)),
        Some(tls) => Ok(Box::new(tls.connect(target.server_name()?, stream).await.map_err(Error::Tls)?)),
    }
}

/// A body that fails when nothing comes for too long.
struct Patient {
    body: Incoming,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl Patient {
    fn new(body: Incoming, patience: Duration) -> Self {
        Self { body, patience, deadline: Box::pin(sleep(patience)) }
    }
}

impl Body for Patient {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.deadline = Box::pin(sleep(self.patience));
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        self.deadline.as_mut().poll(cx).map(|()| Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
