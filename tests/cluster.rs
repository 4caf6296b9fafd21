//! A cluster as a whole: it keeps what it should and leaves what it should not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::process::Command;
use std::time::Duration;

use support::cluster::Cluster;
use support::images::Images;
use support::{BIREME, wait};

/// Until the node has noticed something.
const LIMIT: Duration = Duration::from_secs(60);

/// A pod that goes on until it is asked to end.
fn lasting(image: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: lasting}}, spec: {{terminationGracePeriodSeconds: 1, containers: \
         [{{name: main, image: '{image}', args: [sh, -c, 'trap \"exit 0\" TERM; while true; do sleep 0.1; done']}}]}}}}"
    )
}

/// What tells one life of the container from another.
const LIFE: &str = "jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}";

#[test]
fn pods_and_objects_outlive_the_processes() {
    let images = Images::serve();
    let mut cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    kubectl.create(&lasting(&images.busybox()));
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/lasting", "--timeout=60s"]);
    let before = kubectl.ok(&["get", "pod", "lasting", "-o", LIFE]);
    let said = cluster.stop();
    assert!(said.contains("pods keep running") && said.contains("bireme down --data-dir"), "{said}");
    cluster.restart();
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/lasting", "--timeout=60s"]);
    assert_eq!(kubectl.ok(&["get", "pod", "lasting", "-o", LIFE]), before);
    // Also when nothing could be put in order.
    kubectl.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: kept}, data: {key: value}}");
    cluster.kill();
    cluster.restart();
    assert_eq!(kubectl.ok(&["get", "configmap", "kept", "-o", "jsonpath={.data.key}"]), "value");
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/lasting", "--timeout=60s"]);
    assert_eq!(kubectl.ok(&["get", "pod", "lasting", "-o", LIFE]), before);
}

#[test]
fn a_node_tells_of_its_start_of_a_boot_and_of_what_it_can_do() {
    let mut cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    let field = |path: &str| kubectl.ok(&["get", "node", "node", "-o", &format!("jsonpath={{.status.{path}}}")]);
    assert_eq!(field("features.supplementalGroupsPolicy"), "true");
    assert_eq!(field("runtimeHandlers[?(@.name==\"linux\")].features.userNamespaces"), "true");
    assert_eq!(field("runtimeHandlers[?(@.name==\"wasm\")].features.userNamespaces"), "false");
    let told = |cluster: &mut Cluster, reason: &str, message: &str| {
        let events = ["get", "events", "--field-selector", &format!("reason={reason},involvedObject.kind=Node")];
        let arguments = [&events[..], &["-o", "jsonpath={.items[*].message}"]].concat();
        cluster.wait_until(&format!("the node tells {reason}"), LIMIT, |_| {
            kubectl.ok(&arguments).contains(message).then_some(())
        });
    };
    told(&mut cluster, "Starting", "Starting kubelet.");
    told(&mut cluster, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods");
    told(&mut cluster, "NodeHasSufficientMemory", "Node node status is now: NodeHasSufficientMemory");
    let boot = field("nodeInfo.bootID");
    let other = r#"{"status": {"nodeInfo": {"bootID": "another"}}}"#;
    kubectl.ok(&["patch", "node", "node", "--subresource=status", "--type=merge", "-p", other]);
    cluster.stop();
    cluster.restart();
    told(&mut cluster, "Rebooted", &format!("Node node has been rebooted, boot id: {boot}"));
    assert_eq!(field("nodeInfo.bootID"), boot);
}

#[test]
fn an_ephemeral_cluster_leaves_nothing_even_when_it_is_killed() {
    let images = Images::serve();
    let mut cluster = Cluster::ephemeral();
    let kubectl = cluster.kubectl();
    kubectl.create(&lasting(&images.busybox()));
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/lasting", "--timeout=60s"]);
    let data = cluster.data();
    assert!(data.is_dir());
    cluster.kill();
    wait::poll(LIMIT, || (!data.exists()).then_some(())).expect("the data directory is gone");
    // The end of the test looks at everything else.
}

#[test]
fn down_refuses_while_the_cluster_is_up() {
    let cluster = Cluster::start();
    let down = Command::new(BIREME).args(["down", "--data-dir"]).arg(cluster.data()).output().unwrap();
    let said = String::from_utf8_lossy(&down.stderr);
    assert!(!down.status.success() && said.contains("is in use by process"), "{said}");
    cluster.kubectl().ok(&["get", "nodes"]);
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let check = |arguments: &[&str], expected: &str| {
        let output = Command::new(BIREME).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    };
    check(&["up", "--listen", "nowhere"], "--listen");
    check(&["up", "--ephemeral", "--data-dir", "x"], "--data-dir");
    check(&["up", "--config", "/nonexistent.yaml"], "/nonexistent.yaml");
    check(&["down", "--data-dir", "/nonexistent"], "/nonexistent is not the data directory of a cluster");
}
