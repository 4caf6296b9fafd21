//! What a cluster keeps when its processes are killed in the middle of work, and what it leaves when it should keep nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, ObjectMeta, PostParams, WatchEvent, WatchParams};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::cluster::Cluster;
use support::images::Images;
use support::kubectl::Kubectl;
use support::machine::{self, Process};
use support::scene::{self, LIMIT, TIMEOUT, field};
use support::{BIREME, leftovers, wait};

/// Writes that are acknowledged before the blow, and how many are on their way at any time.
const WRITES: usize = 100;
const WRITERS: usize = 8;
/// Length of a watch of what has happened already.
const WATCH_SECONDS: u32 = 3;
/// Until nothing of a killed ephemeral cluster is left.
const CLEAN: Duration = Duration::from_secs(30);

/// A pod of both kinds that goes on until it is asked to end; the Linux one counts.
fn lasting(images: &Images) -> String {
    let script = "trap \"exit 0\" TERM; n=0; while true; do n=$((n+1)); echo line $n; sleep 0.1; done";
    let linux = format!("{{name: linux, image: '{}', args: [sh, -c, '{script}']}}", images.busybox());
    let wasm = format!("{{name: wasm, image: '{}', ports: [{{containerPort: 8080}}]}}", images.guest("http-cases"));
    scene::pod("lasting", &[&linux, &wasm], &[])
}

fn start_lasting(kubectl: &Kubectl, images: &Images) {
    scene::create(kubectl, &lasting(images));
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/lasting", TIMEOUT]);
}

/// What tells one life of a pod from another, to the kernel and to the API.
#[derive(Debug, PartialEq, Eq)]
struct Life {
    processes: Vec<(Process, Option<String>)>,
    containers: String,
    restarts: String,
    ip: String,
}

fn life(cluster: &Cluster) -> Life {
    let kubectl = cluster.kubectl();
    let field = |path: &str| field(&kubectl, "pod/lasting", path);
    Life {
        processes: processes(cluster, &field(".metadata.uid")),
        containers: field(".status.containerStatuses[*].containerID"),
        restarts: field(".status.containerStatuses[*].restartCount"),
        ip: field(".status.podIP"),
    }
}

/// The first processes of the pod's containers; their children come and go.
fn processes(cluster: &Cluster, uid: &str) -> Vec<(Process, Option<String>)> {
    let group = machine::pod_group(cluster.instance(), uid);
    let all = group.map(|group| machine::processes(&group)).unwrap_or_default();
    let first = all.iter().filter(|process| process.parent().is_some_and(|parent| !all.contains(&parent)));
    first.map(|process| (*process, process.started())).collect()
}

/// Objects written over the API, by many at once, until the API is gone.
struct Writers {
    acknowledged: mpsc::Receiver<String>,
    _tasks: tokio::runtime::Runtime,
}

impl Writers {
    fn start(cluster: &Cluster) -> Self {
        let tasks = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let objects = tasks.block_on(config_maps(cluster));
        let (sender, acknowledged) = mpsc::channel();
        for writer in 0..WRITERS {
            let (objects, sender) = (objects.clone(), sender.clone());
            tasks.spawn(async move {
                for number in 0.. {
                    let name = format!("written-{writer}-{number}");
                    let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
                    let object = ConfigMap { metadata, ..ConfigMap::default() };
                    let written = objects.create(&PostParams::default(), &object).await;
                    if written.is_err() || sender.send(name).is_err() {
                        break;
                    }
                }
            });
        }
        Self { acknowledged, _tasks: tasks }
    }

    /// Waits for some acknowledged writes, deals the blow while others are on their way, and returns all that were
    /// acknowledged.
    fn interrupted_by(self, blow: impl FnOnce()) -> BTreeSet<String> {
        let mut names: BTreeSet<String> =
            (0..WRITES).map(|_| self.acknowledged.recv_timeout(LIMIT).expect("the API takes writes")).collect();
        blow();
        // Every writer hears from its last request, and then lets go of the channel.
        let end = Instant::now() + LIMIT;
        while let Ok(name) = self.acknowledged.recv_timeout(end.saturating_duration_since(Instant::now())) {
            names.insert(name);
        }
        names
    }
}

async fn config_maps(cluster: &Cluster) -> Api<ConfigMap> {
    let file = kube::config::Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default()).await.unwrap();
    Api::default_namespaced(kube::Client::try_from(config).unwrap())
}

/// Names of all ConfigMaps, and the revision at which they were listed.
fn stored(cluster: &Cluster) -> (BTreeSet<String>, String) {
    let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let all = tasks.block_on(async { config_maps(cluster).await.list(&ListParams::default()).await.unwrap() });
    let names = all.items.into_iter().filter_map(|object| object.metadata.name).collect();
    (names, all.metadata.resource_version.unwrap())
}

/// Names of the ConfigMaps of whose creation a watch tells that goes on from a revision of an earlier life of the server.
fn told(cluster: &Cluster, from: &str) -> BTreeSet<String> {
    let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tasks.block_on(async {
        let objects = config_maps(cluster).await;
        let events = objects.watch(&WatchParams::default().timeout(WATCH_SECONDS), from).await.unwrap();
        let added = events.map(|event| match event.unwrap() {
            WatchEvent::Added(object) => object.metadata.name,
            WatchEvent::Error(status) => panic!("the watch cannot go on: {status:?}"),
            _ => None,
        });
        added.filter_map(std::future::ready).collect().await
    })
}

fn strike(victim: Process) {
    kill(Pid::from_raw(victim.0), Signal::SIGKILL).unwrap();
}

/// Kills a process of the cluster amid writes; afterwards, everything acknowledged is there and the pod never noticed.
/// `victim` is the role of a child, or nothing for the parent.
#[track_caller]
fn check(victim: Option<&str>) {
    let images = Images::serve();
    let mut cluster = Cluster::start();
    start_lasting(&cluster.kubectl(), &images);
    let before = life(&cluster);
    assert_eq!(before.restarts, "0 0");
    assert!(before.processes.len() >= 2, "{before:?}");
    let uid = field(&cluster.kubectl(), "pod/lasting", ".metadata.uid");

    let (_, from) = stored(&cluster);
    let writers = Writers::start(&cluster);
    let acknowledged = writers.interrupted_by(|| match victim {
        None => cluster.kill(),
        Some(role) => {
            strike(machine::child(&cluster, role));
            let (code, said) = cluster.ended();
            assert!(code != Some(0) && code.is_some(), "exit code {code:?}: {said}");
            assert!(said.contains(&format!("the {role} process ended: signal: 9")), "{said}");
            assert!(said.contains("see the logs in"), "{said}");
        }
    });
    assert_eq!(processes(&cluster, &uid), before.processes, "the pod goes on without us");

    cluster.restart();
    let kubectl = cluster.kubectl();
    let lost: Vec<_> = acknowledged.difference(&stored(&cluster).0).cloned().collect();
    assert!(lost.is_empty(), "{} of {} acknowledged writes are lost: {lost:?}", lost.len(), acknowledged.len());
    let untold: Vec<_> = acknowledged.difference(&told(&cluster, &from)).cloned().collect();
    assert!(untold.is_empty(), "a watch that goes on does not tell of {untold:?}");
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/lasting", TIMEOUT]);
    assert_eq!(life(&cluster), before);
    // The node that took the pod up reads what the pod says from now on, and nothing of what it said before is lost.
    let count = || kubectl.ok(&["logs", "lasting", "-c", "linux"]).lines().count();
    let seen = count();
    scene::create(&kubectl, "{apiVersion: v1, kind: ConfigMap, metadata: {name: after}}");
    cluster.wait_until("the pod goes on logging", LIMIT, |_| (count() > seen).then_some(()));
    let logs = kubectl.ok(&["logs", "lasting", "-c", "linux"]);
    let complete = logs.lines().enumerate().all(|(at, line)| line == format!("line {}", at + 1));
    assert!(complete, "{logs}");
    // It obeys, too.
    kubectl.ok(&["delete", "pod", "lasting", TIMEOUT]);
    cluster.wait_until("its processes end", LIMIT, |cluster| processes(cluster, &uid).is_empty().then_some(()));
}

#[test]
fn nothing_is_lost_when_the_parent_is_killed() {
    check(None);
}

#[test]
fn nothing_is_lost_when_the_server_is_killed() {
    check(Some("server-role"));
}

#[test]
fn nothing_is_lost_when_the_node_is_killed() {
    check(Some("node-role"));
}

#[test]
fn ctrl_c_leaves_pods_running_and_down_ends_them() {
    let images = Images::serve();
    let mut cluster = Cluster::start();
    start_lasting(&cluster.kubectl(), &images);
    let before = life(&cluster);
    let uid = field(&cluster.kubectl(), "pod/lasting", ".metadata.uid");
    let said = cluster.stop();
    assert!(said.contains("pods keep running"), "{said}");
    assert_eq!(processes(&cluster, &uid), before.processes);
    let down = Command::new(BIREME).args(["down", "--data-dir"]).arg(cluster.data()).output().unwrap();
    assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
    assert_eq!(processes(&cluster, &uid), []);
    assert_eq!(leftovers::of(cluster.instance(), cluster.folder()), Vec::<String>::new());
    // What is wanted is still known, so that the next start runs it anew.
    cluster.restart();
    let kubectl = cluster.kubectl();
    let ids = |cluster: &mut Cluster| {
        let ids = field(&kubectl, "pod/lasting", ".status.containerStatuses[*].containerID");
        (!processes(cluster, &uid).is_empty() && ids != before.containers).then_some(())
    };
    cluster.wait_until("the pod runs again", LIMIT, ids);
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/lasting", TIMEOUT]);
}

#[test]
fn a_killed_ephemeral_cluster_leaves_nothing() {
    let images = Images::serve();
    let mut cluster = Cluster::ephemeral();
    start_lasting(&cluster.kubectl(), &images);
    let (data, instance) = (cluster.data(), cluster.instance().to_owned());
    let left = |cluster: &Cluster| {
        let mut left = leftovers::of(&instance, cluster.folder());
        left.extend(data.exists().then(|| data.display().to_string()));
        left
    };
    assert!(left(&cluster).len() > 5, "what is looked for is there before: {:?}", left(&cluster));
    cluster.kill();
    if wait::poll(CLEAN, || left(&cluster).is_empty().then_some(())).is_none() {
        panic!("left {CLEAN:?} after the end: {:#?}", left(&cluster));
    }
}
