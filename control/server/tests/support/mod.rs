//! A server over a temporary directory, and a client of it.
#![allow(dead_code, reason = "no file of tests uses all of it")]

pub mod node;

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use seam::{Leaps, Seam};
use serde_json::Value;
use server::{Running, Server, ServerConfig};
use store::{Store, StoreConfig};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A control plane of its own for one test.
pub struct Cluster {
    pub running: Running,
    pub store: Store,
    pub admin: Client,
    dir: tempfile::TempDir,
}

/// Who speaks, and to whom.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
}

pub fn config(dir: &std::path::Path) -> ServerConfig {
    ServerConfig {
        listen: vec![([127, 0, 0, 1], 0).into()],
        pki_dir: dir.join("pki"),
        advertise: Vec::new(),
        service_cidrs: vec![([10, 96, 0, 0].into(), 24)],
        cluster_name: "test".into(),
        version: "0.0.0".into(),
        admission: Vec::new(),
        components: Vec::new(),
        limits: server::Limits::default(),
    }
}

impl Cluster {
    pub async fn start() -> Self {
        Self::with_history(10_000).await
    }

    /// With so many events of watch history.
    pub async fn with_history(events: u64) -> Self {
        Self::with(events, server::Limits::default(), Vec::new()).await
    }

    /// With limits that a test can reach.
    pub async fn with_limits(limits: server::Limits) -> Self {
        Self::with(10_000, limits, Vec::new()).await
    }

    /// With these parts beside the server.
    pub async fn with_components(components: Vec<server::Component>) -> Self {
        Self::with(10_000, server::Limits::default(), components).await
    }

    /// With a clock of the server that a test pushes ahead; the store's goes as ever.
    pub async fn with_leaps() -> (Self, Leaps) {
        let real = Seam::real();
        let (seam, leaps) = real.clone().with_leaps();
        (Self::of(10_000, server::Limits::default(), Vec::new(), real, seam).await, leaps)
    }

    async fn with(events: u64, limits: server::Limits, components: Vec<server::Component>) -> Self {
        let seam = Seam::real();
        Self::of(events, limits, components, seam.clone(), seam).await
    }

    async fn of(
        events: u64,
        limits: server::Limits,
        components: Vec<server::Component>,
        stored: Seam,
        seam: Seam,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreConfig { history_events: events, ..StoreConfig::new(dir.path().join("store")) };
        let store = Store::open(store, stored).await.unwrap();
        let config = ServerConfig { limits, components, ..config(dir.path()) };
        let running = Server::start(config, store.clone(), seam).await.unwrap();
        let admin = Client::of(&running.admin_kubeconfig());
        Self { running, store, admin, dir }
    }

    pub async fn stop(self) {
        self.running.shutdown().await;
        self.store.close().await.unwrap();
        self.dir.close().unwrap();
    }
}

impl Client {
    /// The user of a kubeconfig.
    pub fn of(kubeconfig: &str) -> Self {
        let config: Value = serde_yaml_ng::from_str(kubeconfig).unwrap();
        let pem = |value: &Value| base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap();
        let cluster = &config["clusters"][0]["cluster"];
        let user = &config["users"][0]["user"];
        let builder = builder(&pem(&cluster["certificate-authority-data"]));
        let certificate = CertificateDer::from_pem_slice(&pem(&user["client-certificate-data"])).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&pem(&user["client-key-data"])).unwrap();
        let tls = builder.with_client_auth_cert(vec![certificate], key).unwrap();
        let address = cluster["server"].as_str().unwrap().strip_prefix("https://").unwrap().parse().unwrap();
        Self { address, tls: Arc::new(tls) }
    }

    /// The same server, without a certificate.
    pub fn nobody(kubeconfig: &str) -> Self {
        let config: Value = serde_yaml_ng::from_str(kubeconfig).unwrap();
        let authority = config["clusters"][0]["cluster"]["certificate-authority-data"].as_str().unwrap();
        let authority = base64::engine::general_purpose::STANDARD.decode(authority).unwrap();
        Self { tls: Arc::new(builder(&authority).with_no_client_auth()), ..Self::of(kubeconfig) }
    }

    /// A connection, not yet spoken on.
    pub async fn connect(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = rustls::pki_types::ServerName::from(self.address.ip());
        tokio_rustls::TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await.unwrap()
    }

    /// The same, asking for HTTP/2.
    pub fn http2(&self) -> Self {
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Self { tls: Arc::new(tls), ..self.clone() }
    }

    /// Sends a request with headers; the answer's body is still to be read.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Response<Incoming> {
        let stream = self.connect().await;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        Seam::real().spawn("client", async move { drop(connection.await) });
        let mut request = Request::builder().method(method).uri(path).header("host", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        sender.send_request(request.body(Full::new(Bytes::copy_from_slice(body.as_ref()))).unwrap()).await.unwrap()
    }

    /// Status code and JSON (or text) of an answer.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> (u16, Value) {
        let (parts, body) = self.send(method, path, headers, body).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        (parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask(Method::POST, path, &[], &body.to_string()).await
    }

    pub async fn merge(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask(Method::PATCH, path, &[("content-type", "application/merge-patch+json")], &body.to_string()).await
    }

    /// Events of a watch that ends by itself.
    pub async fn watch(&self, path: &str) -> Vec<Value> {
        let (parts, body) = self.send(Method::GET, path, &[], "").await.into_parts();
        assert!(parts.status.is_success(), "{path}");
        let bytes = body.collect().await.unwrap().to_bytes();
        bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

fn builder(authority: &[u8]) -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority).unwrap()).unwrap();
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
}

/// A pod of one container.
pub fn pod(name: &str) -> Value {
    serde_json::json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]},
    })
}
