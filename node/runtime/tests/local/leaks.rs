//! Nothing grows.

use std::path::Path;

use runtime::contract::{Runtime, SandboxId};

use crate::node::{Node, script, until};

/// How many sandboxes come and go.
const PODS: usize = 50;

/// What could leak, counted.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    mounts: usize,
    cgroups: usize,
    processes: usize,
    descriptors: usize,
    files: Vec<String>,
}

fn entries(dir: &Path) -> Vec<String> {
    let list = std::fs::read_dir(dir).map(|list| list.map(|entry| entry.unwrap().file_name().into_string().unwrap()));
    list.map(Iterator::collect).unwrap_or_default()
}

fn count(node: &Node) -> Count {
    let hierarchy = runtime::cgroup::Hierarchy::detect().unwrap();
    let files = [node.config.run.join("pods"), node.config.state.join("containers"), node.logs()];
    let cgroup = Path::new("/sys/fs/cgroup/memory").join(&node.config.cgroup_root).join("pods");
    let unified = Path::new("/sys/fs/cgroup").join(&node.config.cgroup_root).join("pods");
    let directories = |dir: &Path| entries(dir).into_iter().filter(|name| dir.join(name).is_dir()).count();
    let run = node.config.run.display().to_string();
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    Count {
        mounts: mountinfo.lines().filter(|line| line.contains(&run)).count(),
        cgroups: directories(&cgroup) + directories(&unified),
        processes: hierarchy.group(&node.config.cgroup_root).unwrap().procs().unwrap().len(),
        descriptors: entries(Path::new("/proc/self/fd")).len(),
        files: files.iter().flat_map(|dir| entries(dir)).collect(),
    }
}

async fn live_and_die(node: &mut Node, image: &str, wasm: &str, uid: &str) {
    node.sandbox(uid).await;
    let linux = node.start_container(script(uid, image, "echo hello; exit 1")).await;
    let mut guest = crate::node::plain(uid, wasm);
    guest.name = "guest".to_owned();
    let guest = node.start_container(guest).await;
    let (first, second) = (node.container(&linux).await, node.container(&guest).await);
    assert_ne!(first.log_path, second.log_path);
    until("both ends", || {
        let state = |path: &Path| std::fs::read_to_string(path).is_ok_and(|log| !log.is_empty());
        state(&first.log_path) && state(&second.log_path)
    })
    .await;
    node.runtime.stop_pod_sandbox(&SandboxId(uid.into())).await.unwrap();
    node.runtime.remove_pod_sandbox(&SandboxId(uid.into())).await.unwrap();
    node.runtime.remove_pod_sandbox(&SandboxId(uid.into())).await.unwrap();
    while node.events.try_recv().is_ok() {}
}

pub async fn fifty_sandboxes_leave_nothing() {
    let mut node = Node::start().await;
    let (image, wasm) = (node.pull("busybox").await, node.pull("hello-module").await);
    // The first one opens what stays open: the connection pool of the registry, the code of the artifact.
    live_and_die(&mut node, &image, &wasm, "warm-up").await;
    let before = count(&node);
    for number in 0..PODS {
        live_and_die(&mut node, &image, &wasm, &format!("pod-{number}")).await;
    }
    let mut after = count(&node);
    // Blocking threads and pooled connections come and go: a few descriptors either way are no leak of one a pod.
    assert!(after.descriptors < before.descriptors + PODS / 2, "{before:?} became {after:?}");
    after.descriptors = before.descriptors;
    assert_eq!(after, before);
}
