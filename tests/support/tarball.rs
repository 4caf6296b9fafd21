//! Images whose layers no honest tool makes: archives written byte by byte.

use registry_client::manifest::media;
use registry_client::{BlobStore, Digest};
use serde_json::json;

/// Unit of a tar archive.
const BLOCK: usize = 512;

/// An entry of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    path: String,
    /// Its type as `ustar` writes it: `0` a file, `2` a symbolic link.
    kind: u8,
    target: String,
    content: Vec<u8>,
}

impl Entry {
    pub(crate) fn file(path: &str, content: &[u8]) -> Self {
        Self { path: path.into(), kind: b'0', target: String::new(), content: content.into() }
    }

    pub(crate) fn link(path: &str, target: &str) -> Self {
        Self { path: path.into(), kind: b'2', target: target.into(), content: Vec::new() }
    }

    /// Header and content (POSIX.1-1988, ustar).
    fn bytes(&self) -> Vec<u8> {
        let mut header = vec![0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, self.path.as_bytes());
        put(100, b"0000755\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", self.content.len()).as_bytes());
        put(136, b"00000000000\0");
        // The checksum counts itself as spaces.
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, self.target.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let padding = self.content.len().next_multiple_of(BLOCK) - self.content.len();
        [header, self.content.clone(), vec![0; padding]].concat()
    }
}

/// Makes an image of layers, the lowest first, as they stand; returns the digest of its manifest.
pub(crate) fn image_of(blobs: &BlobStore, layers: &[&[Entry]]) -> Digest {
    let archive = |entries: &&[Entry]| {
        let mut archive: Vec<u8> = entries.iter().flat_map(Entry::bytes).collect();
        archive.extend([0; 2 * BLOCK]);
        (blobs.put(&archive).unwrap(), archive.len())
    };
    let layers: Vec<_> = layers.iter().map(archive).collect();
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|(digest, _)| digest.as_str()).collect::<Vec<_>>()},
    });
    let config = config.to_string();
    let config_digest = blobs.put(config.as_bytes()).unwrap();
    let layer =
        |(digest, size): &(Digest, usize)| json!({"mediaType": media::LAYER, "digest": digest.as_str(), "size": size});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::MANIFEST,
        "config": {"mediaType": media::CONFIG, "digest": config_digest.as_str(), "size": config.len()},
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    });
    blobs.put(manifest.to_string().as_bytes()).unwrap()
}
