//! A pull, from a reference to something that can be started.

use std::path::PathBuf;
use std::sync::Arc;

use registry_client::manifest::{ImageConfig, Manifest, ProcessConfig};
use registry_client::{Credentials, Digest, PullError, Pulled, Reference};
use tokio::sync::mpsc;

use super::detect::{self, Layout, Refusal};
use super::find;
use super::layers::LayerError;
use super::store::{CodeError, Content, ImageStore, StoreError, StoredImage};
use crate::contract::{Image, SandboxKind};
use crate::privileges::Privileges;

/// Largest Wasm binary that is read into memory to be inspected; the compiler's own limit.
const WASM_LIMIT: u64 = 64 << 20;

/// Why an image was not pulled.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The reference is none.
    #[error(transparent)]
    Name(#[from] registry_client::reference::NotAReference),
    /// The registry, the network or the disk.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// Of a kind that we do not run.
    #[error("{reference}: {refusal}")]
    Refused {
        /// What was asked for.
        reference: String,
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// A root file system, on a node that runs artifacts only.
    #[error(
        "{reference}: a Linux image needs root, and this node runs without: run `bireme up` as root, or use an image that \
         is a Wasm artifact"
    )]
    NeedsRoot {
        /// What was asked for.
        reference: String,
    },
    /// The config is no JSON of an image.
    #[error("{reference}: the image's config cannot be read")]
    Config {
        /// What was asked for.
        reference: String,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },
    /// The config names another number of layers than the manifest.
    #[error("{reference}: the manifest has {layers} layers, the image's config {diff_ids}: the image is damaged")]
    LayerCount {
        /// What was asked for.
        reference: String,
        /// Layers of the manifest.
        layers: usize,
        /// Diff ids of the config.
        diff_ids: usize,
    },
    /// A layer cannot be unpacked.
    #[error("{reference}: a layer is not usable")]
    Layer {
        /// What was asked for.
        reference: String,
        /// Cause.
        #[source]
        source: LayerError,
    },
    /// The artifact is not one that we run.
    #[error("{reference}: {source}")]
    Artifact {
        /// What was asked for.
        reference: String,
        /// Cause.
        #[source]
        source: wasm::InspectError,
    },
    /// It has no entry point.
    #[error(
        "{reference}: the Wasm artifact is a library: it exports neither wasi:cli/run, wasi:http/incoming-handler nor \
         _start; build it as a command or an HTTP component"
    )]
    Library {
        /// What was asked for.
        reference: String,
    },
    /// The image's platform says Wasm, its entrypoint does not exist or is something else.
    #[error("{reference}: the image's platform is Wasm, but its entrypoint {entrypoint:?} is no Wasm binary")]
    Entrypoint {
        /// What was asked for.
        reference: String,
        /// The program.
        entrypoint: Option<PathBuf>,
    },
    /// Compiling failed.
    #[error("{reference}: the Wasm artifact cannot be compiled")]
    Compile {
        /// What was asked for.
        reference: String,
        /// Cause.
        #[source]
        source: CodeError,
    },
    /// A file of the store.
    #[error("{reference}: read what was pulled")]
    Disk {
        /// What was asked for.
        reference: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The index.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImageError {
    /// `waiting.reason` for it, as the kubelet has them.
    pub fn reason(&self) -> &'static str {
        match self {
            ImageError::Name(_) => "InvalidImageName",
            _ => "ErrImagePull",
        }
    }
}

impl ImageStore {
    /// Pulls an image: fetches and verifies, detects what it is, unpacks or compiles, and records it.
    ///
    /// # Errors
    /// [`ImageError`]; what was fetched stays for the next try.
    pub async fn pull(
        self: &Arc<Self>,
        reference: &str,
        credentials: Option<&Credentials>,
        progress: Option<mpsc::Sender<registry_client::Progress>>,
    ) -> Result<Arc<StoredImage>, ImageError> {
        let parsed: Reference = reference.parse()?;
        let _held = self.pulls.read().await;
        let pulled = self.client.pull(&parsed, credentials, &self.blobs, progress).await?;
        let id = format!("{}/{}@{}", parsed.registry(), parsed.repository(), pulled.digest);
        let job = Job { store: self, reference, id };
        let image = job.prepare(&pulled).await?;
        Ok(self.record(&parsed, image)?)
    }
}

/// One pull, after the fetch.
struct Job<'a> {
    store: &'a Arc<ImageStore>,
    reference: &'a str,
    id: String,
}

impl Job<'_> {
    async fn prepare(&self, pulled: &Pulled) -> Result<StoredImage, ImageError> {
        let manifest = &pulled.manifest;
        let config = self.config(manifest)?;
        let refused = |refusal| ImageError::Refused { reference: self.reference.to_owned(), refusal };
        match detect::detect(manifest, &config).map_err(refused)? {
            Layout::Artifact(layer) => {
                let bytes = self.store.blobs.read(&layer.digest).map_err(|source| self.disk(source))?;
                self.artifact(manifest, config.config, layer.digest, bytes).await
            }
            Layout::WasmImage | Layout::Image if self.store.privileges == Privileges::None => {
                Err(ImageError::NeedsRoot { reference: self.reference.to_owned() })
            }
            layout @ (Layout::WasmImage | Layout::Image) => {
                let layers = self.unpack(manifest, &config).await?;
                match self.entrypoint(&config.config, &layers)? {
                    Some(bytes) => {
                        let digest = self.store.blobs.put(&bytes).map_err(|source| self.disk(source))?;
                        self.artifact(manifest, config.config, digest, bytes).await
                    }
                    None if layout == Layout::WasmImage => Err(ImageError::Entrypoint {
                        reference: self.reference.to_owned(),
                        entrypoint: find::program(&config.config),
                    }),
                    None => Ok(self.linux(manifest, config)),
                }
            }
        }
    }

    /// The image config; artifacts have one of another kind, from which nothing is believed.
    fn config(&self, manifest: &Manifest) -> Result<ImageConfig, ImageError> {
        let kind = manifest.config.media_type.as_str();
        if !kind.contains("image") {
            return Ok(ImageConfig::default());
        }
        let bytes = self.store.blobs.read(&manifest.config.digest).map_err(|source| self.disk(source))?;
        serde_json::from_slice(&bytes)
            .map_err(|source| ImageError::Config { reference: self.reference.to_owned(), source })
    }

    async fn unpack(&self, manifest: &Manifest, config: &ImageConfig) -> Result<Vec<PathBuf>, ImageError> {
        let diff_ids = &config.rootfs.diff_ids;
        if diff_ids.len() != manifest.layers.len() {
            return Err(ImageError::LayerCount {
                reference: self.reference.to_owned(),
                layers: manifest.layers.len(),
                diff_ids: diff_ids.len(),
            });
        }
        let mut paths = Vec::with_capacity(diff_ids.len());
        for (layer, diff_id) in manifest.layers.iter().zip(diff_ids) {
            let path = self.store.layers.ensure(&self.store.exe, &self.store.blobs, layer, diff_id).await;
            paths.push(path.map_err(|source| ImageError::Layer { reference: self.reference.to_owned(), source })?);
        }
        Ok(paths)
    }

    /// The bytes of the image's program when it is Wasm.
    fn entrypoint(&self, process: &ProcessConfig, layers: &[PathBuf]) -> Result<Option<Vec<u8>>, ImageError> {
        let Some(program) = find::program(process) else { return Ok(None) };
        let read = || -> std::io::Result<Option<Vec<u8>>> {
            let Some(mut file) = find::open_in_layers(layers, &program)? else { return Ok(None) };
            if !find::is_wasm(&mut file)? {
                return Ok(None);
            }
            let mut bytes = Vec::new();
            let _length = std::io::Read::read_to_end(&mut std::io::Read::take(file, WASM_LIMIT + 1), &mut bytes)?;
            Ok(Some(bytes))
        };
        read().map_err(|source| self.disk(source))
    }

    async fn artifact(
        &self,
        manifest: &Manifest,
        process: ProcessConfig,
        digest: Digest,
        bytes: Vec<u8>,
    ) -> Result<StoredImage, ImageError> {
        let reference = self.reference.to_owned();
        let artifact =
            wasm::inspect(&bytes).map_err(|source| ImageError::Artifact { reference: reference.clone(), source })?;
        // What cannot be linked is not compiled: creating the container names the import, which is more than that there is
        // no entry.
        if wasm::unsatisfied(&artifact).is_empty() {
            if artifact.entry == wasm::Entry::Reactor {
                return Err(ImageError::Library { reference });
            }
            let (store, name) = (Arc::clone(self.store), digest.clone());
            let compiled = tokio::task::spawn_blocking(move || store.code(&name).map(drop)).await;
            compiled
                .map_err(|error| self.disk(std::io::Error::other(error)))?
                .map_err(|source| ImageError::Compile { reference, source })?;
        }
        let content = Content::Wasm { digest, form: artifact.form, entry: artifact.entry };
        let image = Image {
            kind: SandboxKind::Wasm,
            imports: artifact.imports,
            exports: artifact.exports,
            ..self.image(manifest, &process)
        };
        Ok(StoredImage { image, process, content })
    }

    fn linux(&self, manifest: &Manifest, config: ImageConfig) -> StoredImage {
        let image = self.image(manifest, &config.config);
        StoredImage { image, process: config.config, content: Content::Linux { layers: config.rootfs.diff_ids } }
    }

    fn image(&self, manifest: &Manifest, process: &ProcessConfig) -> Image {
        Image {
            id: self.id.clone(),
            reference: self.reference.to_owned(),
            kind: SandboxKind::Linux,
            size: manifest.config.size + manifest.layers.iter().map(|layer| layer.size).sum::<u64>(),
            user: process.user.clone().filter(|user| !user.is_empty()),
            imports: Vec::new(),
            exports: Vec::new(),
        }
    }

    fn disk(&self, source: std::io::Error) -> ImageError {
        ImageError::Disk { reference: self.reference.to_owned(), source }
    }
}
