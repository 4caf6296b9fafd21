//! A node whose API server is away for longer than its lease holds goes on by itself, and loses nothing when it comes back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::cluster::Cluster;
use support::images::Images;
use support::scene::{self, TIMEOUT, becomes, field};

/// Longer than a lease holds, and than a node may be silent before it counts as unknown: 40 seconds each.
const ABSENCE: Duration = Duration::from_secs(60);

/// The process of a cluster that plays a role.
fn child(cluster: &Cluster, role: &str) -> Pid {
    let parent = cluster.pid().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).filter(|process| {
        let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        // proc(5): the name is in parentheses; after it come the state and the parent.
        let of = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1).map(str::to_owned));
        of.as_ref() == Some(&parent) && words.split(|byte| *byte == 0).nth(1) == Some(role.as_bytes())
    });
    let ids: Vec<i32> = processes.map(|process| process.file_name().to_str().unwrap().parse().unwrap()).collect();
    let [id] = ids.as_slice() else { panic!("{ids:?} play {role}") };
    Pid::from_raw(*id)
}

/// A stopped process that goes on with the end of the test, whatever becomes of it.
struct Stopped(Pid);

impl Stopped {
    fn new(process: Pid) -> Self {
        kill(process, Signal::SIGSTOP).unwrap();
        Self(process)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        kill(self.0, Signal::SIGCONT).unwrap();
    }
}

#[test]
fn pods_live_on_while_the_server_is_away_and_are_told_of_as_they_are() {
    let images = Images::serve();
    let cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    let container = |script: &str, fields: &str| {
        format!("{{name: main, image: '{}', args: [sh, -c, '{script}'], {fields}}}", images.busybox())
    };
    scene::create(&kubectl, &scene::pod("steady", &[&container("exec sleep 1000", "")], &[]));
    // Its only end comes while nobody can be told.
    let frail = "test -e /n/tried && exec sleep 1000; touch /n/tried; sleep 20; exit 3";
    let frail = container(frail, "volumeMounts: [{name: notes, mountPath: /n}]");
    scene::create(&kubectl, &scene::pod("frail", &[&frail], &["volumes: [{name: notes, emptyDir: {}}]"]));
    for pod in ["pod/steady", "pod/frail"] {
        kubectl.ok(&["wait", "--for=condition=Ready", pod, TIMEOUT]);
    }
    let life = ".metadata.uid} {.status.containerStatuses[0].containerID";
    let before = field(&kubectl, "pod/steady", life);
    let frail = field(&kubectl, "pod/frail", ".metadata.uid");
    let away = Stopped::new(child(&cluster, "server-role"));
    std::thread::sleep(ABSENCE);
    let returned = Timestamp::now();
    drop(away);
    kubectl.ok(&["wait", "--for=condition=Ready", "node/node", TIMEOUT]);
    becomes(&cluster, &kubectl, "pod/frail", ".status.containerStatuses[0].restartCount", "1");
    assert_eq!(field(&kubectl, "pod/frail", ".metadata.uid"), frail);
    let ended = field(&kubectl, "pod/frail", ".status.containerStatuses[0].lastState.terminated.finishedAt");
    let ended: Timestamp = ended.parse().unwrap();
    assert!(ended < returned, "it ended at {ended}, the server was back at {returned}");
    for pod in ["pod/steady", "pod/frail"] {
        becomes(&cluster, &kubectl, pod, ".status.conditions[?(@.type==\"Ready\")].status", "True");
        assert_eq!(field(&kubectl, pod, ".metadata.deletionTimestamp"), "", "{pod} is evicted by nobody");
    }
    assert_eq!(field(&kubectl, "pod/steady", life), before, "it was neither made again nor restarted");
    becomes(&cluster, &kubectl, "node/node", ".spec.taints", "");
}
