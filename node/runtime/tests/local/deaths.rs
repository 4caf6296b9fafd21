//! What survives a death, and what must not.

use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runtime::contract::{ContainerState, Runtime, SandboxId};

use crate::node::{Node, alive, plain, script, until};

fn kill_nine(pid: u32) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
}

pub(crate) async fn shim(node: &Node) -> u32 {
    node.runtime.list_pod_sandboxes().await.unwrap()[0].shim
}

/// Processes in the shims' cgroup other than a known shim: the zygote.
pub(crate) fn zygote(node: &Node, shim: u32) -> u32 {
    let hierarchy = runtime::cgroup::Hierarchy::detect().unwrap();
    let group = hierarchy.group(&format!("{}/shims", node.config.cgroup_root)).unwrap();
    let pids = group.procs().unwrap();
    let other = pids.into_iter().filter_map(|pid| u32::try_from(pid).ok()).find(|pid| *pid != shim && alive(*pid));
    other.expect("a live zygote")
}

pub(crate) async fn pods_survive_an_agent_restart() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let words = "while ! /bin/busybox test -e /go; do /bin/busybox sleep 0.02; done; echo went; exit 4";
    let running = node.start_container(script("pod", &image, words)).await;
    let mut later = script("pod", &image, "exit 9");
    later.name = "later".to_owned();
    let created = node.runtime.create_container(later).await.unwrap();
    let before = (shim(&node).await, node.pid(&running).await);
    node.restart(async {}).await;
    assert_eq!((shim(&node).await, node.pid(&running).await), before);
    assert!(node.runtime.list_pod_sandboxes().await.unwrap()[0].ready);
    assert!(node.runtime.image_status(&image).await.unwrap().is_some());
    let go = ["/bin/busybox", "touch", "/go"].map(str::to_owned);
    assert_eq!(node.runtime.exec_sync(&running, &go, 10_000).await.unwrap().code, 0);
    assert_eq!(node.exit(&running).await.code, 4);
    assert_eq!(node.log(&running).await, "stdout F went\n");
    node.runtime.start_container(&created).await.unwrap();
    assert_eq!(node.exit(&created).await.code, 9);
}

pub(crate) async fn exits_while_no_agent_looks() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let id = node.start_container(script("pod", &image, "exec /bin/busybox sleep 1000")).await;
    let pid = node.pid(&id).await;
    node.restart(async move {
        kill_nine(pid);
        until("end of the container", || !alive(pid)).await;
    })
    .await;
    let ContainerState::Exited(exit) = node.container(&id).await.state else { panic!("an ended container") };
    assert_eq!((exit.code, exit.signal), (137, Some(9)));
}

pub(crate) async fn a_dead_shim_loses_its_pod() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let id = node.start_container(script("pod", &image, "exec /bin/busybox sleep 1000")).await;
    let (shim, pid) = (shim(&node).await, node.pid(&id).await);
    kill_nine(shim);
    assert_eq!(node.lost().await, SandboxId("pod".into()));
    until("end of the container", || !alive(pid)).await;
    let ContainerState::Exited(exit) = node.container(&id).await.state else { panic!("an ended container") };
    assert_eq!(exit.reason, "ContainerStatusUnknown");
    assert!(!node.runtime.list_pod_sandboxes().await.unwrap()[0].ready);
    assert!(node.runtime.create_container(plain("pod", &image)).await.is_err());
    node.sandbox("pod").await;
    let again = node.start_container(script("pod", &image, "exit 0")).await;
    assert_eq!(node.exit(&again).await.code, 0);
    // The same when both are dead.
    let id = node.start_container(script("pod", &image, "exec /bin/busybox sleep 1000")).await;
    let (shim, pid) = (self::shim(&node).await, node.pid(&id).await);
    node.restart(async move { kill_nine(shim) }).await;
    until("end of the container", || !alive(pid)).await;
    assert!(matches!(node.container(&id).await.state, ContainerState::Exited(_)));
}

pub(crate) async fn a_dead_zygote_is_replaced() {
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("first").await;
    let shim = shim(&node).await;
    let old = zygote(&node, shim);
    kill_nine(old);
    node.sandbox("second").await;
    assert!(alive(shim), "a shim does not die with its zygote");
    for pod in ["first", "second"] {
        let id = node.start_container(script(pod, &image, "exit 2")).await;
        assert_eq!(node.exit(&id).await.code, 2, "{pod}");
    }
}

pub(crate) async fn an_ephemeral_node_leaves_nothing() {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    let node = Node::with_parent(Some(Arc::new(read))).await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let id = node.start_container(script("pod", &image, "exec /bin/busybox sleep 1000")).await;
    let shim = shim(&node).await;
    let pids = [node.pid(&id).await, shim, zygote(&node, shim)];
    assert!(pids.iter().all(|pid| alive(*pid)));
    drop(write);
    until("end of the tree", || pids.iter().all(|pid| !alive(*pid))).await;
}

pub(crate) async fn cleanup_is_idempotent() {
    let node = Node::start().await;
    let image = node.pull("busybox").await;
    node.sandbox("pod").await;
    let id = node.start_container(script("pod", &image, "exec /bin/busybox sleep 1000")).await;
    let pid = node.pid(&id).await;
    let first = runtime::cleanup::cleanup(&node.config).unwrap();
    assert!(first.killed >= 3, "{first:?}");
    assert!(!alive(pid) && !node.config.run.exists());
}
