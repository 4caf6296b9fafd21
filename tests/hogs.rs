//! Containers that take all they can get end as Kubernetes documents it, the node stays well, and nothing of them is left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use support::cluster::Cluster;
use support::images::Images;
use support::kubectl::Kubectl;
use support::scene::{self, TIMEOUT, field};
use support::wait;

const NEVER: &str = "restartPolicy: Never";

/// A cluster with a pod that is well.
struct Scene {
    // Goes before the registry that it pulls from.
    cluster: Cluster,
    busybox: String,
    _images: Images,
}

impl Scene {
    /// A node with these settings, in a folder that is prepared first.
    fn new(node: &str, prepare: impl FnOnce(&Path)) -> Self {
        let images = Images::serve();
        let busybox = images.busybox();
        let cluster = Cluster::configured(|folder| {
            prepare(folder);
            format!("node: {node}\n")
        });
        let scene = Self { cluster, busybox, _images: images };
        scene.create("healthy", "trap \"exit 0\" TERM; while true; do sleep 0.2; done", &[]);
        scene.kubectl().ok(&["wait", "--for=condition=Ready", "pod/healthy", TIMEOUT]);
        scene
    }

    fn kubectl(&self) -> Kubectl {
        self.cluster.kubectl()
    }

    /// Makes a pod of one shell.
    fn create(&self, name: &str, script: &str, fields: &[&str]) {
        let mounts = if fields.iter().any(|field| field.contains("volumes:")) {
            ", volumeMounts: [{name: v, mountPath: /v}]"
        } else {
            ""
        };
        let container = format!("{{name: main, image: '{}', args: [sh, -c, '{script}']{mounts}}}", self.busybox);
        scene::create(&self.kubectl(), &scene::pod(name, &[&container], fields));
    }

    #[track_caller]
    fn becomes(&self, object: &str, path: &str, wanted: &str) {
        scene::becomes(&self.cluster, &self.kubectl(), object, path, wanted);
    }

    /// The pod that was well is, and new ones run.
    #[track_caller]
    fn is_well(&self) {
        let healthy = ".status.containerStatuses[0]['ready','restartCount']";
        assert_eq!(field(&self.kubectl(), "pod/healthy", healthy), "true 0");
        self.create("later", "echo well", &[NEVER]);
        self.becomes("pod/later", ".status.phase", "Succeeded");
    }
}

/// Processes of this machine whose command line holds these words.
fn processes(words: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.starts_with(words)).collect()
}

#[test]
fn a_fork_bomb_meets_the_limit_of_its_pod() {
    let scene = Scene::new("{podPidsLimit: 40}", |_| {});
    scene.create("bomb", "while true; do sleep 7771 & done", &[NEVER]);
    scene.becomes("pod/bomb", ".status.phase", "Failed");
    assert!(scene.kubectl().ok(&["logs", "bomb"]).contains("can't fork"));
    assert_eq!(field(&scene.kubectl(), "pod/bomb", ".status.containerStatuses[0].state.terminated.reason"), "Error");
    assert_eq!(processes("sleep 7771"), Vec::<String>::new());
    scene.is_well();
}

#[test]
fn a_process_that_leaves_its_session_ends_with_its_container() {
    let scene = Scene::new("{}", |_| {});
    // It sees the processes of the node, so that no process namespace ends it.
    let script = "setsid sh -c \"setsid sleep 7772 & sleep 7773\" & sleep 1; exit 3";
    scene.create("escape", script, &[NEVER, "hostPID: true"]);
    scene.becomes("pod/escape", ".status.containerStatuses[0].state.terminated.exitCode", "3");
    scene.kubectl().ok(&["delete", "pod", "escape", TIMEOUT]);
    let left = || [processes("sleep 7772"), processes("sleep 7773")].concat();
    let gone = wait::poll(scene::LIMIT, || left().is_empty().then_some(()));
    assert!(gone.is_some(), "{:?}", left());
    scene.is_well();
}

/// A small disk, gone with this.
struct Disk(PathBuf);

impl Disk {
    fn new(name: &str, mebibytes: u32) -> Self {
        let dir = std::env::temp_dir().join(format!("bireme-disk-{name}-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let size = format!("size={mebibytes}m,mode=0700");
        mount(Some("tmpfs"), &dir, Some("tmpfs"), MsFlags::empty(), Some(size.as_str())).unwrap();
        Self(dir)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let ended = umount2(&self.0, MntFlags::MNT_DETACH).map_err(std::io::Error::from);
        let gone = ended.and_then(|()| std::fs::remove_dir(&self.0));
        assert!(gone.is_ok() || std::thread::panicking(), "{} is left: {gone:?}", self.0.display());
    }
}

#[test]
fn who_fills_the_disk_is_evicted_and_the_node_recovers() {
    // Both the node and the server write to it, so it is filled to less than what the node wants free, and not wholly.
    let disk = Disk::new("full", 400);
    let settings = "{evictionHard: {nodefs.available: 30%}, evictionPressureTransitionPeriod: 5s}";
    let scene = Scene::new(settings, |folder| {
        std::fs::create_dir(disk.0.join("data")).unwrap();
        std::os::unix::fs::symlink(disk.0.join("data"), folder.join("data")).unwrap();
    });
    let volume = "volumes: [{name: v, emptyDir: {}}]";
    scene.create("filler", "dd if=/dev/zero of=/v/file bs=1M count=290; sleep 1000", &[volume]);
    scene.becomes("pod/filler", ".status['phase','reason']", "Failed Evicted");
    let message = field(&scene.kubectl(), "pod/filler", ".status.message");
    assert!(message.starts_with("The node was low on resource: ephemeral-storage. Threshold quantity: "), "{message}");
    let condition = ".status.conditions[?(@.type=='DiskPressure')]['status','reason']";
    scene.becomes("node/node", condition, "False KubeletHasNoDiskPressure");
    scene.becomes("node/node", ".spec.taints", "");
    scene.is_well();
}

#[test]
fn a_node_refuses_what_it_was_given_past_the_scheduler_and_cannot_hold() {
    let scene = Scene::new("{maxPods: 3}", |_| {});
    let container = |cpu: &str| {
        let resources = format!("resources: {{requests: {{cpu: '{cpu}'}}}}");
        format!("{{name: main, image: '{}', args: [sleep, '1000'], {resources}}}", scene.busybox)
    };
    let bound = |name: &str, cpu: &str| {
        scene::create(&scene.kubectl(), &scene::pod(name, &[&container(cpu)], &["nodeName: node"]));
    };
    bound("greedy", "1000");
    scene.becomes("pod/greedy", ".status['phase','reason']", "Failed OutOfcpu");
    let message = field(&scene.kubectl(), "pod/greedy", ".status.message");
    let words = "Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: 0, capacity: ";
    assert!(message.starts_with(words), "{message}");

    for name in ["first", "second"] {
        bound(name, "1m");
        scene.becomes(&format!("pod/{name}"), ".status.phase", "Running");
    }
    bound("third", "1m");
    scene.becomes("pod/third", ".status['phase','reason']", "Failed OutOfpods");
    // The places of those that go are free at once.
    scene.kubectl().ok(&["delete", "pod", "first", "third", "greedy", TIMEOUT]);
    scene.is_well();
}
