//! A registry that is not ours: Debian's docker-registry, on a loopback port of its own, open or behind a password.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use registry_client::{BlobStore, Digest};

use super::images::TAG;
use super::{tool, wait};

/// Who may read a closed registry.
pub(crate) const USER: &str = "tester";
pub(crate) const PASSWORD: &str = "open sesame";
/// The same for the registry: bcrypt of the password.
const HTPASSWD: &str = "tester:$2b$04$khg0DUhUIha5VmVbQNyFZ.5AiS9lXHSWzU9u4u8msvKWEt/ittv1q\n";
/// Until it listens.
const LIMIT: Duration = Duration::from_secs(20);

/// A running registry.
#[derive(Debug)]
pub(crate) struct DebianRegistry {
    process: Child,
    folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
}

impl DebianRegistry {
    /// Everybody may read.
    pub(crate) fn open() -> Self {
        Self::start("")
    }

    /// Only [`USER`] with [`PASSWORD`] may read.
    pub(crate) fn closed() -> Self {
        Self::start("auth:\n  htpasswd: {realm: tests, path: FOLDER/htpasswd}\n")
    }

    fn start(auth: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: FOLDER/storage}}}}\n\
             http: {{addr: '127.0.0.1:0'}}\n{auth}"
        );
        let path = |name: &str| folder.path().join(name);
        fs::write(path("config.yml"), text.replace("FOLDER", folder.path().to_str().unwrap())).unwrap();
        fs::write(path("htpasswd"), HTPASSWD).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let mut command = Command::new(tool("docker-registry/docker-registry"));
        command.arg("serve").arg(path("config.yml")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut process = command.env("OTEL_TRACES_EXPORTER", "none").spawn().unwrap();
        let address = wait::poll(LIMIT, || {
            assert_eq!(process.try_wait().unwrap(), None, "{}", fs::read_to_string(path("log")).unwrap());
            let log = fs::read_to_string(path("log")).unwrap();
            let (_, after) = log.split_once("listening on ")?;
            after.split(['"', ' ', '\n', ',']).next()?.parse().ok()
        });
        let Some(address) = address else {
            process.kill().and_then(|()| process.wait()).unwrap();
            panic!("docker-registry did not listen: {}", fs::read_to_string(path("log")).unwrap());
        };
        Self { process, folder, address }
    }

    /// Puts an image into the registry's storage, in the layout of its file system driver; returns the reference to pull it by.
    pub(crate) fn hold(&self, name: &str, blobs: &BlobStore, manifest: &Digest) -> String {
        let storage = self.folder.path().join("storage/docker/registry/v2");
        let repository = storage.join("repositories").join(name);
        let document: serde_json::Value = serde_json::from_slice(&blobs.read(manifest).unwrap()).unwrap();
        let layers = document["layers"].as_array().unwrap().iter().chain([&document["config"]]);
        for digest in layers.map(|part| part["digest"].as_str().unwrap().parse::<Digest>().unwrap()) {
            blob(&storage, blobs, &digest);
            link(&repository.join("_layers"), &digest);
        }
        blob(&storage, blobs, manifest);
        link(&repository.join("_manifests/revisions"), manifest);
        let tag = repository.join("_manifests/tags").join(TAG);
        link(&tag.join("index"), manifest);
        fs::create_dir_all(tag.join("current")).unwrap();
        fs::write(tag.join("current/link"), manifest.as_str()).unwrap();
        format!("{}/{name}:{TAG}", self.address)
    }
}

fn hex(digest: &Digest) -> &str {
    digest.as_str().strip_prefix("sha256:").unwrap()
}

fn blob(storage: &Path, blobs: &BlobStore, digest: &Digest) {
    let folder = storage.join("blobs/sha256").join(&hex(digest)[..2]).join(hex(digest));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("data"), blobs.read(digest).unwrap()).unwrap();
}

fn link(below: &Path, digest: &Digest) {
    let folder = below.join("sha256").join(hex(digest));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("link"), digest.as_str()).unwrap();
}

impl Drop for DebianRegistry {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("docker-registry is left running: {error}");
        }
    }
}
