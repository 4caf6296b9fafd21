//! What the cache believes.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use wasm::{Cache, CompileLimits, Digest};

use crate::lab::{Lab, exe, fixture};

/// The name of a guest, and its one compiled file in the cache.
fn compiled(lab: &Lab, name: &str) -> (Digest, PathBuf) {
    let digest = Digest::of(&fs::read(fixture(name)).unwrap());
    lab.compiled(name);
    let dir = lab.dir.path().join("cache");
    let prefix = format!("{digest:x}");
    let mut paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let path = paths
        .find(|path| path.extension().is_some_and(|end| end == "cwasm") && path.to_string_lossy().contains(&prefix));
    (digest, path.unwrap())
}

/// The cache after a restart of its process.
fn reopened(lab: &Lab) -> Cache {
    Cache::open(&lab.dir.path().join("cache")).unwrap()
}

fn overwrite(path: &Path, bytes: &[u8]) {
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
}

pub(crate) fn compiled_code_survives_a_restart() {
    let lab = Lab::new();
    let (digest, path) = compiled(&lab, "trap.wasm");
    let mut bytes = Vec::new();
    reopened(&lab).get(digest).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, fs::read(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
}

pub(crate) fn changed_code_is_not_loaded_but_compiled_again() {
    let lab = Lab::new();
    let (digest, path) = compiled(&lab, "trap.wasm");
    let original = fs::read(&path).unwrap();
    for position in [0, original.len() / 2, original.len() - 1] {
        let mut changed = original.clone();
        changed[position] ^= 1;
        overwrite(&path, &changed);
        let cache = reopened(&lab);
        assert!(cache.get(digest).is_none(), "a flipped bit at {position} was accepted");
        cache.get_or_compile(&exe(), &fixture("trap.wasm"), digest, CompileLimits::default()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), original);
    }
}

pub(crate) fn code_of_another_artifact_or_node_is_not_loaded() {
    let lab = Lab::new();
    let (digest, path) = compiled(&lab, "trap.wasm");
    let (_, other) = compiled(&lab, "grow.wasm");
    overwrite(&path, &fs::read(&other).unwrap());
    overwrite(&path.with_extension("mac"), &fs::read(other.with_extension("mac")).unwrap());
    assert!(reopened(&lab).get(digest).is_none(), "another artifact's code was accepted");

    let (digest, path) = compiled(&lab, "spin.wasm");
    let stranger = Lab::new();
    for file in [path.clone(), path.with_extension("mac")] {
        fs::copy(&file, stranger.dir.path().join("cache").join(file.file_name().unwrap())).unwrap();
    }
    assert!(stranger.cache.get(digest).is_none(), "another node's code was accepted");
}

pub(crate) fn the_key_is_private() {
    let lab = Lab::new();
    let dir = lab.dir.path().join("cache");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("key")), 0o600);
    let key = fs::read(dir.join("key")).unwrap();
    assert_eq!(key.len(), 32);
    drop(reopened(&lab));
    assert_eq!(fs::read(dir.join("key")).unwrap(), key, "a restart keeps the key");
    fs::write(dir.join("key"), b"short").unwrap();
    let error = Cache::open(&dir).unwrap_err().to_string();
    assert!(error.contains("is not a key"), "{error}");
}
