//! Making images and artifacts on this machine, and putting them where the built-in registry serves them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::blobs::BlobStore;
use crate::digest::Digest;
use crate::manifest::{Descriptor, ImageConfig, Manifest, ProcessConfig, RootFs, host_architecture, media};

/// A file to put into an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// Path in the image, without a leading slash.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Content.
    pub content: Vec<u8>,
}

/// Makes a Linux image of one gzip layer that holds the files. Returns the digest of its manifest.
///
/// # Errors
/// When the disk refuses.
pub fn linux_image(blobs: &BlobStore, files: &[ImageFile], process: ProcessConfig) -> io::Result<Digest> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, &file.path, file.content.as_slice())?;
    }
    let tar = tar.into_inner()?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&tar)?;
    let layer = put(blobs, media::LAYER_GZIP, &gzip.finish()?)?;
    let config = ImageConfig {
        architecture: host_architecture().into(),
        os: "linux".into(),
        config: process,
        rootfs: RootFs { kind: "layers".into(), diff_ids: vec![Digest::of(&tar)] },
    };
    let config = put(blobs, media::CONFIG, &serde_json::to_vec(&config)?)?;
    manifest(blobs, config, vec![layer])
}

/// Config of the CNCF Wasm artifact layout (TAG Runtime, wasm-oci-artifact).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmConfig {
    /// Always `wasm`.
    pub architecture: String,
    /// `wasip1` for modules, `wasip2` for components.
    pub os: String,
    /// Digests of the layers.
    pub layer_digests: Vec<Digest>,
    /// Interfaces of a component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<WasmComponent>,
}

/// `component` of [`WasmConfig`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasmComponent {
    /// Exported interfaces.
    pub exports: Vec<String>,
    /// Imported interfaces.
    pub imports: Vec<String>,
}

/// Makes a Wasm artifact. `component` is given for components, absent for modules. Returns the digest of its manifest.
///
/// # Errors
/// When the disk refuses.
pub fn wasm_artifact(blobs: &BlobStore, wasm: &[u8], component: Option<WasmComponent>) -> io::Result<Digest> {
    let layer = put(blobs, media::WASM_LAYER, wasm)?;
    let config = WasmConfig {
        architecture: "wasm".into(),
        os: if component.is_some() { "wasip2" } else { "wasip1" }.into(),
        layer_digests: vec![layer.digest.clone()],
        component,
    };
    let config = put(blobs, media::WASM_CONFIG, &serde_json::to_vec(&config)?)?;
    manifest(blobs, config, vec![layer])
}

fn put(blobs: &BlobStore, media_type: &str, bytes: &[u8]) -> io::Result<Descriptor> {
    let digest = blobs.put(bytes)?;
    let (media_type, size) = (media_type.to_owned(), bytes.len() as u64);
    Ok(Descriptor { media_type, digest, size, platform: None, annotations: BTreeMap::new() })
}

fn manifest(blobs: &BlobStore, config: Descriptor, layers: Vec<Descriptor>) -> io::Result<Digest> {
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.into()),
        artifact_type: None,
        config,
        layers,
        annotations: BTreeMap::new(),
    };
    blobs.put(&serde_json::to_vec(&manifest)?)
}

/// Names of manifests: `<dir>/<repository>/<tag>` holds a digest.
#[derive(Clone, Debug)]
pub struct Tags {
    dir: std::path::PathBuf,
}

impl Tags {
    /// Tags kept in that directory.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Gives a manifest a name.
    ///
    /// # Errors
    /// When the name is malformed or the disk refuses.
    pub fn set(&self, repository: &str, tag: &str, digest: &Digest) -> io::Result<()> {
        let path = self.path(repository, tag).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{repository}:{tag} is not a repository and tag"))
        })?;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let partial = path.with_extension("partial");
        std::fs::write(&partial, digest.as_str())?;
        std::fs::rename(&partial, &path)
    }

    /// The manifest of that name.
    #[must_use]
    pub fn get(&self, repository: &str, tag: &str) -> Option<Digest> {
        std::fs::read_to_string(self.path(repository, tag)?).ok()?.parse().ok()
    }

    /// Distribution specification: path components of `[a-z0-9._-]`, tags of `[A-Za-z0-9._-]`; neither may be `.` or `..`.
    fn path(&self, repository: &str, tag: &str) -> Option<std::path::PathBuf> {
        let part = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && text.len() <= 128
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        (repository.split('/').all(part) && part(tag)).then(|| self.dir.join(repository).join("tags").join(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_cannot_leave_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let tags = Tags::new(dir.path());
        let digest = Digest::of(b"m");
        tags.set("a/b", "1", &digest).unwrap();
        assert_eq!(tags.get("a/b", "1"), Some(digest.clone()));
        for (repository, tag) in [("..", "1"), ("a/../b", "1"), ("/etc", "x"), ("a", "../x"), ("", "1")] {
            assert!(tags.set(repository, tag, &digest).is_err(), "{repository}:{tag}");
        }
    }
}
