//! Pulling an image or artifact into a [`BlobStore`].

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use oci_distribution::client::{ClientConfig as OciConfig, ClientProtocol};
use oci_distribution::errors::OciDistributionError;
use oci_distribution::secrets::RegistryAuth;
use tokio::sync::mpsc;

use crate::blobs::BlobStore;
use crate::digest::Digest;
use crate::manifest::{DOCUMENT_LENGTH_MAX, Descriptor, Document, Manifest, media};
use crate::reference::Reference;

/// Blobs of one image fetched at once: enough to fill a link, few enough to be a good guest.
const PARALLEL_BLOBS: usize = 4;
/// Tries per request before a fault of the network or server is reported.
const TRIES: u32 = 4;
/// Wait before the second try; doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence within a reply.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// User name and password or token for a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// How to reach registries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientConfig {
    /// Registries (`host[:port]`) to speak plain HTTP with, besides those on loopback.
    pub insecure_registries: Vec<String>,
}

/// Bytes fetched of bytes in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Fetched.
    pub done: u64,
    /// In all.
    pub total: u64,
}

/// What was pulled. All blobs are in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Digest of the manifest for this machine.
    pub digest: Digest,
    /// That manifest.
    pub manifest: Manifest,
}

/// Why a pull failed.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The registry has no such image, or hides it.
    #[error("{reference}: not found in the registry; check the name and the tag, and whether it needs a pull secret")]
    NotFound {
        /// What was asked for.
        reference: String,
    },
    /// The registry wants other credentials.
    #[error("{reference}: the registry refuses the credentials: {why}")]
    Denied {
        /// What was asked for.
        reference: String,
        /// Its words.
        why: String,
    },
    /// The registry cannot be reached or does not work, also after retries.
    #[error("{reference}: cannot fetch {what}: {cause}")]
    Unreachable {
        /// What was asked for.
        reference: String,
        /// Manifest or blob.
        what: String,
        /// Cause, with its own causes.
        cause: String,
    },
    /// What came is not what its digest says.
    #[error(
        "{reference}: {what} has digest {got}, not {wanted}: the content was altered on the way or in the registry"
    )]
    Mismatch {
        /// What was asked for.
        reference: String,
        /// Manifest or blob.
        what: String,
        /// Digest asked for.
        wanted: Digest,
        /// Digest of what came.
        got: Digest,
    },
    /// The manifest is not one.
    #[error("{reference}: {why}")]
    Manifest {
        /// What was asked for.
        reference: String,
        /// What is wrong.
        why: String,
    },
    /// The disk refuses.
    #[error("{reference}: cannot store {what}: {cause}")]
    Disk {
        /// What was asked for.
        reference: String,
        /// Manifest or blob.
        what: String,
        /// Cause.
        #[source]
        cause: std::io::Error,
    },
}

/// A client for any OCI registry over HTTPS, or HTTP on loopback and where configured.
#[derive(Clone, Debug)]
pub struct Client {
    config: ClientConfig,
}

impl Client {
    /// Makes a client. The process must have installed a rustls provider before.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Self { config }
    }

    /// Fetches manifest, config and layers that are not in the store yet, and verifies each.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn pull(
        &self,
        reference: &Reference,
        credentials: Option<&Credentials>,
        blobs: &Arc<BlobStore>,
        progress: Option<mpsc::Sender<Progress>>,
    ) -> Result<Pulled, PullError> {
        self.session(reference, credentials).pull(reference, blobs, progress).await
    }

    /// One exchange with the registry that the reference names.
    pub(crate) fn session(&self, reference: &Reference, credentials: Option<&Credentials>) -> Session {
        let plain = reference.is_loopback()
            || self.config.insecure_registries.iter().any(|registry| registry == reference.registry());
        Session::open(plain, credentials)
    }
}

/// One pull or push. The library keeps the first credentials that it sees for a registry, so that a client shared between
/// them would lend those of one pod to the next, and never take new ones.
pub(crate) struct Session {
    pub(crate) client: oci_distribution::Client,
    pub(crate) auth: RegistryAuth,
}

impl Session {
    fn open(plain: bool, credentials: Option<&Credentials>) -> Self {
        let client = oci_distribution::Client::new(OciConfig {
            protocol: if plain { ClientProtocol::Http } else { ClientProtocol::Https },
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            user_agent: concat!("bireme/", env!("CARGO_PKG_VERSION")),
            ..OciConfig::default()
        });
        let auth = credentials.map_or(RegistryAuth::Anonymous, |credentials| {
            RegistryAuth::Basic(credentials.username.clone(), credentials.password.clone())
        });
        Self { client, auth }
    }

    async fn pull(
        &self,
        reference: &Reference,
        blobs: &Arc<BlobStore>,
        progress: Option<mpsc::Sender<Progress>>,
    ) -> Result<Pulled, PullError> {
        let (digest, manifest) = self.manifest(reference, blobs).await?;
        let mut wanted: Vec<&Descriptor> = std::iter::once(&manifest.config).chain(&manifest.layers).collect();
        wanted.sort_by(|a, b| a.digest.cmp(&b.digest));
        wanted.dedup_by(|a, b| a.digest == b.digest);
        let total = wanted.iter().map(|descriptor| descriptor.size).sum();
        let meter = Meter { done: std::sync::atomic::AtomicU64::new(0), total, progress };
        // Futures that are made beforehand let the compiler see that the whole pull may move between threads.
        let fetches: Vec<_> =
            wanted.into_iter().map(|descriptor| self.blob(reference, descriptor, blobs, &meter)).collect();
        futures::stream::iter(fetches).buffer_unordered(PARALLEL_BLOBS).try_collect::<Vec<()>>().await?;
        Ok(Pulled { digest, manifest })
    }

    async fn manifest(&self, reference: &Reference, blobs: &BlobStore) -> Result<(Digest, Manifest), PullError> {
        let mut at = reference.clone();
        // An index leads to a manifest; an index of indexes is nothing that registries hold.
        for _ in 0..2 {
            let (digest, bytes) = self.document(&at).await?;
            let broken = |why: String| PullError::Manifest { reference: reference.to_string(), why };
            match Document::parse(&bytes).map_err(|cause| broken(format!("cannot read the manifest: {cause}")))? {
                Document::Manifest(manifest) => {
                    blobs.put(&bytes).map_err(|cause| PullError::Disk {
                        reference: reference.to_string(),
                        what: "the manifest".into(),
                        cause,
                    })?;
                    return Ok((digest, *manifest));
                }
                Document::Index(index) => {
                    let entry = index.choose().ok_or_else(|| {
                        broken(format!("has no image for linux/{}", crate::manifest::host_architecture()))
                    })?;
                    at = reference.pinned(&entry.digest);
                }
            }
        }
        Err(PullError::Manifest { reference: reference.to_string(), why: "is an index of indexes".into() })
    }

    async fn document(&self, at: &Reference) -> Result<(Digest, bytes::Bytes), PullError> {
        let fetch = || self.client.pull_manifest_raw(at.inner(), &self.auth, &media::ACCEPT);
        let (bytes, _) = retried(at, "the manifest", fetch).await?;
        if bytes.len() > DOCUMENT_LENGTH_MAX {
            let why = format!("the manifest has {} bytes: the limit is {DOCUMENT_LENGTH_MAX}", bytes.len());
            return Err(PullError::Manifest { reference: at.to_string(), why });
        }
        let got = Digest::of(&bytes);
        match at.digest() {
            Some(wanted) if *wanted != got => Err(PullError::Mismatch {
                reference: at.to_string(),
                what: "the manifest".into(),
                wanted: wanted.clone(),
                got,
            }),
            _ => Ok((got, bytes)),
        }
    }

    async fn blob(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        blobs: &BlobStore,
        meter: &Meter,
    ) -> Result<(), PullError> {
        if blobs.has(&descriptor.digest) {
            meter.add(descriptor.size);
            return Ok(());
        }
        let what = format!("blob {}", descriptor.digest);
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            let before = meter.done.load(std::sync::atomic::Ordering::Relaxed);
            match self.fetch(reference, descriptor, blobs, meter, &what).await {
                Err(PullError::Unreachable { cause, .. }) if tries < TRIES => {
                    tracing::debug!(%reference, what, cause, tries, "fetching again");
                    meter.done.store(before, std::sync::atomic::Ordering::Relaxed);
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn fetch(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        blobs: &BlobStore,
        meter: &Meter,
        what: &str,
    ) -> Result<(), PullError> {
        let disk = |cause| PullError::Disk { reference: reference.to_string(), what: what.to_owned(), cause };
        let lost =
            |cause: String| PullError::Unreachable { reference: reference.to_string(), what: what.to_owned(), cause };
        let mut stream = self
            .client
            .pull_blob_stream(reference.inner(), descriptor.digest.as_str())
            .await
            .map_err(|error| failure(reference, what, &error))?
            .stream;
        let mut writer = blobs.writer().map_err(disk)?;
        while let Some(chunk) = stream.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                // The library checks the digest itself at the end of the stream; ours below gives the better message.
                Err(_) if writer.length() >= descriptor.size => break,
                Err(error) => return Err(lost(error.to_string())),
            };
            writer.write(&chunk).map_err(disk)?;
            meter.add(chunk.len() as u64);
            if writer.length() > descriptor.size {
                return Err(PullError::Manifest {
                    reference: reference.to_string(),
                    why: format!("{what} is longer than the {} bytes that its manifest says", descriptor.size),
                });
            }
        }
        if writer.length() < descriptor.size {
            return Err(lost(format!("it ended after {} of {} bytes", writer.length(), descriptor.size)));
        }
        let got = writer.finish(&descriptor.digest).map_err(disk)?;
        if got == descriptor.digest {
            Ok(())
        } else {
            let (reference, what, wanted) = (reference.to_string(), what.to_owned(), descriptor.digest.clone());
            Err(PullError::Mismatch { reference, what, wanted, got })
        }
    }
}

/// Counts bytes over all blobs of a pull.
struct Meter {
    done: std::sync::atomic::AtomicU64,
    total: u64,
    progress: Option<mpsc::Sender<Progress>>,
}

impl Meter {
    fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed) + bytes;
        if let Some(progress) = &self.progress {
            // A full or closed channel only means that nobody needs this reading.
            progress.try_send(Progress { done, total: self.total }).unwrap_or_default();
        }
    }
}

async fn retried<T, F>(reference: &Reference, what: &str, mut attempt: impl FnMut() -> F) -> Result<T, PullError>
where
    F: Future<Output = Result<T, OciDistributionError>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => match failure(reference, what, &error) {
                PullError::Unreachable { cause, .. } => tracing::debug!(%reference, what, cause, "trying again"),
                other => return Err(other),
            },
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    attempt().await.map_err(|error| failure(reference, what, &error))
}

/// Sorts the library's errors by what a user can do about them.
pub(crate) fn failure(reference: &Reference, what: &str, error: &OciDistributionError) -> PullError {
    use oci_distribution::errors::OciErrorCode as Code;
    let reference = reference.to_string();
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => PullError::NotFound { reference },
        OciDistributionError::RegistryError { envelope, .. } => {
            let code = |wanted: &[Code]| envelope.errors.iter().any(|error| wanted.contains(&error.code));
            if code(&[Code::ManifestUnknown, Code::NameUnknown, Code::NotFound, Code::BlobUnknown]) {
                PullError::NotFound { reference }
            } else if code(&[Code::Unauthorized, Code::Denied]) {
                PullError::Denied { reference, why: envelope.to_string() }
            } else {
                PullError::Unreachable { reference, what: what.to_owned(), cause: chain(error) }
            }
        }
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            PullError::Denied { reference, why: error.to_string() }
        }
        OciDistributionError::ServerError { code: 404, .. } => PullError::NotFound { reference },
        OciDistributionError::ServerError { code: 401 | 403, .. } => {
            PullError::Denied { reference, why: error.to_string() }
        }
        OciDistributionError::DigestError(oci_distribution::errors::DigestError::VerificationError {
            expected,
            actual,
        }) => match (expected.parse(), actual.parse()) {
            (Ok(wanted), Ok(got)) => PullError::Mismatch { reference, what: what.to_owned(), wanted, got },
            _ => PullError::Manifest { reference, why: error.to_string() },
        },
        _ => PullError::Unreachable { reference, what: what.to_owned(), cause: chain(error) },
    }
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
