//! Verified content on disk, named by its digest.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::digest::{Digest, Hasher};

/// A directory of blobs: `<dir>/sha256/<hex>`. A blob is there whole and verified, or not at all.
#[derive(Debug)]
pub struct BlobStore {
    dir: PathBuf,
    partial: PathBuf,
    serial: AtomicU64,
}

impl BlobStore {
    /// Opens the store, makes its directories, and removes what an earlier process left unfinished.
    ///
    /// # Errors
    /// When the directories cannot be made or cleaned.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let store = Self { dir: dir.join("sha256"), partial: dir.join("partial"), serial: AtomicU64::new(0) };
        std::fs::create_dir_all(&store.dir)?;
        match std::fs::remove_dir_all(&store.partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(&store.partial)?;
        Ok(store)
    }

    /// Where all blobs are, by their hex digests.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the blob is, or would be.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(digest.hex())
    }

    /// Whether the blob is there.
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.path(digest).is_file()
    }

    /// Reads a small blob.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn read(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        std::fs::read(self.path(digest))
    }

    /// Stores bytes under their digest.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        if !self.has(&digest) {
            let mut writer = self.writer()?;
            writer.write(bytes)?;
            writer.finish(&digest)?;
        }
        Ok(digest)
    }

    /// Begins a blob of unknown content.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn writer(&self) -> io::Result<BlobWriter<'_>> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let path = self.partial.join(format!("{}-{serial}", std::process::id()));
        let file = File::create_new(&path)?;
        Ok(BlobWriter { store: self, path, file, hasher: Hasher::default(), length: 0, finished: false })
    }
}

/// A blob being written. Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter<'a> {
    store: &'a BlobStore,
    path: PathBuf,
    file: File,
    hasher: Hasher,
    length: u64,
    finished: bool,
}

impl BlobWriter<'_> {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Ends the blob. Returns the digest of what came; the blob is stored only when that is the wanted one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self, wanted: &Digest) -> io::Result<Digest> {
        let got = std::mem::take(&mut self.hasher).finish();
        if got == *wanted {
            self.file.sync_all()?;
            std::fs::rename(&self.path, self.store.path(wanted))?;
            self.finished = true;
        }
        Ok(got)
    }
}

impl Drop for BlobWriter<'_> {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove an unfinished blob");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_with_another_digest_is_not_stored_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path()).unwrap();
        let mut writer = store.writer().unwrap();
        writer.write(b"other").unwrap();
        let wanted = Digest::of(b"content");
        assert_ne!(writer.finish(&wanted).unwrap(), wanted);
        assert!(!store.has(&wanted));
        assert_eq!(std::fs::read_dir(dir.path().join("partial")).unwrap().count(), 0);
        assert_eq!(store.put(b"content").unwrap(), wanted);
        assert_eq!(store.read(&wanted).unwrap(), b"content");
    }
}
