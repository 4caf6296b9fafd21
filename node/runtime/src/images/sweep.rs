//! Making room: images that nobody uses go, with all that only they hold.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::store::{Content, ImageStore, StoreError};
use crate::disk::usage_of;

/// Name of the directory of what is not whole; what is in it goes when the store is opened.
const PARTIAL: &str = "partial";

impl ImageStore {
    /// Forgets all images but those, by [`crate::contract::Image::id`], and removes every layer and blob that no image needs to
    /// run. Returns how many bytes that freed: none while something is pulled, since that would lose what it fetched. Blocks.
    ///
    /// # Errors
    /// When the index or a directory cannot be changed.
    pub fn retain(&self, used: &BTreeSet<String>) -> Result<u64, StoreError> {
        let Ok(_alone) = self.pulls.try_write() else { return Ok(0) };
        let images = self.forget(used)?;
        let (mut layers, mut blobs) = (BTreeSet::new(), BTreeSet::new());
        for image in images {
            match &image.content {
                Content::Linux { layers: of } => layers.extend(of.iter().map(|layer| layer.hex().to_owned())),
                Content::Wasm { digest, .. } => {
                    blobs.insert(digest.hex().to_owned());
                }
            }
        }
        let swept = |dir: &Path, partial: &Path, kept| {
            sweep(dir, partial, kept).map_err(|source| StoreError::Sweep { dir: dir.to_owned(), source })
        };
        let partial = self.layers.partial();
        Ok(swept(self.layers.dir(), partial, &layers)?.saturating_add(swept(self.blobs.dir(), partial, &blobs)?))
    }
}

/// Removes what is in a directory and not kept; returns its bytes. What goes first leaves its name: a name means something whole.
fn sweep(dir: &Path, partial: &Path, kept: &BTreeSet<String>) -> io::Result<u64> {
    let mut freed = 0_u64;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if kept.contains(&name) || name == PARTIAL {
            continue;
        }
        let going = partial.join(format!("going-{name}"));
        std::fs::rename(entry.path(), &going)?;
        if going.is_dir() {
            freed = freed.saturating_add(usage_of(&going)?.bytes);
            std::fs::remove_dir_all(&going)?;
        } else {
            freed = freed.saturating_add(going.metadata()?.len());
            std::fs::remove_file(&going)?;
        }
    }
    Ok(freed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_and_the_rest_makes_room() {
        let store = tempfile::tempdir().unwrap();
        let (dir, partial) = (store.path().join("layers"), store.path().join("layers/partial"));
        std::fs::create_dir_all(&partial).unwrap();
        for name in ["kept", "unused"] {
            std::fs::create_dir(dir.join(name)).unwrap();
            std::fs::write(dir.join(name).join("file"), vec![1; 8192]).unwrap();
        }
        std::fs::write(dir.join("blob"), vec![1; 100]).unwrap();
        let freed = sweep(&dir, &partial, &BTreeSet::from(["kept".to_owned()])).unwrap();
        assert!(freed >= 8192 + 100, "{freed}");
        let mut left: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["kept", "partial"]);
        assert_eq!(std::fs::read_dir(&partial).unwrap().count(), 0);
    }
}
