//! Pods with ids of their own.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::sync::Arc;

use nix::sched::{CloneFlags, setns};
use runtime::contract::Security;
use runtime::linux::{IdRange, Stdio, UserNamespace};

use crate::exec::{run, sleeping};
use crate::pod::{Fixture, finish};

/// Any range that nobody on the node has.
const FIRST: u32 = 1_999_962_112;

fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.users = Some(Arc::new(UserNamespace::new(IdRange(FIRST)).unwrap()));
    fixture
}

/// Root inside is the range's first id outside, and files of image and volume keep their owners.
pub(crate) fn root_inside_is_nobody_on_the_node() {
    let mut fixture = fixture();
    let data = fixture.volume("data", "/data", false);
    fs::write(data.join("before"), "").unwrap();
    chown(data.join("before"), Some(33), Some(33)).unwrap();
    let map = format!("0 {FIRST} 65536");
    fixture.check("cat /proc/self/uid_map | while read a b c; do echo $a $b $c; done", &map);
    fixture.check(
        "stat -c %u:%g / /bin /bin/busybox /data /data/before /dev /dev/shm",
        "0:0\n0:0\n0:0\n0:0\n33:33\n0:0\n0:0",
    );
    fixture.check("touch /data/made /made && chown 7:8 /data/made && stat -c %u:%g /data/made /made", "7:8\n0:0");
    let made = data.join("made").metadata().unwrap();
    assert_eq!((made.uid(), made.gid()), (7, 8), "a volume's files keep their ids on the node");
    let upper = fixture.dir.path().join("upper/made").metadata().unwrap();
    assert_eq!(upper.uid(), FIRST, "the writable layer is the pod's");
    assert_eq!(fixture.image().metadata().unwrap().uid(), 0, "a layer is not changed");

    let started = sleeping(&fixture);
    let owner = fs::metadata(format!("/proc/{}", started.pid)).unwrap().uid();
    assert_eq!(owner, FIRST);
    let script = "echo $(id -u) $(stat -c %u /proc/1); test /proc/1/ns/user -ef /proc/self/ns/user && echo same; touch /by-exec && stat -c %u /by-exec";
    assert_eq!(run(&fixture, &started, &["sh", "-c", script]).output, "0 0\nsame\n0\n");
}

/// Users of the image, capabilities and terminals work as without.
pub(crate) fn containers_work_as_usual() {
    let mut fixture = fixture();
    fixture.check("hostname; echo $$; echo x > /dev/null && echo y > /dev/shm/y && cat /dev/shm/y", "pod-a\n1\ny");
    fixture.check(
        "grep -E '^(CapEff|Seccomp:)' /proc/self/status | while read a b; do echo $b; done",
        "00000000a80425fb\n2",
    );
    fixture.image_user = Some("web".to_owned());
    fixture.cwd = "/made/here".into();
    fixture
        .check("echo $(id -u):$(id -g):$(id -G); pwd; echo by name > /dev/stdout", "33:33:33 44\n/made/here\nby name");
    let mut started = fixture.start(&["sh", "-c", "tty; stat -c %u:%G $(tty)"], Stdio::Terminal).unwrap();
    let console = started.console.take().expect("the master comes back");
    assert_eq!(finish(&started, console).output, "/dev/pts/0\r\n33:UNKNOWN\r\n");
    fixture.security.user = Some(70_000);
    let error = fixture.run(&["true"]).unwrap_err().to_string();
    assert_eq!(error, "id 70000 is beyond the 65536 ids of a pod with hostUsers: false");
}

/// Even with all capabilities a container is nobody outside: no write to what is root's, no uncovering of what is covered.
pub(crate) fn capabilities_end_at_the_pod() {
    let mut fixture = fixture();
    let private = fixture.dir.path().join("private");
    fs::write(&private, "secret").unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
    fixture.security = Security { add_capabilities: vec!["ALL".to_owned()], ..Security::default() };
    fixture.check("mount -t tmpfs x /tmp && echo mounted", "mounted");
    fixture.check("umount /proc/interrupts 2>/dev/null || echo stays; wc -c < /proc/interrupts", "stays\n0");
    fixture.check(
        "mount -o remount,rw /proc/sys 2>/dev/null; echo 1 2>/dev/null > /proc/sys/kernel/panic || echo refused",
        "refused",
    );
    fixture.security = Security { privileged: true, ..Security::default() };
    fixture.check("echo 1 2>/dev/null > /proc/sys/kernel/panic || echo refused", "refused");
    fixture.check("mknod /tmp/disk b 254 0 2>/dev/null || echo refused", "refused");
    // The control: without ids of its own the same container may.
    fixture.users = None;
    fixture.check("mknod /tmp/disk b 254 0 2>/dev/null || echo refused", "");
}

/// This process' namespaces, to which it comes back when a check is over.
struct Home(Vec<File>);

impl Home {
    fn leave(kinds: &[&str]) -> Self {
        Self(kinds.iter().map(|kind| File::open(format!("/proc/self/ns/{kind}")).unwrap()).collect())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|namespace| setns(namespace, CloneFlags::empty()).unwrap());
    }
}

/// What is the pod's belongs to the pod: rights over network and host name count there, and nowhere else.
pub(crate) fn network_and_host_name_are_the_pods_own() {
    let script = "busybox ip addr add 10.9.8.7/32 dev lo 2>/dev/null && busybox ip link set lo mtu 1400 2>/dev/null && \
                  cat /sys/class/net/lo/mtu || echo refused; hostname mine 2>/dev/null && hostname || echo refused";
    let rights =
        Security { add_capabilities: vec!["NET_ADMIN".to_owned(), "SYS_ADMIN".to_owned()], ..Security::default() };
    // The control: the network that this process is in belongs to the node.
    let mut of_node = fixture();
    of_node.security = rights.clone();
    of_node.check(script, "refused\nrefused");

    let home = Home::leave(&["net", "ipc", "uts"]);
    let network = UserNamespace::network(IdRange(FIRST)).unwrap();
    let users = UserNamespace::of_network(network.as_fd(), IdRange(FIRST)).unwrap();
    setns(&network, CloneFlags::CLONE_NEWNET).unwrap();
    users.enter_new(CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS).unwrap();
    let mut own = Fixture::new();
    own.users = Some(Arc::new(users));
    own.security = rights;
    own.check(script, "1400\nmine");
    own.security = Security::default();
    own.check(script, "refused\nrefused");
    drop(home);
}
