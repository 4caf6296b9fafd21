//! A directory, a cache and the guests.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wasm::{Cache, CompileLimits, Digest, WorkerSpec, inspect};

/// What a test works with; the directory goes with it.
pub(crate) struct Lab {
    pub(crate) dir: TempDir,
    pub(crate) cache: Cache,
}

/// This executable, which knows the compile role.
pub(crate) fn exe() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// A committed guest.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/fixtures").join(name)
}

impl Lab {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let cache = Cache::open(&dir.path().join("cache")).unwrap();
        Self { dir, cache }
    }

    /// Writes an artifact given as text.
    pub(crate) fn artifact(&self, text: &str) -> PathBuf {
        let path = self.dir.path().join("artifact.wasm");
        std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        path
    }

    /// The compiled code of a committed guest.
    pub(crate) fn compiled(&self, name: &str) -> File {
        let path = fixture(name);
        let digest = Digest::of(&std::fs::read(&path).unwrap());
        self.cache.get_or_compile(&exe(), &path, digest, CompileLimits::default()).unwrap()
    }
}

/// A specification that grants nothing.
pub(crate) fn spec(name: &str) -> WorkerSpec {
    let artifact = inspect(&std::fs::read(fixture(name)).unwrap()).unwrap();
    WorkerSpec {
        form: artifact.form,
        entry: artifact.entry,
        args: vec![name.to_owned()],
        env: Vec::new(),
        preopens: Vec::new(),
        memory_limit: None,
        port: None,
        addresses: Vec::new(),
        outgoing_hosts: Vec::new(),
        sockets: false,
        peers: Vec::new(),
        listen_ports: Vec::new(),
        request_timeout: None,
    }
}
