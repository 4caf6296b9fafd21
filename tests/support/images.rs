//! Images made on the spot, and the registry of Bireme's own that serves them, in this process.

use std::sync::Arc;

use registry_client::manifest::ProcessConfig;
use registry_client::publish::{ImageFile, Tags, WasmComponent, linux_image, wasm_artifact};
use registry_client::serve::Registry;
use registry_client::{BlobStore, Digest};

use super::repository;

/// One static executable that is many programs.
pub(crate) const BUSYBOX: &str = "/bin/busybox";
/// The one tag that is used.
pub(crate) const TAG: &str = "1";

/// Images in a folder of their own, served on a loopback port.
#[derive(Debug)]
pub(crate) struct Images {
    pub(crate) blobs: Arc<BlobStore>,
    tags: Tags,
    registry: Registry,
    _tasks: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Images {
    /// Starts with no image.
    pub(crate) fn serve() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobStore::open(&folder.path().join("blobs")).unwrap());
        let tags = Tags::new(&folder.path().join("tags"));
        let tasks = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let registry = tasks.block_on(Registry::start(listen, Arc::clone(&blobs), tags.clone())).unwrap();
        Self { blobs, tags, registry, _tasks: tasks, _folder: folder }
    }

    /// Publishes busybox as `/bin/sh` and all its programs; returns the reference to pull it by.
    pub(crate) fn busybox(&self) -> String {
        self.publish("busybox", &busybox(&self.blobs))
    }

    /// Publishes a guest of `samples/fixtures`; returns the reference to pull it by.
    pub(crate) fn guest(&self, name: &str) -> String {
        self.publish(name, &guest(&self.blobs, name))
    }

    /// Gives a manifest a name; returns the reference to pull it by.
    pub(crate) fn publish(&self, name: &str, digest: &Digest) -> String {
        self.publish_as(name, TAG, digest)
    }

    /// The same with another tag.
    pub(crate) fn publish_as(&self, name: &str, tag: &str, digest: &Digest) -> String {
        self.tags.set(name, tag, digest).unwrap();
        format!("{}/{name}:{tag}", self.registry.address())
    }
}

/// Makes an image of busybox. Shells find its programs, because it runs those that it holds by name.
pub(crate) fn busybox(blobs: &BlobStore) -> Digest {
    let content = std::fs::read(BUSYBOX).unwrap_or_else(|error| panic!("{BUSYBOX}: {error}; run `cargo xtask setup`"));
    let file = |path: &str| ImageFile { path: path.into(), mode: 0o755, content: content.clone() };
    let process = ProcessConfig { cmd: Some(vec!["/bin/sh".into()]), ..ProcessConfig::default() };
    linux_image(blobs, &["bin/busybox", "bin/sh"].map(file), process).unwrap()
}

/// Makes an artifact of a guest.
pub(crate) fn guest(blobs: &BlobStore, name: &str) -> Digest {
    let wasm = std::fs::read(repository(&format!("samples/fixtures/{name}.wasm"))).unwrap();
    // A component's header names layer 1 where a module's has zeros.
    let component = (wasm[6] == 1).then(WasmComponent::default);
    wasm_artifact(blobs, &wasm, component).unwrap()
}
