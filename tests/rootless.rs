//! A cluster that an ordinary user starts: Wasm containers run, and what needs root says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::BIREME;
use support::cluster::Cluster;
use support::images::Images;

/// A user and group that own nothing.
const USER: u32 = 61_111;
/// Until a pod of small images has done what it should, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// The same for kubectl.
const TIMEOUT: &str = "--timeout=60s";

/// A pod that runs once; its specification continues with these lines.
fn pod(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: Never\n  \
         terminationGracePeriodSeconds: 1\n{spec}"
    )
}

/// A pod that serves HTTP on that port.
fn server(name: &str, image: &str, port: u16) -> String {
    pod(name, &format!("  containers: [{{name: main, image: '{image}', ports: [{{containerPort: {port}}}]}}]\n"))
}

/// Waits until a field of a pod holds that text.
#[track_caller]
fn says(cluster: &mut Cluster, name: &str, field: &str, wanted: &str) {
    let kubectl = cluster.kubectl();
    let path = format!("jsonpath={{.status.{field}}}");
    cluster.wait_until(&format!("{field} of pod {name} holds {wanted:?}"), LIMIT, |_| {
        kubectl.ok(&["get", "pod", name, "-o", &path]).contains(wanted).then_some(())
    });
}

/// An answer from this machine's loopback.
fn fetch(port: u16, path: &str) -> String {
    support::http::get("127.0.0.1", port, path)
}

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn wasm_runs_with_its_volumes_and_a_linux_image_asks_for_root() {
    let images = Images::serve();
    let mut cluster = Cluster::start_as(USER);
    let kubectl = cluster.kubectl();
    kubectl.ok(&["wait", "--for=condition=Ready", "node/node", TIMEOUT]);
    let label = "jsonpath={.metadata.labels.bireme\\.dev/sandbox-linux}";
    assert_eq!(kubectl.ok(&["get", "node", "node", "-o", label]), "false");

    kubectl.create("{apiVersion: v1, kind: Secret, metadata: {name: door}, stringData: {key: open}}");
    let container = format!(
        "  securityContext: {{fsGroup: 2000}}
  containers:
  - name: main
    image: '{}'
    args: [one, two]
    volumeMounts: [{{name: scratch, mountPath: /scratch}}, {{name: door, mountPath: /door}}]
  volumes: [{{name: scratch, emptyDir: {{medium: Memory}}}}, {{name: door, secret: {{secretName: door}}}}]
",
        images.guest("hello-cli")
    );
    kubectl.create(&pod("guest", &container));
    says(&mut cluster, "guest", "phase", "Succeeded");
    let logs = kubectl.ok(&["logs", "guest"]);
    assert!(logs.contains("one") && logs.contains("two"), "{logs}");

    let busybox = images.busybox();
    kubectl.create(&pod("native", &format!("  containers: [{{name: main, image: '{busybox}', args: [\"true\"]}}]\n")));
    says(&mut cluster, "native", "containerStatuses[0].state.waiting.message", "needs root");
    kubectl.ok(&["delete", "pod", "native", "guest", TIMEOUT]);
    let said = cluster.stop();
    assert!(said.contains("without root: Wasm containers run"), "{said}");
}

#[test]
fn a_served_port_is_one_pods_and_outlives_the_node() {
    let images = Images::serve();
    let mut cluster = Cluster::start_as(USER);
    let kubectl = cluster.kubectl();
    let (port, image) = (free_port(), images.guest("http-cases"));
    kubectl.create(&server("first", &image, port));
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/first", TIMEOUT]);
    assert!(fetch(port, "/at-first").contains("/at-first"));

    kubectl.create(&server("second", &image, port));
    let ended = "containerStatuses[0].state.terminated.message";
    says(&mut cluster, "second", ended, &format!("listen on port {port}: Address already in use"));

    let container = ["get", "pod", "first", "-o", "jsonpath={.status.containerStatuses[0].containerID}"];
    let before = kubectl.ok(&container);
    cluster.stop();
    assert!(fetch(port, "/alone").contains("/alone"), "the pod goes on without its node");
    let root = Command::new(BIREME).args(["down", "--data-dir"]).arg(cluster.data()).output().unwrap();
    let refusal = String::from_utf8_lossy(&root.stderr);
    assert!(!root.status.success() && refusal.contains("made without root"), "{refusal}");

    cluster.restart();
    let kubectl = cluster.kubectl();
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/first", TIMEOUT]);
    assert_eq!(kubectl.ok(&container), before, "the pod was taken up, not started again");
    assert!(fetch(port, "/again").contains("/again"));

    let shim = cluster
        .wait_until("only the pod that goes on has a shim", LIMIT, |cluster| <[Pid; 1]>::try_from(shims(cluster)).ok());
    kill(shim[0], Signal::SIGKILL).unwrap();
    cluster.wait_until("the worker is gone with its shim", LIMIT, |_| TcpListener::bind(("0.0.0.0", port)).ok());
    says(&mut cluster, "first", "phase", "Failed");
}

/// The shims of a cluster that runs as [`USER`], whose program is in the folder.
fn shims(cluster: &Cluster) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let shims = processes.filter(|process| {
        let program = std::fs::read_link(process.path().join("exe")).unwrap_or_default();
        let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        program.starts_with(cluster.folder()) && name == "bireme-shim\n"
    });
    shims.map(|shim| Pid::from_raw(shim.file_name().to_str().unwrap().parse().unwrap())).collect()
}
