//! Volumes on a real file system. Needs root, for tmpfs and bind mounts.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
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

/// CVE-2017-1002101, CVE-2021-25741: a container exchanges a directory of its volume with a link while another one starts.
#[test]
fn a_sub_path_that_is_exchanged_meanwhile_never_shows_the_node() {
    const STARTS: usize = 200;
    /// More than a busy machine needs until a start has met an exchange, and another none.
    const STARTS_MAX: usize = 20_000;
    assert!(nix::unistd::geteuid().is_root(), "bind mounts need root");
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs::create_dir_all(outside.join("below")).unwrap();
    fs::write(outside.join("below/secret"), "of the node").unwrap();
    let volumes = Volumes::new(dir.path().join("pod"), None);
    let source = Source::EmptyDir { memory: false, limit: None, mode: 0o777 };
    let jobs = [Job { name: "v".to_owned(), source, payload: BTreeMap::new() }];
    volumes.prepare(&jobs, "one").unwrap();
    let at = dir.path().join("pod/volumes/v");
    fs::create_dir_all(at.join("turn/below")).unwrap();
    symlink(&outside, at.join("link")).unwrap();
    let over = AtomicBool::new(false);
    let (mut shown, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // At every pace: a start that takes longer than the directory stays is always refused.
            for pause in (0..100).cycle().take_while(|_| !over.load(Ordering::Relaxed)) {
                renameat2(AT_FDCWD, &at.join("turn"), AT_FDCWD, &at.join("link"), RenameFlags::RENAME_EXCHANGE)
                    .unwrap();
                std::thread::sleep(std::time::Duration::from_micros(pause * 20));
            }
        });
        for start in 0..STARTS_MAX {
            if start >= STARTS && shown > 0 && refused > 0 {
                break;
            }
            match volumes.mounts(&jobs, "c", &[wish("turn/below")]) {
                Ok(mounts) => {
                    shown += 1;
                    assert!(!mounts[0].host.join("secret").exists(), "the node is shown in a container");
                }
                Err(_) => refused += 1,
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(shown > 0 && refused > 0, "no race was run: {shown} shown, {refused} refused");
    assert_eq!(fs::read_dir(outside.join("below")).unwrap().count(), 1, "something was made on the node");
    volumes.remove_pod().unwrap();
    assert!(outside.join("below/secret").exists());
}
