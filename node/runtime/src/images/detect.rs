//! What a manifest is, before anything is unpacked.
//!
//! The layouts, in order: the CNCF's Wasm artifact (`application/vnd.wasm.config.v0+json`), runwasi's images of Wasm layers,
//! the older single-layer artifacts, and plain images whose entrypoint turns out to be Wasm. Spin applications and
//! precompiled code are recognised and refused.

use registry_client::manifest::{Descriptor, ImageConfig, Manifest, media};

/// Media types of layers that are a Wasm binary: CNCF; runwasi; krustlet, Spin and older clients; wasmCloud's older ones.
const WASM_LAYERS: [&str; 5] = [
    media::WASM_LAYER,
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    "application/vnd.bytecodealliance.wasm.module.layer.v0+wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
];
/// Layers of a Spin application.
const SPIN_LAYERS: &str = "application/vnd.fermyon.spin.";

/// What a manifest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One layer is the artifact.
    Artifact(Descriptor),
    /// Layers make a root file system; its entrypoint must be Wasm, because the image's platform says so.
    WasmImage,
    /// Layers make a root file system.
    Image,
}

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Needs a runtime of its own.
    #[error("this is a Spin application, which needs a Spin runtime: push its component as a plain Wasm artifact")]
    Spin,
    /// We do not link artifacts.
    #[error("the manifest holds {0} Wasm layers, and a container runs one: compose them into one component")]
    SeveralArtifacts(usize),
    /// The config promises one.
    #[error("the manifest's config says Wasm, but no layer is: found {0}")]
    NoArtifact(String),
}

/// Decides by manifest and image config; `config` is the default where the config blob is no image config.
///
/// # Errors
/// [`Refusal`].
pub fn detect(manifest: &Manifest, config: &ImageConfig) -> Result<Layout, Refusal> {
    let kinds = || manifest.layers.iter().map(|layer| layer.media_type.as_str());
    if kinds().any(|kind| kind.starts_with(SPIN_LAYERS)) {
        return Err(Refusal::Spin);
    }
    let artifacts: Vec<&Descriptor> =
        manifest.layers.iter().filter(|layer| WASM_LAYERS.contains(&layer.media_type.as_str())).collect();
    match artifacts.as_slice() {
        [artifact] => Ok(Layout::Artifact((*artifact).clone())),
        [] if manifest.config.media_type == media::WASM_CONFIG => {
            Err(Refusal::NoArtifact(kinds().collect::<Vec<_>>().join(", ")))
        }
        [] if is_wasm_platform(config) => Ok(Layout::WasmImage),
        [] => Ok(Layout::Image),
        several => Err(Refusal::SeveralArtifacts(several.len())),
    }
}

fn is_wasm_platform(config: &ImageConfig) -> bool {
    config.architecture == "wasm" || matches!(config.os.as_str(), "wasi" | "wasip1" | "wasip2")
}

#[cfg(test)]
mod tests {
    use super::*;
    use registry_client::Digest;

    fn descriptor(media_type: &str) -> Descriptor {
        let digest = Digest::of(media_type.as_bytes());
        let annotations = std::collections::BTreeMap::new();
        Descriptor { media_type: media_type.to_owned(), digest, size: 1, platform: None, annotations }
    }

    fn check(config: &str, os: &str, layers: &[&str]) -> Result<&'static str, String> {
        let manifest = Manifest {
            schema_version: 2,
            media_type: None,
            artifact_type: None,
            config: descriptor(config),
            layers: layers.iter().map(|layer| descriptor(layer)).collect(),
            annotations: std::collections::BTreeMap::new(),
        };
        let config = ImageConfig { os: os.to_owned(), ..ImageConfig::default() };
        match detect(&manifest, &config) {
            Ok(Layout::Artifact(_)) => Ok("artifact"),
            Ok(Layout::WasmImage) => Ok("wasm image"),
            Ok(Layout::Image) => Ok("image"),
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    #[test]
    fn the_four_layouts_and_the_refusals() {
        let image = media::CONFIG;
        assert_eq!(check(media::WASM_CONFIG, "", &[media::WASM_LAYER]), Ok("artifact"));
        assert_eq!(check(image, "wasip1", &[WASM_LAYERS[1]]), Ok("artifact"));
        assert_eq!(check("application/vnd.wasm.config.v1+json", "", &[WASM_LAYERS[3]]), Ok("artifact"));
        assert_eq!(check(image, "wasi", &[media::LAYER_GZIP]), Ok("wasm image"));
        assert_eq!(check(image, "linux", &[media::LAYER_GZIP, media::LAYER]), Ok("image"));
        let refused = |result: Result<&str, String>| result.unwrap_err();
        let spin = ["application/vnd.fermyon.spin.application.v1+config", WASM_LAYERS[3]];
        assert!(refused(check(image, "", &spin)).contains("Spin application"));
        assert!(refused(check(media::WASM_CONFIG, "", &[media::WASM_LAYER; 2])).contains("2 Wasm layers"));
        assert!(refused(check(media::WASM_CONFIG, "", &["text/plain"])).contains("found text/plain"));
    }
}
