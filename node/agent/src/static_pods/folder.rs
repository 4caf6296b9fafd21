//! A folder of manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use k8s_openapi::api::core::v1::Pod;
use seam::Timestamp;

use super::manifest::{self, Origin};

/// Largest manifest that is read, in bytes: as large as an object of the API may be.
const SIZE_MAX: u64 = 3 << 20;

/// What tells that a file may have changed.
type Stamp = (SystemTime, u64);

/// A file as it was last read.
struct Read {
    stamp: Stamp,
    pods: Vec<Pod>,
}

/// The folder as it was last looked at.
pub(super) struct Folder {
    path: PathBuf,
    node: String,
    files: BTreeMap<PathBuf, Read>,
    /// What was last said about the folder itself, to say it once.
    trouble: Option<String>,
}

impl Folder {
    pub(super) fn new(path: PathBuf, node: &str) -> Self {
        Self { path, node: node.to_owned(), files: BTreeMap::new(), trouble: None }
    }

    /// The pods of all files. A file that cannot be read says nothing; a folder that is missing is empty.
    pub(super) fn look(&mut self) -> Vec<Pod> {
        let found = match stamps(&self.path) {
            Ok(found) => {
                self.trouble = None;
                found
            }
            Err(error) => {
                let told = error.to_string();
                if self.trouble.as_ref() != Some(&told) {
                    tracing::warn!(folder = %self.path.display(), %error, "static pods cannot be read");
                    self.trouble = Some(told);
                }
                // What runs is not ended because a disk is out of order for a moment.
                if error.kind() != std::io::ErrorKind::NotFound {
                    return self.files.values().flat_map(|read| read.pods.clone()).collect();
                }
                BTreeMap::new()
            }
        };
        self.files.retain(|path, _| found.contains_key(path));
        for (path, stamp) in found {
            if self.files.get(&path).is_none_or(|read| read.stamp != stamp) {
                let pods = read(&path, &self.node).unwrap_or_else(|error| {
                    tracing::warn!(file = %path.display(), error, "this file is no static pod");
                    Vec::new()
                });
                self.files.insert(path, Read { stamp, pods });
            }
        }
        self.files.values().flat_map(|read| read.pods.clone()).collect()
    }
}

fn stamps(folder: &Path) -> std::io::Result<BTreeMap<PathBuf, Stamp>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // Through links, by which configuration tools like to place files. One that leads nowhere is none.
        let Ok(data) = std::fs::metadata(entry.path()) else { continue };
        if data.is_file() && !hidden {
            found.insert(entry.path(), (data.modified()?, data.len()));
        }
    }
    Ok(found)
}

fn read(path: &Path, node: &str) -> Result<Vec<Pod>, String> {
    let data = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if data.len() > SIZE_MAX {
        return Err(format!("it has {} bytes, and a manifest at most {SIZE_MAX}", data.len()));
    }
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    // Copying and then writing leaves a moment in which there is nothing.
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    let seen = data.modified().ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    let place = format!("file:{}", path.display());
    manifest::pods(&text, Origin::File, &place, node, seen).map_err(|error| error.to_string())
}
