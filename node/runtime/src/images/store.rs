//! What images this node has, and under which references.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use registry_client::manifest::ProcessConfig;
use registry_client::{BlobStore, Client, ClientConfig, Digest, Reference};
use serde::{Deserialize, Serialize};

use super::layers::Layers;
use crate::contract::Image;
use crate::privileges::Privileges;
use crate::runfile::{self, RunFileError};

/// A pulled image, ready to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredImage {
    /// As the agent sees it.
    pub image: Image,
    /// Defaults of its processes.
    pub process: ProcessConfig,
    /// What is run.
    pub content: Content,
}

/// What an image holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A root file system: diff ids, the lowest first.
    Linux {
        /// Layers.
        layers: Vec<Digest>,
    },
    /// A Wasm artifact, a blob of the store.
    Wasm {
        /// Digest of the binary.
        digest: Digest,
        /// Binary format.
        form: wasm::Form,
        /// How it is run.
        entry: wasm::Entry,
    },
}

/// Why the store cannot be opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A directory cannot be made.
    #[error("open the image store {}", dir.display())]
    Open {
        /// Which.
        dir: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The index cannot be read or written.
    #[error(transparent)]
    Index(#[from] RunFileError),
    /// What nobody uses cannot be removed.
    #[error("remove unused images from {}", dir.display())]
    Sweep {
        /// From where.
        dir: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The cache of compiled code cannot be opened.
    #[error(transparent)]
    Cache(#[from] wasm::CacheError),
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Index {
    /// By [`Image::id`].
    images: BTreeMap<String, Arc<StoredImage>>,
    /// From a normalised reference to [`Image::id`].
    references: BTreeMap<String, String>,
}

/// The images of a node.
#[derive(Debug)]
pub struct ImageStore {
    pub(super) blobs: Arc<BlobStore>,
    pub(super) layers: Layers,
    pub(super) client: Client,
    pub(super) exe: PathBuf,
    pub(super) privileges: Privileges,
    cache: Arc<wasm::Cache>,
    /// Held by those who pull; alone, by who sweeps.
    pub(super) pulls: tokio::sync::RwLock<()>,
    index_file: PathBuf,
    index: Mutex<Index>,
}

impl ImageStore {
    /// Opens the store in `dir`, with compiled code in `compiled`. `exe` plays the roles that compile and unpack. Without
    /// root, only artifacts are kept: files of a root file system have owners that only root can give them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(
        dir: &Path,
        compiled: &Path,
        exe: &Path,
        registry: ClientConfig,
        privileges: Privileges,
    ) -> Result<ImageStore, StoreError> {
        let open = |source| StoreError::Open { dir: dir.to_owned(), source };
        let index_file = dir.join("index.json");
        Ok(ImageStore {
            blobs: Arc::new(BlobStore::open(&dir.join("blobs")).map_err(open)?),
            layers: Layers::open(&dir.join("layers")).map_err(open)?,
            client: Client::new(registry),
            exe: exe.to_owned(),
            privileges,
            cache: Arc::new(wasm::Cache::open(compiled)?),
            pulls: tokio::sync::RwLock::default(),
            index: Mutex::new(runfile::read(&index_file)?.unwrap_or_default()),
            index_file,
        })
    }

    /// The image for a reference or an [`Image::id`].
    pub fn get(&self, reference: &str) -> Option<Arc<StoredImage>> {
        let index = self.index();
        if let Some(image) = index.images.get(reference) {
            return Some(Arc::clone(image));
        }
        let normal = reference.parse::<Reference>().ok()?.to_string();
        let id = index.references.get(&normal).unwrap_or(&normal);
        index.images.get(id).cloned()
    }

    /// All images.
    pub fn list(&self) -> Vec<Arc<StoredImage>> {
        self.index().images.values().cloned().collect()
    }

    /// Directories of unpacked layers.
    pub fn layer_paths(&self, layers: &[Digest]) -> Vec<PathBuf> {
        layers.iter().map(|diff_id| self.layers.path(diff_id)).collect()
    }

    /// Compiled code of an artifact of this store; compiled now when an upgrade made the old code useless. Blocks.
    ///
    /// # Errors
    /// See [`wasm::CacheError`].
    pub fn code(&self, digest: &Digest) -> Result<std::fs::File, CodeError> {
        let name: wasm::Digest = digest.as_str().parse()?;
        let limits = wasm::CompileLimits::default();
        Ok(self.cache.get_or_compile(&self.exe, &self.blobs.path(digest), name, limits)?)
    }

    /// Records an image under a reference.
    pub(super) fn record(&self, reference: &Reference, image: StoredImage) -> Result<Arc<StoredImage>, StoreError> {
        let image = Arc::new(image);
        let mut index = self.index();
        index.images.insert(image.image.id.clone(), Arc::clone(&image));
        index.references.insert(reference.to_string(), image.image.id.clone());
        runfile::write_durably(&self.index_file, &*index)?;
        Ok(image)
    }

    /// Forgets all images but those, by their ids. Returns the ones that stay.
    pub(super) fn forget(&self, but: &std::collections::BTreeSet<String>) -> Result<Vec<Arc<StoredImage>>, StoreError> {
        let mut index = self.index();
        index.images.retain(|id, _| but.contains(id));
        index.references.retain(|_, id| but.contains(id));
        runfile::write_durably(&self.index_file, &*index)?;
        Ok(index.images.values().cloned().collect())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        // The index is changed in whole steps; a panic in between leaves nothing half done.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no compiled code.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// The store's digest is not one for the cache.
    #[error(transparent)]
    Digest(#[from] wasm::cache::DigestError),
    /// Compiling or caching failed.
    #[error(transparent)]
    Cache(#[from] wasm::CacheError),
}
