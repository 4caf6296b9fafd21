//! What is named on the command line: a file, or what a registry holds under a reference.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use registry_client::docker_config::DockerConfig;
use registry_client::manifest::{ImageConfig, Manifest};
use registry_client::{BlobStore, Client, ClientConfig, Credentials, Reference};
use runtime::images::detect::{Layout, detect};

/// An artifact on this machine's disk.
#[derive(Debug)]
pub(super) struct Artifact {
    /// The .wasm file.
    pub(super) path: PathBuf,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// What the program is told that it is called.
    pub(super) name: String,
}

/// Finds it. A file of that name wins; what is pulled is kept in `dir`.
pub(super) fn find(named: &str, dir: &Path) -> anyhow::Result<Artifact> {
    let path = Path::new(named);
    if path.is_file() {
        let name = path.file_name().map_or_else(|| named.to_owned(), |name| name.to_string_lossy().into_owned());
        return Ok(Artifact { bytes: read(path)?, path: path.to_owned(), name });
    }
    let reference: Reference =
        named.parse().with_context(|| format!("there is no file {named:?}, and it names nothing in a registry"))?;
    let blobs = Arc::new(BlobStore::open(&dir.join("blobs")).with_context(|| format!("cannot use {}", dir.display()))?);
    let pulled = crate::tasks()?.block_on(async {
        let client = Client::new(ClientConfig::default());
        client.pull(&reference, credentials(&reference)?.as_ref(), &blobs, None).await.context("cannot pull")
    })?;
    let digest = match detect(&pulled.manifest, &config(&pulled.manifest, &blobs))? {
        Layout::Artifact(layer) => layer.digest,
        Layout::WasmImage | Layout::Image => {
            anyhow::bail!("{reference} is an image with a file system, not an artifact: run it in a pod")
        }
    };
    let path = blobs.path(&digest);
    Ok(Artifact { bytes: read(&path)?, path, name: reference.repository().to_owned() })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The config of an image; artifacts have one of another kind.
fn config(manifest: &Manifest, blobs: &BlobStore) -> ImageConfig {
    let bytes = blobs.read(&manifest.config.digest).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// What `docker login` keeps for the registry, if anything.
pub(super) fn credentials(reference: &Reference) -> anyhow::Result<Option<Credentials>> {
    let dir = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let dir = dir.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker")));
    let Some(path) = dir.map(|dir| dir.join("config.json")).filter(|path| path.is_file()) else { return Ok(None) };
    let config = DockerConfig::parse(&read(&path)?);
    let config = config.with_context(|| format!("{} is no configuration of Docker", path.display()))?;
    Ok(config.credentials(reference.registry()))
}
