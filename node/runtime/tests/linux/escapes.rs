//! What a hostile image or process tries.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use runtime::contract::Mount;
use runtime::linux::open_read_only;

use crate::pod::Fixture;

pub(crate) fn read_only_and_hidden_files() {
    let mut fixture = Fixture::new();
    fixture.check("cat /proc/kcore 2>/dev/null | wc -c; wc -c < /proc/interrupts; ls /sys/firmware | wc -l", "0\n0\n0");
    fixture.check("echo 1 2>/dev/null > /proc/sys/kernel/panic || echo refused", "refused");
    fixture.check("touch /sys/x 2>/dev/null || echo refused; ls /sys/fs/cgroup | grep -c memory.limit", "refused\n0");
    fixture.check("touch /x && echo ok", "ok");
    fixture.security.read_only_root = true;
    let data = fixture.volume("data", "/data", false);
    fixture.volume("fixed", "/fixed", true);
    let script = "for f in /y /data/y /fixed/y /dev/shm/y; do touch $f 2>/dev/null && echo $f; done";
    fixture.check(script, "/data/y\n/dev/shm/y");
    assert!(data.join("y").exists());
}

pub(crate) fn mounts_follow_no_link_out() {
    let mut fixture = Fixture::new();
    let outside = fixture.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    // An absolute link and one that climbs: both are meant inside the container, where mount points are made.
    symlink(&outside, fixture.image().join("absolute")).unwrap();
    symlink("../../../../../../../..", fixture.image().join("climbing")).unwrap();
    fs::create_dir_all(fixture.image().join(outside.strip_prefix("/").unwrap())).unwrap();
    let data = fixture.volume("data", "/absolute/data", false);
    fs::write(data.join("file"), "in the volume").unwrap();
    fixture.mounts.push(Mount::new(data, "/climbing/below", true));
    fixture.check("cat /absolute/data/file; echo; cat /below/file", "in the volume\nin the volume");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "a mount point was made on the node");
    assert!(!Path::new("/below").exists());

    let refused = |link: &str, container: &str, expected: &str| {
        let mut fixture = Fixture::new();
        symlink(link, fixture.image().join("link")).unwrap();
        fixture.volume("data", container, false);
        let error = fixture.run(&["true"]).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    };
    refused("/proc/self/root/tmp", "/link/x", "too many symbolic links encountered");
    refused("/nowhere", "/link/x", "no such file or directory");
    refused("/proc", "/link/sys", "operation not permitted");

    let fixture = Fixture::new();
    symlink("/tmp", fixture.image().join("proc")).unwrap();
    let error = fixture.run(&["true"]).unwrap_err().to_string();
    assert_eq!(error, "cannot mount proc on /proc: too many symbolic links encountered");
}

/// CVE-2019-5736: an image names the node's program as its own.
pub(crate) fn own_program_is_refused() {
    let fixture = Fixture::new();
    symlink("/proc/self/exe", fixture.image().join("bin/evil")).unwrap();
    let error = fixture.run(&["evil"]).unwrap_err().to_string();
    assert_eq!(error, r#"exec: "evil": permission denied: it leads to the node's own program"#);
    let error = fixture.run(&["/proc/self/exe"]).unwrap_err().to_string();
    assert_eq!(error, r#"exec: "/proc/self/exe": permission denied: it leads to the node's own program"#);
    assert!(!nix::sys::prctl::get_dumpable().unwrap(), "a launching process can be traced");
}

/// CVE-2019-5736: whoever gets at the program of a process of ours cannot write it.
pub(crate) fn read_only_view_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    fs::copy("/bin/busybox", &program).unwrap();
    let view = open_read_only(&program).unwrap();
    let path = format!("/proc/self/fd/{}", view.as_raw_fd());
    let refused = OpenOptions::new().write(true).open(&path).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EROFS), "{refused}");
    let output = std::process::Command::new(&path).arg0_busybox().output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "it runs\n");
}

trait Arg0 {
    fn arg0_busybox(&mut self) -> &mut Self;
}

impl Arg0 for std::process::Command {
    fn arg0_busybox(&mut self) -> &mut Self {
        use std::os::unix::process::CommandExt;
        self.arg0("busybox").args(["echo", "it", "runs"])
    }
}

/// CVE-2024-21626: a descriptor of the node as the way out.
pub(crate) fn no_descriptor_of_the_node_is_inherited() {
    let node = File::open("/").unwrap();
    // As a careless library would: not closed on exec.
    let leaked = nix::unistd::dup(&node).unwrap();
    let mut fixture = Fixture::new();
    fixture.check("ls /proc/self/fd | wc -l", "4");
    for fd in [node.as_raw_fd(), leaked.as_raw_fd()].into_iter().chain(3..32) {
        fixture.cwd = format!("/proc/self/fd/{fd}").into();
        let error = fixture.run(&["pwd"]).unwrap_err().to_string();
        assert!(error.starts_with("cannot enter working directory /proc/self/fd/"), "{error}");
    }
}

pub(crate) fn devices_made_inside_open_nothing() {
    let fixture = Fixture::new();
    let script = "mknod /tmp/null c 1 3 && mknod /dev/null2 c 1 3 && cat /dev/null && for f in /tmp/null /dev/null2; do \
                  cat $f 2>/dev/null && echo $f opened; done; ls /dev | sort | while read d; do echo -n \"$d \"; done";
    fixture.check(script, "fd full mqueue null null2 ptmx pts random shm stderr stdin stdout tty urandom zero");
}
