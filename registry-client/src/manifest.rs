//! Manifests, indexes and image configs (OCI image specification 1.1, and Docker's older media types).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Media types that we read or write.
pub mod media {
    /// OCI manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// Docker's manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// OCI image config.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// Plain tar layer.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// Gzip layer.
    pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// Docker's gzip layer.
    pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// CNCF Wasm artifact: config.
    pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
    /// CNCF Wasm artifact: layer.
    pub const WASM_LAYER: &str = "application/wasm";
    /// What a client accepts as a manifest, in order of preference.
    pub const ACCEPT: [&str; 4] = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST];
}

/// Longest manifest, index or config that is read, in bytes (the distribution specification recommends at least 4 MiB).
pub const DOCUMENT_LENGTH_MAX: usize = 4 << 20;

/// Content elsewhere: its type, digest and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Platform, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// For what machine an image is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// Go's name of the architecture, or `wasm`.
    pub architecture: String,
    /// Go's name of the operating system, or `wasi`, `wasip1`, `wasip2`.
    pub os: String,
    /// Variant, e.g. `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// An image manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// Own media type; some builders leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Type of artifact, when it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Config.
    pub config: Descriptor,
    /// Layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An index of manifests by platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// Manifests.
    pub manifests: Vec<Descriptor>,
}

/// An image's config, as far as running it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// Architecture.
    #[serde(default)]
    pub architecture: String,
    /// Operating system.
    #[serde(default)]
    pub os: String,
    /// Defaults of its processes.
    #[serde(default)]
    pub config: ProcessConfig,
    /// Layers as uncompressed content.
    #[serde(default)]
    pub rootfs: RootFs,
}

/// `config` of an image's config. Docker writes `null` where there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProcessConfig {
    /// `user[:group]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `KEY=value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    /// What is run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Signal that asks it to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// `rootfs` of an image's config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Digest of each layer's uncompressed content, lowest first.
    #[serde(default)]
    pub diff_ids: Vec<Digest>,
}

/// What a manifest document holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// One image or artifact.
    Manifest(Box<Manifest>),
    /// Several, by platform.
    Index(Index),
}

impl Document {
    /// Reads a document by what it holds: `manifests` makes an index, `config` and `layers` a manifest.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let value: serde_json::Value = serde_json::from_slice(bytes)?;
        if value.get("manifests").is_some() {
            serde_json::from_value(value).map(Self::Index)
        } else {
            serde_json::from_value(value).map(|manifest| Self::Manifest(Box::new(manifest)))
        }
    }
}

/// Go's name of this machine's architecture.
#[must_use]
pub fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Index {
    /// The manifest for this machine: `linux` and its architecture; a Wasm entry when there is none for Linux.
    #[must_use]
    pub fn choose(&self) -> Option<&Descriptor> {
        let fits = |wanted: fn(&Platform) -> bool| {
            self.manifests.iter().find(|entry| entry.platform.as_ref().is_some_and(wanted))
        };
        fits(|platform| platform.os == "linux" && platform.architecture == host_architecture())
            .or_else(|| fits(|platform| platform.architecture == "wasm" || platform.os.starts_with("wasi")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(os: &str, architecture: &str) -> Descriptor {
        let platform = Platform { architecture: architecture.into(), os: os.into(), variant: None };
        let digest = Digest::of(format!("{os}/{architecture}").as_bytes());
        Descriptor {
            media_type: media::MANIFEST.into(),
            digest,
            size: 1,
            platform: Some(platform),
            annotations: BTreeMap::new(),
        }
    }

    #[test]
    fn an_index_prefers_linux_and_falls_back_to_wasm() {
        let both = Index {
            schema_version: 2,
            manifests: vec![entry("wasi", "wasm"), entry("linux", host_architecture()), entry("linux", "s390x")],
        };
        assert_eq!(both.choose(), Some(&both.manifests[1]));
        let wasm = Index { schema_version: 2, manifests: vec![entry("windows", "amd64"), entry("wasip2", "wasm")] };
        assert_eq!(wasm.choose(), Some(&wasm.manifests[1]));
        let none = Index { schema_version: 2, manifests: vec![entry("windows", "amd64")] };
        assert_eq!(none.choose(), None);
    }
}
