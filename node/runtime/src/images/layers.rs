//! Unpacked layers by diff id.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use registry_client::manifest::Descriptor;
use registry_client::unpack::{Packing, UnpackError, unpack_layer};
use registry_client::{BlobStore, Digest};

/// Why a layer is not there.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// Packed in a way that we do not read.
    #[error("layer {digest} has media type {media_type:?}, which cannot be unpacked: want tar or tar+gzip")]
    Packing {
        /// Which.
        digest: Digest,
        /// Its type.
        media_type: String,
    },
    /// The unpacking child failed or refused.
    #[error("unpack layer {digest}")]
    Unpack {
        /// Which.
        digest: Digest,
        /// Cause.
        #[source]
        source: UnpackError,
    },
    /// The content is not what the image's config says.
    #[error("layer {digest} unpacks to {found}, but the image's config says {wanted}: the image is damaged or forged")]
    DiffId {
        /// Which.
        digest: Digest,
        /// What it holds.
        found: Digest,
        /// What was promised.
        wanted: Digest,
    },
    /// The disk refused.
    #[error("keep layer {digest} at {}", path.display())]
    Disk {
        /// Which.
        digest: Digest,
        /// Where.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// A directory of unpacked layers. A layer is there whole, or not at all.
#[derive(Debug)]
pub(super) struct Layers {
    dir: PathBuf,
    partial: PathBuf,
    serial: AtomicU64,
}

impl Layers {
    /// Opens the directory and removes what an earlier process left unfinished.
    pub(super) fn open(dir: &Path) -> io::Result<Layers> {
        let layers = Layers { dir: dir.to_owned(), partial: dir.join("partial"), serial: AtomicU64::new(0) };
        match std::fs::remove_dir_all(&layers.partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        std::fs::create_dir_all(&layers.partial)?;
        Ok(layers)
    }

    /// Where all layers are, by their hex digests.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where what is not whole is.
    pub(super) fn partial(&self) -> &Path {
        &self.partial
    }

    /// Where a layer is, or would be.
    pub(super) fn path(&self, diff_id: &Digest) -> PathBuf {
        self.dir.join(diff_id.hex())
    }

    /// Unpacks a layer by a confined child unless it is there. Two pulls of one layer at a time are sound; one wins.
    pub(super) async fn ensure(
        &self,
        exe: &Path,
        blobs: &BlobStore,
        layer: &Descriptor,
        diff_id: &Digest,
    ) -> Result<PathBuf, LayerError> {
        let path = self.path(diff_id);
        if path.is_dir() {
            return Ok(path);
        }
        let digest = layer.digest.clone();
        let packing = Packing::of(&layer.media_type)
            .ok_or_else(|| LayerError::Packing { digest: digest.clone(), media_type: layer.media_type.clone() })?;
        let partial = self.partial.join(self.serial.fetch_add(1, Ordering::Relaxed).to_string());
        let disk = |source| LayerError::Disk { digest: digest.clone(), path: path.clone(), source };
        std::fs::create_dir(&partial).map_err(disk)?;
        let unpacked = unpack_layer(exe, &blobs.path(&digest), packing, &partial).await;
        let placed = match unpacked {
            Err(source) => Err(LayerError::Unpack { digest: digest.clone(), source }),
            Ok(unpacked) if unpacked.diff_id != *diff_id => {
                Err(LayerError::DiffId { digest: digest.clone(), found: unpacked.diff_id, wanted: diff_id.clone() })
            }
            Ok(_) => place(partial.clone(), path.clone()).await.map_err(disk),
        };
        if partial.exists()
            && let Err(error) = tokio::fs::remove_dir_all(&partial).await
        {
            tracing::warn!(path = %partial.display(), %error, "cannot remove an unfinished layer");
        }
        placed.map(|()| path)
    }
}

/// Flushes the layer's files and gives it its name, in this order: a name after a power cut means a whole layer.
async fn place(partial: PathBuf, path: PathBuf) -> io::Result<()> {
    let work = move || {
        nix::unistd::syncfs(std::fs::File::open(&partial)?)?;
        match std::fs::rename(&partial, &path) {
            Err(_) if path.is_dir() => Ok(()),
            renamed => renamed,
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
