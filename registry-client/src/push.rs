//! Pushing what a [`BlobStore`] holds.

use http::HeaderValue;

use crate::blobs::BlobStore;
use crate::digest::Digest;
use crate::manifest::{Document, media};
use crate::pull::{Client, Credentials, PullError, Session, failure};
use crate::reference::Reference;

/// Why a push failed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The registry wants other credentials, or none may write there.
    #[error("{reference}: the registry refuses the push: {why}; see `docker login`")]
    Denied {
        /// Where to.
        reference: String,
        /// Its words.
        why: String,
    },
    /// The registry cannot be reached or does not take it.
    #[error("{reference}: cannot send {what}: {cause}")]
    Unreachable {
        /// Where to.
        reference: String,
        /// Manifest or blob.
        what: String,
        /// Cause, with its own causes.
        cause: String,
    },
    /// What should be pushed cannot be read.
    #[error("{reference}: cannot read {what}")]
    Disk {
        /// Where to.
        reference: String,
        /// Manifest or blob.
        what: String,
        /// Cause.
        #[source]
        cause: std::io::Error,
    },
}

impl Client {
    /// Sends a manifest of the store and all that it names, unless the registry has it already.
    ///
    /// # Errors
    /// See [`PushError`].
    pub async fn push(
        &self,
        reference: &Reference,
        credentials: Option<&Credentials>,
        blobs: &BlobStore,
        manifest: &Digest,
    ) -> Result<(), PushError> {
        let session = self.session(reference, credentials);
        let disk = |what: &str| {
            let (reference, what) = (reference.to_string(), what.to_owned());
            move |cause| PushError::Disk { reference, what, cause }
        };
        let bytes = blobs.read(manifest).map_err(disk("the manifest"))?;
        session.authenticate_to_push(reference).await?;
        if let Ok(Document::Manifest(document)) = Document::parse(&bytes) {
            for part in std::iter::once(&document.config).chain(&document.layers) {
                let what = format!("blob {}", part.digest);
                let content = blobs.read(&part.digest).map_err(disk(&what))?;
                session.send_blob(reference, &what, &part.digest, content).await?;
            }
        }
        let kind = HeaderValue::from_static(media::MANIFEST);
        let sent = session.client.push_manifest_raw(reference.inner(), bytes, kind).await;
        sent.map(drop).map_err(|error| refused(reference, "the manifest", &error))
    }
}

impl Session {
    async fn authenticate_to_push(&self, reference: &Reference) -> Result<(), PushError> {
        let operation = oci_distribution::RegistryOperation::Push;
        let done = self.client.auth(reference.inner(), &self.auth, operation).await;
        done.map(drop).map_err(|error| refused(reference, "credentials", &error))
    }

    async fn send_blob(
        &self,
        reference: &Reference,
        what: &str,
        digest: &Digest,
        content: Vec<u8>,
    ) -> Result<(), PushError> {
        // A registry that cannot say so is sent it once more.
        if self.client.blob_exists(reference.inner(), digest.as_str()).await.unwrap_or(false) {
            return Ok(());
        }
        let sent = self.client.push_blob(reference.inner(), content, digest.as_str()).await;
        sent.map(drop).map_err(|error| refused(reference, what, &error))
    }
}

fn refused(reference: &Reference, what: &str, error: &oci_distribution::errors::OciDistributionError) -> PushError {
    match failure(reference, what, error) {
        PullError::Denied { reference, why } => PushError::Denied { reference, why },
        PullError::Unreachable { reference, what, cause } => PushError::Unreachable { reference, what, cause },
        _ => {
            PushError::Unreachable { reference: reference.to_string(), what: what.to_owned(), cause: error.to_string() }
        }
    }
}
