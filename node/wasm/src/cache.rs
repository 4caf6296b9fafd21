//! Compiled code on this node's disk, and the proof that it is this node's own.
//!
//! A compiled file is native code. Each has a message authentication code beside it, made with a key that never leaves the
//! node; a file is checked when it is first opened and then kept open, so that what was checked is what is mapped. Files
//! are read-only and lie in a directory that only their owner enters. They are readable by all because a worker without
//! privileges maps its code through an inherited descriptor.

mod digest;
mod fingerprint;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::Sha256;

pub use digest::{Digest, DigestError};

use crate::compile::{CompileError, CompileLimits, compile};
use crate::engine::EngineError;

/// Bytes of the key, as many as the hash gives.
const KEY_BYTES: usize = 32;

/// Files kept open. Beyond it one is closed, and checked again when it is next wanted.
const MAX_OPEN: usize = 512;

/// Read at a time when a file is checked.
const CHUNK: usize = 64 * 1024;

/// Why the cache failed.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// A file could not be handled.
    #[error("cannot {attempt} {}", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The key file is not one of ours.
    #[error("{} is not a key of {KEY_BYTES} bytes: remove it, and compiled code is made anew", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The engine whose code is kept cannot be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The system gave no random bytes for the key.
    #[error("cannot make a key")]
    Random(#[source] rand::rngs::SysError),
    /// Nothing was there and compiling failed.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

/// Compiled code of this node.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    key: Key,
    /// Engine and processor that the code is for; part of every file name.
    fingerprint: String,
    open: Mutex<HashMap<Digest, File>>,
    scratch: AtomicU64,
}

/// The node-local key. Never printed.
struct Key([u8; KEY_BYTES]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Cache {
    /// Opens or makes the cache in `dir`, with its key.
    ///
    /// # Errors
    /// The directory or key cannot be made, or the key file is damaged.
    pub fn open(dir: &Path) -> Result<Self, CacheError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_at("create", dir))?;
        fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(io_at("restrict", dir))?;
        Ok(Self {
            dir: dir.to_owned(),
            key: load_key(&dir.join("key"))?,
            fingerprint: fingerprint::current()?,
            open: Mutex::default(),
            scratch: AtomicU64::new(0),
        })
    }

    /// The compiled code of the artifact with this digest, or `None` when there is none for this engine and processor. A
    /// file that fails its check is removed, not loaded.
    #[must_use]
    pub fn get(&self, digest: Digest) -> Option<File> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&digest) {
            return file.try_clone().ok();
        }
        let path = self.path(digest);
        let mut file = File::open(&path).ok()?;
        if !self.genuine(digest, &mut file) {
            tracing::error!(path = %path.display(), "compiled code fails its check: not loaded, to be compiled again");
            if let Err(error) = fs::remove_file(&path) {
                tracing::error!(path = %path.display(), %error, "cannot remove it");
            }
            return None;
        }
        remember(&mut open, digest, &file);
        Some(file)
    }

    /// Takes over the compiled file at `compiled` (in this cache's directory, see [`Cache::scratch`]) for an artifact.
    ///
    /// # Errors
    /// The file or its code of authentication cannot be written.
    pub fn insert(&self, digest: Digest, compiled: &Path) -> Result<File, CacheError> {
        let mut file = File::open(compiled).map_err(io_at("open", compiled))?;
        fs::set_permissions(compiled, Permissions::from_mode(0o444)).map_err(io_at("restrict", compiled))?;
        file.sync_all().map_err(io_at("flush", compiled))?;
        let mac = self.mac(digest, &mut file).map_err(io_at("read", compiled))?.finalize().into_bytes();
        let proof = self.scratch();
        let mut writer = create_private(&proof, 0o400).map_err(io_at("create", &proof))?;
        writer.write_all(&mac).and_then(|()| writer.sync_all()).map_err(io_at("write", &proof))?;
        let path = self.path(digest);
        // The proof goes first: a crash in between leaves a proof without code, which is simply overwritten.
        let proof_path = proof_of(&path);
        fs::rename(&proof, &proof_path).map_err(io_at("place", &proof_path))?;
        fs::rename(compiled, &path).map_err(io_at("place", &path))?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        remember(&mut open, digest, &file);
        Ok(file)
    }

    /// The compiled code of the artifact at `wasm`, compiled now by `exe` (see [`compile`]) when it is not here. Blocks.
    ///
    /// # Errors
    /// Compiling or keeping the result failed.
    pub fn get_or_compile(
        &self,
        exe: &Path,
        wasm: &Path,
        digest: Digest,
        limits: CompileLimits,
    ) -> Result<File, CacheError> {
        if let Some(file) = self.get(digest) {
            return Ok(file);
        }
        let output = self.scratch();
        let outcome =
            compile(exe, wasm, &output, limits).map_err(CacheError::from).and_then(|()| self.insert(digest, &output));
        if outcome.is_err()
            && let Err(error) = fs::remove_file(&output)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %output.display(), %error, "cannot remove an unfinished file");
        }
        outcome
    }

    /// Forgets an artifact's code, when its image is removed. Running workers keep theirs.
    ///
    /// # Errors
    /// The files are there and cannot be removed.
    pub fn remove(&self, digest: Digest) -> Result<(), CacheError> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
        let path = self.path(digest);
        for path in [proof_of(&path), path] {
            match fs::remove_file(&path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(io_at("remove", &path)(cause)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// A path for a file in the making, on the same file system as the cache.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        let number = self.scratch.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("scratch-{}-{number}", std::process::id()))
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.dir.join(format!("{digest:x}-{}.cwasm", self.fingerprint))
    }

    /// Whether the open file is what this node once compiled for this artifact.
    fn genuine(&self, digest: Digest, file: &mut File) -> bool {
        let proof = fs::read(proof_of(&self.path(digest)));
        match (proof, self.mac(digest, file)) {
            (Ok(proof), Ok(mac)) => mac.verify_slice(&proof).is_ok(),
            _ => false,
        }
    }

    /// Authenticates digest, fingerprint and content, so that no file can stand in for another.
    fn mac(&self, digest: Digest, file: &mut File) -> io::Result<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key.0).map_err(io::Error::other)?;
        mac.update(digest.as_bytes());
        mac.update(self.fingerprint.as_bytes());
        file.rewind()?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = file.read(&mut chunk)?;
            if count == 0 {
                file.rewind()?;
                return Ok(mac);
            }
            mac.update(chunk.get(..count).unwrap_or_default());
        }
    }
}

/// Keeps a checked file open, closing any other when there are too many.
fn remember(open: &mut HashMap<Digest, File>, digest: Digest, file: &File) {
    if open.len() >= MAX_OPEN
        && let Some(other) = open.keys().next().copied()
    {
        open.remove(&other);
    }
    match file.try_clone() {
        Ok(file) => drop(open.insert(digest, file)),
        Err(error) => tracing::debug!(%error, "cannot keep compiled code open, it is checked again next time"),
    }
}

/// Where the authentication code of a compiled file is.
fn proof_of(path: &Path) -> PathBuf {
    path.with_extension("mac")
}

/// Reads the key, or makes one.
fn load_key(path: &Path) -> Result<Key, CacheError> {
    match fs::read(path) {
        Ok(bytes) => bytes.try_into().map(Key).map_err(|_: Vec<u8>| CacheError::Key { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; KEY_BYTES];
            SysRng.try_fill_bytes(&mut key).map_err(CacheError::Random)?;
            let mut file = create_private(path, 0o600).map_err(io_at("create", path))?;
            file.write_all(&key).and_then(|()| file.sync_all()).map_err(io_at("write", path))?;
            Ok(Key(key))
        }
        Err(cause) => Err(io_at("read", path)(cause)),
    }
}

fn create_private(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

fn io_at(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    move |cause| CacheError::Io { attempt, path, cause }
}
