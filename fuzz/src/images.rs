//! What registries and pods say about images.

use registry_client::Reference;
use registry_client::manifest::{Document, ImageConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A reference comes back from its full form, and may be pinned.
pub(crate) fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(reference) = text.parse::<Reference>() else { return };
    let shown = reference.to_string();
    let again: Reference = shown.parse().unwrap_or_else(|error| panic!("{text:?} is {shown:?}: {error}"));
    assert_eq!(again, reference, "{text:?} is {shown:?}");
    assert!(reference.tag().is_some() || reference.digest().is_some(), "{text:?}");
    let pinned = reference.pinned(&registry_client::Digest::of(data));
    assert_eq!(pinned.to_string().parse::<Reference>().unwrap().digest(), pinned.digest());
    assert!(!reference.is_loopback() || !reference.registry().is_empty());
}

/// Manifests, indexes and configurations come back from what they are written as.
pub(crate) fn manifest(data: &[u8]) {
    match Document::parse(data) {
        Ok(Document::Index(index)) => {
            if let Some(chosen) = index.choose() {
                assert!(index.manifests.contains(chosen));
            }
            comes_back(&index);
        }
        Ok(Document::Manifest(manifest)) => comes_back(&*manifest),
        Err(_) => {}
    }
    if let Ok(config) = serde_json::from_slice::<ImageConfig>(data) {
        comes_back(&config);
    }
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_vec(value).unwrap();
    assert_eq!(&serde_json::from_slice::<T>(&text).unwrap(), value);
}
