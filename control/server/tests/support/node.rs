//! A node's endpoint that says what a test wants it to.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use seam::Seam;
use serde_json::{Value, json};
use server::NodeBundle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Answers every request with what follows from its first line. Who is not the server cannot speak to it.
pub async fn endpoint(bundle: &NodeBundle, answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(bundle.client_ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let certificate = CertificateDer::from_pem_slice(bundle.serving.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(bundle.serving.key.as_bytes()).unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    Seam::real().spawn("node", async move {
        loop {
            let (stream, _) = socket.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            let text = answer(String::from_utf8_lossy(&head[..length]).lines().next().unwrap());
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", text.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    port
}

/// A change of a Node that says where its endpoint is.
pub fn status(port: u16) -> Value {
    json!({"status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }})
}
