//! What of the node is shown in a container, and what is shared with it later.

use std::fs;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use runtime::contract::{Mount, Propagation, Security};

use crate::pod::Fixture;

/// A small file system of the node's, gone with the check.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn at(path: &Path) -> Self {
        fs::create_dir_all(path).unwrap();
        mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
        Self(path.to_owned())
    }

    /// What is mounted below it is seen by copies of it, and the other way round.
    fn shared(path: &Path) -> Self {
        let made = Self::at(path);
        mount(None::<&str>, path, None::<&str>, MsFlags::MS_SHARED, None::<&str>).unwrap();
        made
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // A failed check may have left something mounted inside.
        umount2(&self.0, MntFlags::MNT_DETACH).ok();
    }
}

/// `readOnly` is about the volume, `recursiveReadOnly` also about what is mounted inside.
pub(crate) fn read_only_reaches_as_deep_as_asked() {
    let mut fixture = Fixture::new();
    let volume = fixture.dir.path().join("volume");
    fs::create_dir(&volume).unwrap();
    let _inner = Tmpfs::at(&volume.join("inner"));
    fixture.mounts.push(Mount::new(&volume, "/flat", true));
    fixture.mounts.push(Mount { recursive: true, ..Mount::new(&volume, "/deep", true) });
    let script = "for f in /flat/x /flat/inner/x /deep/x /deep/inner/y; do touch $f 2>/dev/null && echo $f; done";
    fixture.check(script, "/flat/inner/x");
}

/// `mountPropagation` in its three forms, both ways.
pub(crate) fn later_mounts_are_shared_as_asked() {
    let check = |propagation, seen_inside: &str, seen_outside: bool| {
        let mut fixture = Fixture::new();
        let volume = fixture.dir.path().join("volume");
        let _shared = Tmpfs::shared(&volume);
        for name in ["from-node", "from-container"] {
            fs::create_dir(volume.join(name)).unwrap();
        }
        fixture.security = Security { privileged: true, ..Security::default() };
        fixture.mounts.push(Mount { propagation, ..Mount::new(&volume, "/volume", false) });
        let script = "mount -t tmpfs x /volume/from-container && echo inside > /volume/from-container/file; \
                      until test -e /volume/go; do sleep 0.02; done; cat /volume/from-node/file 2>/dev/null || echo nothing";
        let (reader, stdio) = crate::pod::pipes();
        let started = fixture.start(&["sh", "-c", script], stdio).unwrap();
        let later = Tmpfs::at(&volume.join("from-node"));
        fs::write(volume.join("from-node/file"), "of the node\n").unwrap();
        fs::write(volume.join("go"), "").unwrap();
        assert_eq!(crate::pod::finish(&started, reader).output.trim_end(), seen_inside, "{propagation:?}");
        assert_eq!(volume.join("from-container/file").exists(), seen_outside, "{propagation:?}");
        drop(later);
        if seen_outside {
            umount2(&volume.join("from-container"), MntFlags::MNT_DETACH).unwrap();
        }
    };
    check(Propagation::None, "nothing", false);
    check(Propagation::HostToContainer, "of the node", false);
    check(Propagation::Bidirectional, "of the node", true);
}

/// A privileged container works with the node's devices, in `/dev` and in a volume; another cannot.
pub(crate) fn devices_are_for_privileged_containers() {
    let mut fixture = Fixture::new();
    fixture.mounts.push(Mount::new("/dev", "/node-dev", false));
    let script = "cat /node-dev/null 2>/dev/null && echo opened || echo refused; ls -d /dev/kmsg 2>/dev/null; \
                  ls -d /dev/net/tun 2>/dev/null; echo end";
    fixture.check(script, "refused\nend");
    fixture.security = Security { privileged: true, ..Security::default() };
    let deep = if Path::new("/dev/net/tun").exists() { "/dev/net/tun\n" } else { "" };
    let script = "cat /node-dev/null && echo opened; ls -d /dev/kmsg; ls -d /dev/net/tun 2>/dev/null; echo end";
    fixture.check(script, &format!("opened\n/dev/kmsg\n{deep}end"));
}
