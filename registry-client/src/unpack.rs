//! Unpacking a layer into a directory, in a child process that can see nothing else.
//!
//! A layer is hostile until proven otherwise. The child enters the target directory as its root, without a network, so a path
//! that climbs out, an absolute symbolic link or a race leads nowhere. It then writes what the tar stream says, turns
//! whiteouts into overlayfs' form, and reports the digest of the uncompressed stream.

mod child;

use std::path::Path;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use crate::digest::Digest;
use crate::manifest::media;

pub use child::child_main;

/// Name of the hidden role of our binary that runs [`child_main`].
pub const ROLE: &str = "unpack";

/// Bytes that one layer may unpack to: beyond the largest published images (CUDA, 20 GiB), far from filling a disk twice.
pub const UNPACKED_MAX: u64 = 32 << 30;
/// Entries that one layer may have.
pub const ENTRIES_MAX: u64 = 2_000_000;
/// Longest report or message that is read from the child.
const REPORT_MAX: u64 = 16 << 10;

/// How a layer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Plain tar.
    Tar,
    /// Gzip.
    Gzip,
}

impl Packing {
    /// Packing by media type; `None` for types that are no file-system layer.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            media::LAYER | "application/vnd.docker.image.rootfs.diff.tar" => Some(Self::Tar),
            media::LAYER_GZIP
            | media::DOCKER_LAYER_GZIP
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" => Some(Self::Gzip),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Gzip => "gzip",
        }
    }
}

/// What was unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpacked {
    /// Digest of the uncompressed stream.
    pub diff_id: Digest,
    /// Bytes of regular files.
    pub bytes: u64,
    /// Entries of the archive.
    pub entries: u64,
    /// Device nodes that were left out: pods get devices from the node, never from an image.
    pub devices_skipped: u64,
}

/// Why a layer was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The child could not be run.
    #[error("cannot run the unpacking child for {layer}: {cause}")]
    Child {
        /// The layer's file.
        layer: String,
        /// Cause.
        #[source]
        cause: std::io::Error,
    },
    /// The layer was refused; what is wrong with it.
    #[error("cannot unpack layer {layer}: {why}")]
    Refused {
        /// The layer's file.
        layer: String,
        /// The child's words.
        why: String,
    },
}

/// Unpacks a layer blob into an existing, empty directory. `exe` is our own binary.
///
/// # Errors
/// When the child cannot be run or refuses the layer; the directory may then hold a part of it.
pub async fn unpack_layer(exe: &Path, blob: &Path, packing: Packing, target: &Path) -> Result<Unpacked, UnpackError> {
    let layer = || blob.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let failed = |cause| UnpackError::Child { layer: layer(), cause };
    let input = std::fs::File::open(blob).map_err(failed)?;
    let mut child = tokio::process::Command::new(exe)
        .arg(ROLE)
        .arg(packing.name())
        .arg(target)
        .env_clear()
        .stdin(Stdio::from(input))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (report, complaint, status) = tokio::join!(read_some(stdout), read_some(stderr), child.wait());
    let status = status.map_err(failed)?;
    let refused = |why: String| UnpackError::Refused { layer: layer(), why };
    if !status.success() {
        let complaint = complaint.map_err(failed)?;
        let complaint = String::from_utf8_lossy(&complaint);
        let why = if complaint.trim().is_empty() { status.to_string() } else { complaint.trim().to_owned() };
        return Err(refused(why));
    }
    serde_json::from_slice(&report.map_err(failed)?).map_err(|cause| refused(format!("the child's report: {cause}")))
}

async fn read_some(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(REPORT_MAX).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
