//! The built-in registry: serves pulls by the OCI distribution specification from a blob store and its tags.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::blobs::BlobStore;
use crate::digest::Digest;
use crate::manifest::Document;
use crate::publish::Tags;

/// Connections served at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// Wait after a connection could not be accepted, so that a lack of descriptors does not become a spin.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

type Body = BoxBody<Bytes, std::io::Error>;

/// A running registry. Dropping it ends it.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Registry {
    /// Serves on that address (port 0 picks a free one).
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(listen: SocketAddr, blobs: Arc<BlobStore>, tags: Tags) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let shelf = Arc::new(Shelf { blobs, tags });
        let task = tokio::spawn(accept(listener, shelf));
        Ok(Self { address, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: tokio::net::TcpListener, shelf: Arc<Shelf>) {
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    // Connections belong to this set, so that they end with the registry.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the registry cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let shelf = Arc::clone(&shelf);
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let shelf = Arc::clone(&shelf);
                async move { Ok::<_, Infallible>(shelf.answer(&request).await) }
            });
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a registry connection ended early");
            }
            drop(place);
        });
    }
}

/// What is served.
struct Shelf {
    blobs: Arc<BlobStore>,
    tags: Tags,
}

/// A request to the registry, parsed.
#[derive(Debug, PartialEq, Eq)]
enum Ask<'a> {
    Version,
    Manifest { repository: &'a str, reference: &'a str },
    Blob { digest: &'a str },
}

fn parse(path: &str) -> Option<Ask<'_>> {
    let rest = path.strip_prefix("/v2/").or_else(|| path.strip_prefix("/v2"))?;
    if rest.is_empty() {
        return Some(Ask::Version);
    }
    if let Some((repository, reference)) = rest.rsplit_once("/manifests/") {
        return Some(Ask::Manifest { repository, reference });
    }
    rest.rsplit_once("/blobs/").map(|(_, digest)| Ask::Blob { digest })
}

impl Shelf {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "this registry only serves pulls");
        }
        let mut response = match parse(request.uri().path()) {
            Some(Ask::Version) => reply(StatusCode::OK, "application/json", None, Bytes::from_static(b"{}")),
            Some(Ask::Manifest { repository, reference }) => self.manifest(repository, reference),
            Some(Ask::Blob { digest }) => self.blob(digest).await,
            None => refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "no such path"),
        };
        if request.method() == Method::HEAD {
            *response.body_mut() = whole(Bytes::new());
        }
        response
    }

    fn manifest(&self, repository: &str, reference: &str) -> Response<Body> {
        let digest = reference.parse::<Digest>().ok().or_else(|| self.tags.get(repository, reference));
        let found = digest.and_then(|digest| self.blobs.read(&digest).ok().map(|bytes| (digest, bytes)));
        let Some((digest, bytes)) = found else {
            return refuse(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "no manifest of that name");
        };
        let media_type = match Document::parse(&bytes) {
            Ok(Document::Manifest(manifest)) => manifest.media_type,
            Ok(Document::Index(_)) => Some(crate::manifest::media::INDEX.into()),
            Err(_) => return refuse(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "no manifest of that name"),
        };
        let media_type = media_type.unwrap_or_else(|| crate::manifest::media::MANIFEST.into());
        reply(StatusCode::OK, &media_type, Some(&digest), bytes.into())
    }

    async fn blob(&self, digest: &str) -> Response<Body> {
        let unknown = || refuse(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "no blob of that digest");
        let Ok(digest) = digest.parse::<Digest>() else { return unknown() };
        let Ok(file) = tokio::fs::File::open(self.blobs.path(&digest)).await else { return unknown() };
        let Ok(meta) = file.metadata().await else { return unknown() };
        let stream = tokio_util::io::ReaderStream::with_capacity(file, 1 << 16).map_ok(Frame::data);
        let mut response = reply(StatusCode::OK, "application/octet-stream", Some(&digest), Bytes::new());
        response.headers_mut().insert(header::CONTENT_LENGTH, meta.len().into());
        *response.body_mut() = BodyExt::boxed(StreamBody::new(stream));
        response
    }
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

fn reply(status: StatusCode, media_type: &str, digest: Option<&Digest>, bytes: Bytes) -> Response<Body> {
    let length = bytes.len();
    let mut response = Response::new(whole(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert("docker-distribution-api-version", header::HeaderValue::from_static("registry/2.0"));
    if let Ok(value) = media_type.parse() {
        headers.insert(header::CONTENT_TYPE, value);
    }
    if let Some(Ok(value)) = digest.map(|digest| digest.as_str().parse()) {
        headers.insert("docker-content-digest", value);
    }
    response
}

/// An error in the specification's form.
fn refuse(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
    reply(status, "application/json", None, body.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::ProcessConfig;
    use crate::publish::{ImageFile, linux_image};
    use crate::{Client, ClientConfig, PullError};

    async fn registry() -> (tempfile::TempDir, Registry, Arc<BlobStore>, Tags) {
        drop(rustls::crypto::ring::default_provider().install_default());
        let dir = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobStore::open(&dir.path().join("blobs")).unwrap());
        let tags = Tags::new(&dir.path().join("tags"));
        let file = ImageFile { path: "hello".into(), mode: 0o755, content: vec![7; 100_000] };
        let digest = linux_image(&blobs, &[file], ProcessConfig::default()).unwrap();
        tags.set("hello", "1", &digest).unwrap();
        let registry = Registry::start("127.0.0.1:0".parse().unwrap(), Arc::clone(&blobs), tags.clone()).await.unwrap();
        (dir, registry, blobs, tags)
    }

    #[tokio::test]
    async fn what_is_published_can_be_pulled_by_tag_and_by_digest() {
        let (_dir, registry, _, tags) = registry().await;
        let client = Client::new(ClientConfig::default());
        let here = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobStore::open(here.path()).unwrap());
        let by_tag = format!("{}/hello:1", registry.address()).parse().unwrap();
        let (progress, mut readings) = tokio::sync::mpsc::channel(64);
        let pulled = client.pull(&by_tag, None, &blobs, Some(progress)).await.unwrap();
        assert_eq!(Some(&pulled.digest), tags.get("hello", "1").as_ref());
        assert!(pulled.manifest.layers.iter().all(|layer| blobs.has(&layer.digest)));
        let mut last = None;
        while let Some(reading) = readings.recv().await {
            last = Some(reading);
        }
        assert!(last.is_some_and(|last| last.done == last.total));
        let by_digest = by_tag.pinned(&pulled.digest);
        assert_eq!(client.pull(&by_digest, None, &blobs, None).await.unwrap(), pulled);
    }

    #[tokio::test]
    async fn a_missing_image_and_an_altered_one_are_told_apart() {
        let (_dir, registry, served, _) = registry().await;
        let client = Client::new(ClientConfig::default());
        let here = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobStore::open(here.path()).unwrap());
        let missing = format!("{}/hello:2", registry.address()).parse().unwrap();
        let outcome = client.pull(&missing, None, &blobs, None).await;
        assert!(matches!(outcome, Err(PullError::NotFound { .. })), "{outcome:?}");
        let good = format!("{}/hello:1", registry.address()).parse().unwrap();
        let layer = client.pull(&good, None, &blobs, None).await.unwrap().manifest.layers[0].clone();
        let altered = vec![0; usize::try_from(layer.size).unwrap()];
        std::fs::write(served.path(&layer.digest), altered).unwrap();
        std::fs::remove_file(blobs.path(&layer.digest)).unwrap();
        let outcome = client.pull(&good, None, &blobs, None).await;
        assert!(matches!(&outcome, Err(PullError::Mismatch { wanted, .. }) if *wanted == layer.digest), "{outcome:?}");
        assert!(!blobs.has(&layer.digest));
    }

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(parse("/v2/"), Some(Ask::Version));
        let manifest = Ask::Manifest { repository: "a/b", reference: "1" };
        assert_eq!(parse("/v2/a/b/manifests/1"), Some(manifest));
        assert_eq!(parse("/v2/a/b/blobs/sha256:x"), Some(Ask::Blob { digest: "sha256:x" }));
        assert_eq!(parse("/v1/"), None);
    }
}
