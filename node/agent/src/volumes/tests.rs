//! Volumes on a real file system. Needs root, for tmpfs and bind mounts.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use runtime::contract::Propagation;

use super::payload::Content;
use super::*;

fn files(secret: bool, files: &[(&str, &str)]) -> Job {
    let content = |text: &str| Content { bytes: text.as_bytes().to_vec(), mode: 0o640 };
    let payload: BTreeMap<_, _> = files.iter().map(|(path, text)| ((*path).to_owned(), content(text))).collect();
    Job { name: "v".to_owned(), source: Source::Files { parts: Vec::new(), mode: 0o644, secret }, payload }
}

fn wish(sub_path: &str) -> Wish {
    Wish {
        volume: "v".to_owned(),
        path: "/v".to_owned(),
        sub_path: sub_path.to_owned(),
        read_only: false,
        recursive: false,
        propagation: Propagation::None,
    }
}

#[test]
fn files_are_exchanged_at_once_and_only_when_they_change() {
    assert!(nix::unistd::geteuid().is_root(), "mounting tmpfs needs root");
    let dir = tempfile::tempdir().unwrap();
    let volumes = Volumes::new(dir.path().join("pod"), None);
    let at = dir.path().join("pod/volumes/v");
    volumes.prepare(&[files(true, &[("a", "1"), ("d/b", "2")])], "one").unwrap();
    assert_eq!(fs::read_to_string(at.join("d/b")).unwrap(), "2");
    assert_eq!(fs::metadata(at.join("a")).unwrap().permissions().mode() & 0o777, 0o640);
    volumes.prepare(&[files(true, &[("a", "1"), ("d/b", "2")])], "two").unwrap();
    assert_eq!(fs::read_link(at.join("..data")).unwrap(), Path::new("..one"), "nothing changed, nothing was written");
    volumes.prepare(&[files(true, &[("a", "3")])], "three").unwrap();
    assert_eq!(fs::read_to_string(at.join("a")).unwrap(), "3");
    assert!(!at.join("d").exists() && !at.join("..one").exists());
    volumes.remove_pod().unwrap();
    assert!(!dir.path().join("pod").exists());
}

#[test]
fn a_sub_path_never_leaves_its_volume() {
    assert!(nix::unistd::geteuid().is_root(), "bind mounts need root");
    let dir = tempfile::tempdir().unwrap();
    let volumes = Volumes::new(dir.path().join("pod"), None);
    let job = Job {
        name: "v".to_owned(),
        source: Source::EmptyDir { memory: false, limit: None, mode: 0o777 },
        payload: BTreeMap::new(),
    };
    let jobs = [job];
    volumes.prepare(&jobs, "one").unwrap();
    let at = dir.path().join("pod/volumes/v");
    symlink("/etc", at.join("out")).unwrap();
    assert!(volumes.mounts(&jobs, "c", &[wish("out/cron.d")]).is_err(), "a link out of the volume is refused");
    let mounts = volumes.mounts(&jobs, "c", &[wish("new/dir")]).unwrap();
    fs::write(mounts[0].host.join("f"), "x").unwrap();
    assert_eq!(fs::read_to_string(at.join("new/dir/f")).unwrap(), "x");
    volumes.remove_pod().unwrap();
    assert!(Path::new("/etc/passwd").exists() && !dir.path().join("pod").exists());
}
