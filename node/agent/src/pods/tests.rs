//! Pods from their arrival to their end, over a runtime that starts nothing.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, PodStatus};
use seam::Seam;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::*;
use crate::allocation::Allocations;
use crate::config::Capacity;
use crate::context::{PULLS_MAX, Tokens};
use crate::events::Events;
use crate::fake::{FakeCluster, FakeNetwork, FakeRuntime};
use crate::service_watch::ServiceWatch;
use crate::spec::NodeFacts;

mod resize;

/// Longest wait for something that has to happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the node has.
const CAPACITY: Capacity = Capacity {
    cpu_milli: 2000,
    memory: 1 << 30,
    ephemeral_storage: 1 << 30,
    pods: 110,
    huge_2mi: None,
    huge_1gi: None,
};

struct Node {
    seam: Seam,
    runtime: Arc<FakeRuntime>,
    cluster: Arc<FakeCluster>,
    pods: Arc<Pods>,
    dir: tempfile::TempDir,
}

impl Node {
    async fn new(runtime: Arc<FakeRuntime>) -> Self {
        Self::on(runtime, tempfile::tempdir().unwrap()).await
    }

    /// An agent on a directory as another one left it.
    async fn on(runtime: Arc<FakeRuntime>, dir: tempfile::TempDir) -> Self {
        let seam = Seam::real();
        let cluster = Arc::new(FakeCluster::default());
        let (events, _task) = Events::start(&seam, Arc::clone(&cluster) as _, "n".to_owned());
        let context = Arc::new(Context {
            facts: NodeFacts {
                name: "n".to_owned(),
                addresses: vec!["192.0.2.1".parse().unwrap()],
                allocatable: CAPACITY,
                pod_pids: Some(100),
                cluster_dns: None,
                resolv_conf: String::new(),
                app_armor: false,
                unsafe_sysctls: crate::sysctls::UnsafeSysctls::default(),
            },
            dir: dir.path().to_owned(),
            privileges: runtime::privileges::Privileges::Root,
            seam: seam.clone(),
            runtime: Arc::clone(&runtime) as _,
            network: Arc::new(FakeNetwork),
            cluster: Arc::clone(&cluster) as _,
            pulls: Semaphore::new(PULLS_MAX),
            services: ServiceWatch::new().listed(),
            events,
            tokens: Tokens::default(),
            mirrors: Arc::default(),
            standing: tokio::sync::watch::Sender::default(),
            allocations: Allocations::new(dir.path().join("pods"), &CAPACITY),
        });
        let pods = Arc::new(Pods::new(context).await.unwrap());
        Self { seam, runtime, cluster, pods, dir }
    }

    fn listen(&self) -> Task {
        use runtime::contract::Runtime;
        self.seam.spawn("listen", Arc::clone(&self.pods).listen(self.runtime.events()))
    }

    /// The first status of any pod of which that holds.
    async fn until(&self, what: &str, holds: impl Fn(&PodStatus) -> bool) -> PodStatus {
        let mut told = self.cluster.statuses.subscribe();
        let waited = self.seam.timeout(PATIENCE, told.wait_for(|told| told.values().any(&holds))).await;
        match waited {
            Ok(told) => told.unwrap().values().find(|status| holds(status)).unwrap().clone(),
            Err(_) => {
                panic!("{what}; told is {}", serde_json::to_string_pretty(&*self.cluster.statuses.borrow()).unwrap())
            }
        }
    }

    fn calls(&self) -> Vec<String> {
        self.runtime.calls.lock().unwrap().clone()
    }
}

fn pod(spec: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": "web", "namespace": "default", "uid": "u1" },
        "spec": spec,
        "status": { "phase": "Pending", "qosClass": "BestEffort" },
    }))
    .unwrap()
}

fn container<'a>(status: &'a PodStatus, name: &str) -> Option<&'a ContainerStatus> {
    status.container_statuses.iter().flatten().find(|status| status.name == name)
}

fn ready(status: &PodStatus) -> bool {
    status.conditions.iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn waits(status: &PodStatus, name: &str, reason: &str) -> bool {
    let state = container(status, name).and_then(|status| status.state.clone()).and_then(|state| state.waiting);
    state.and_then(|waiting| waiting.reason).as_deref() == Some(reason)
}

#[tokio::test]
async fn a_pod_of_two_banks_runs_and_is_removed_when_deleted() {
    let node = Node::new(FakeRuntime::new()).await;
    let mut pod = pod(json!({ "containers": [
        { "name": "linux", "image": "r/linux" },
        { "name": "wasm", "image": "r/wasm", "ports": [{ "containerPort": 8080 }] },
    ] }));
    node.pods.apply(pod.clone());
    let status = node.until("the pod is ready", ready).await;
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(status.pod_ip.as_deref(), Some("10.1.0.5"));
    assert_eq!(container(&status, "wasm").unwrap().container_id.as_deref(), Some("bireme://u1-wasm-0"));

    pod.metadata.deletion_timestamp = Some(crate::status::seconds(node.seam.now()));
    node.pods.apply(pod);
    let mut deleted = node.cluster.deleted.subscribe();
    node.seam.timeout(PATIENCE, deleted.wait_for(|deleted| *deleted)).await.unwrap().unwrap();
    assert_eq!(
        node.cluster.statuses.borrow()["web"].phase.as_deref(),
        Some("Succeeded"),
        "the last status tells how it ended"
    );
    assert!(!node.dir.path().join("pods/u1").exists(), "nothing is left on the node");
    let calls = node.calls();
    assert!(calls.ends_with(&["stop sandbox".to_owned(), "remove sandbox".to_owned()]), "{calls:?}");
    assert_eq!(calls.iter().filter(|call| call.starts_with("create")).count(), 2, "{calls:?}");
}

#[tokio::test]
async fn a_pod_that_was_bound_past_the_scheduler_and_does_not_fit_fails() {
    let node = Node::new(FakeRuntime::new()).await;
    node.pods.apply(pod(json!({ "containers": [
        { "name": "c", "image": "r/linux", "resources": { "requests": { "cpu": "3" } } },
    ] })));
    let status = node.until("the pod failed", |status| status.phase.as_deref() == Some("Failed")).await;
    assert_eq!(status.reason.as_deref(), Some("OutOfcpu"));
    let why = "Pod was rejected: Node didn't have enough resource: cpu, requested: 3000, used: 0, capacity: 2000";
    assert_eq!(status.message.as_deref(), Some(why));
    assert_eq!(node.calls(), Vec::<String>::new(), "nothing of it was made");
}

#[tokio::test]
async fn a_container_that_ends_is_restarted_and_then_backs_off() {
    let node = Node::new(FakeRuntime::new()).await;
    let _listening = node.listen();
    node.pods.apply(pod(json!({ "containers": [{ "name": "c", "image": "r/linux" }] })));
    node.until("it runs", ready).await;
    node.runtime.end("c", 3).await;
    let status =
        node.until("it is restarted at once", |s| ready(s) && container(s, "c").unwrap().restart_count == 1).await;
    let last = container(&status, "c").unwrap().last_state.clone().unwrap().terminated.unwrap();
    assert_eq!((last.exit_code, last.reason.as_deref()), (3, Some("Error")));
    node.runtime.end("c", 3).await;
    let status = node.until("the second time it waits", |s| waits(s, "c", "CrashLoopBackOff")).await;
    assert_eq!(status.phase.as_deref(), Some("Running"));
    let mut reasons = Vec::new();
    for _ in 0..100 {
        reasons = node.cluster.reasons.lock().unwrap().clone();
        if reasons.iter().any(|reason| reason == "BackOff") {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("no BackOff event among {reasons:?}");
}

#[tokio::test]
async fn a_job_pod_ends_for_good() {
    let node = Node::new(FakeRuntime::new()).await;
    let _listening = node.listen();
    node.pods.apply(pod(json!({ "restartPolicy": "Never", "containers": [{ "name": "c", "image": "r/linux" }] })));
    node.until("it runs", ready).await;
    node.runtime.end("c", 0).await;
    let status = node.until("it succeeded", |s| s.phase.as_deref() == Some("Succeeded")).await;
    assert_eq!(
        container(&status, "c").unwrap().state.clone().unwrap().terminated.unwrap().reason.as_deref(),
        Some("Completed")
    );
}

#[tokio::test]
async fn init_containers_run_in_order_before_the_others() {
    let node = Node::new(FakeRuntime::new()).await;
    let _listening = node.listen();
    node.pods.apply(pod(json!({
        "initContainers": [
            { "name": "side", "image": "r/linux", "restartPolicy": "Always" },
            { "name": "init", "image": "r/linux" },
        ],
        "containers": [{ "name": "c", "image": "r/linux" }],
    })));
    let running = |s: &PodStatus| {
        let init = s.init_container_statuses.iter().flatten().find(|s| s.name == "init");
        init.and_then(|init| init.state.as_ref()?.running.as_ref()).is_some()
    };
    let status = node.until("the init container runs", running).await;
    assert!(waits(&status, "c", "PodInitializing"));
    node.runtime.end("init", 0).await;
    node.until("the pod is ready", ready).await;
    let creates: Vec<String> = node.calls().into_iter().filter(|call| call.starts_with("create")).collect();
    assert_eq!(creates, ["create side#0", "create init#0", "create c#0"]);
}

#[tokio::test]
async fn what_is_missing_is_said_and_taken_when_it_comes() {
    let node = Node::new(FakeRuntime::new()).await;
    node.pods.apply(pod(json!({ "containers": [{
        "name": "c", "image": "r/linux", "envFrom": [{ "configMapRef": { "name": "settings" } }],
    }] })));
    let status = node.until("it waits", |s| waits(s, "c", "CreateContainerConfigError")).await;
    let waiting = container(&status, "c").unwrap().state.clone().unwrap().waiting.unwrap();
    assert_eq!(waiting.message.as_deref(), Some("configmap \"settings\" not found"));
    let map = serde_json::from_value(json!({ "data": { "A": "1" } })).unwrap();
    node.cluster.config_maps.lock().unwrap().insert("settings".to_owned(), Arc::new(map));
    node.until("it runs", ready).await;
    assert_eq!(node.runtime.configs.lock().unwrap()[0].env, [("A".to_owned(), "1".to_owned())]);
}

#[tokio::test]
async fn an_image_that_cannot_be_had_is_said() {
    let node = Node::new(FakeRuntime::new()).await;
    node.pods.apply(pod(json!({ "containers": [{ "name": "c", "image": "r/missing" }] })));
    node.until("the failure is shown", |s| waits(s, "c", "ErrImagePull")).await;
    node.until("then the wait", |s| waits(s, "c", "ImagePullBackOff")).await;
}

#[tokio::test]
async fn an_agent_that_restarts_takes_up_what_runs() {
    let runtime = FakeRuntime::new();
    let first = Node::new(Arc::clone(&runtime)).await;
    let wanted = pod(json!({ "containers": [{ "name": "c", "image": "r/linux" }] }));
    first.pods.apply(wanted.clone());
    let status = first.until("it runs", ready).await;
    first.pods.stop();
    let before = first.calls();

    let second = Node::new(Arc::clone(&runtime)).await;
    second.pods.apply(Pod { status: Some(status.clone()), ..wanted });
    let _listening = second.listen();
    second.pods.settle(&["u1".to_owned()].into());
    runtime.end("c", 1).await;
    let status =
        second.until("it is restarted", |s| ready(s) && container(s, "c").is_some_and(|c| c.restart_count == 1)).await;
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(
        second.calls()[before.len()..],
        ["create c#1".to_owned()],
        "nothing but the container that ended was made"
    );
}

#[tokio::test]
async fn a_hook_that_fails_ends_its_container_and_one_before_the_end_is_run() {
    let node = Node::new(FakeRuntime::new()).await;
    let hooks = |start: &str| json!({ "postStart": { "exec": { "command": [start] } }, "preStop": { "exec": { "command": ["bye"] } } });
    node.pods.apply(pod(json!({ "restartPolicy": "Never", "terminationGracePeriodSeconds": 5,
        "containers": [{ "name": "c", "image": "r/linux", "lifecycle": hooks("false") }] })));
    node.until("its end is told", |s| s.phase.as_deref() == Some("Succeeded")).await;
    let calls = node.calls();
    let wanted = ["create c#0", "exec c false", "exec c bye", "stop c"];
    assert_eq!(calls.iter().filter(|call| wanted.contains(&call.as_str())).collect::<Vec<_>>(), wanted, "{calls:?}");
    let told = node.cluster.reasons.lock().unwrap().clone();
    assert!(told.contains(&"FailedPostStartHook".to_owned()), "{told:?}");
}

#[tokio::test]
async fn a_hook_before_the_end_that_fails_is_told_and_holds_nothing_up() {
    let node = Node::new(FakeRuntime::new()).await;
    let hook = json!({ "preStop": { "exec": { "command": ["false"] } } });
    let mut pod = pod(json!({ "containers": [{ "name": "c", "image": "r/linux", "lifecycle": hook }] }));
    node.pods.apply(pod.clone());
    node.until("it runs", ready).await;
    pod.metadata.deletion_timestamp = Some(crate::status::seconds(node.seam.now()));
    pod.metadata.deletion_grace_period_seconds = Some(5);
    node.pods.apply(pod);
    node.until("it has ended", |s| {
        container(s, "c").is_some_and(|c| c.state.as_ref().is_some_and(|state| state.terminated.is_some()))
    })
    .await;
    let calls = node.calls();
    let wanted = ["exec c false", "stop c"];
    assert_eq!(calls.iter().filter(|call| wanted.contains(&call.as_str())).collect::<Vec<_>>(), wanted, "{calls:?}");
    let told = node.cluster.reasons.lock().unwrap().clone();
    assert!(told.contains(&"FailedPreStopHook".to_owned()), "{told:?}");
}

#[tokio::test]
async fn a_probe_that_cannot_be_made_restarts_nothing_and_makes_nothing_ready() {
    let node = Node::new(FakeRuntime::new()).await;
    let probe = json!({ "exec": { "command": ["missing"] }, "failureThreshold": 1, "periodSeconds": 1 });
    node.pods.apply(pod(json!({ "containers": [
        { "name": "c", "image": "r/linux", "livenessProbe": probe, "readinessProbe": probe },
    ] })));
    let started = |s: &PodStatus| container(s, "c").is_some_and(|c| c.started == Some(true));
    let status = node.until("it runs", started).await;
    assert!(!ready(&status));
    let mut told = Vec::new();
    for _ in 0..500 {
        told = node.cluster.reasons.lock().unwrap().clone();
        if told.iter().any(|reason| reason == "Unhealthy") {
            break;
        }
        node.seam.sleep(Duration::from_millis(10)).await;
    }
    assert!(told.contains(&"Unhealthy".to_owned()), "{told:?}");
    assert!(!node.calls().contains(&"stop c".to_owned()));
}

#[tokio::test]
async fn who_looks_into_a_pod_is_made_beside_the_others() {
    let node = Node::new(FakeRuntime::new()).await;
    let mut looked_into = pod(json!({ "containers": [{ "name": "c", "image": "r/linux" }] }));
    node.pods.apply(looked_into.clone());
    node.until("it runs", ready).await;
    let look = json!([{ "name": "look", "image": "r/linux", "targetContainerName": "c" }]);
    looked_into.spec.as_mut().unwrap().ephemeral_containers = serde_json::from_value(look).unwrap();
    node.pods.apply(looked_into);
    let runs = |s: &PodStatus| {
        let mut looking = s.ephemeral_container_statuses.iter().flatten();
        looking.any(|s| s.name == "look" && s.state.as_ref().is_some_and(|state| state.running.is_some()))
    };
    let status = node.until("it is looked into", runs).await;
    assert!(ready(&status));
    let configs = node.runtime.configs.lock().unwrap();
    assert_eq!(configs[1].processes_of.as_ref().map(|id| &*id.0), Some("u1-c-0"));
}

#[tokio::test]
async fn a_static_pod_runs_without_the_api_and_is_told_to_its_mirror() {
    let node = Node::new(FakeRuntime::new()).await;
    let annotations = json!({ "kubernetes.io/config.source": "file", "kubernetes.io/config.hash": "u1" });
    let mut own = pod(json!({ "containers": [{ "name": "c", "image": "r/linux" }] }));
    own.metadata.annotations = serde_json::from_value(annotations).unwrap();
    let mut wanted: BTreeMap<String, Pod> = [("u1".to_owned(), own.clone())].into();
    node.pods.set_static(&mut wanted, true);
    while !node.calls().contains(&"create c#0".to_owned()) {
        node.seam.sleep(Duration::from_millis(1)).await;
    }
    node.pods.settle(&BTreeSet::new());
    assert_eq!(node.pods.static_pods().len(), 1, "what the API does not have goes on");

    let mut mirror = own.clone();
    mirror.metadata.uid = Some("m1".to_owned());
    mirror.metadata.annotations.as_mut().unwrap().insert("kubernetes.io/config.mirror".to_owned(), "u1".to_owned());
    node.pods.heard(mirror);
    node.until("its mirror tells that it is ready", ready).await;
    let mut other = own;
    other.metadata.uid = Some("u2".to_owned());
    let mut wanted: BTreeMap<String, Pod> = [("u2".to_owned(), other)].into();
    node.pods.set_static(&mut wanted, true);
    assert!(wanted.contains_key("u2"), "it waits until the one before has ended");
    while !wanted.is_empty() {
        node.seam.sleep(Duration::from_millis(1)).await;
        let mut again = wanted.clone();
        node.pods.set_static(&mut again, true);
        wanted = again;
    }
    assert!(node.calls().contains(&"remove sandbox".to_owned()));
}
