//! A node that is short of something says so, refuses what it cannot bear, and ends pods in the documented order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use support::cluster::Cluster;
use support::images::Images;
use support::kubectl::Kubectl;
use support::scene::{self, TIMEOUT, field};
use support::wait;

const SLEEP: &str = "args: [sh, -c, 'trap \"exit 0\" TERM; while true; do sleep 0.2; done']";
/// Every event about an object.
const EVENTS: &str = "jsonpath={range .items[*]}{.type} {.reason} {.message}{\"\\n\"}{end}";

/// A cluster of a node with these settings, and what its pods are made of.
struct Scene {
    // Goes before the registry that it pulls from.
    cluster: Cluster,
    busybox: String,
    _images: Images,
}

impl Scene {
    fn new(node: &str) -> Self {
        let images = Images::serve();
        let busybox = images.busybox();
        let cluster = Cluster::configured(|_| format!("node: {node}\n"));
        Self { cluster, busybox, _images: images }
    }

    fn pod(&self, name: &str, container: &str, fields: &[&str]) -> String {
        scene::pod(name, &[&format!("{{name: main, image: '{}', {container}}}", self.busybox)], fields)
    }

    #[track_caller]
    fn becomes(&self, object: &str, path: &str, wanted: &str) {
        scene::becomes(&self.cluster, &self.cluster.kubectl(), object, path, wanted);
    }

    /// A condition of the node.
    fn condition(kind: &str) -> String {
        format!(".status.conditions[?(@.type=='{kind}')]['status','reason','message']")
    }

    /// What was told about an object, once that is among it.
    #[track_caller]
    fn told(&self, object: &str, wanted: &str) -> String {
        let kubectl = self.cluster.kubectl();
        let of = format!("involvedObject.name={object}");
        let mut events = String::new();
        let told = wait::poll(scene::LIMIT, || {
            events = kubectl.ok(&["get", "events", "--field-selector", &of, "-o", EVENTS]);
            events.contains(wanted).then_some(())
        });
        assert!(told.is_some(), "no event says {wanted:?}:\n{events}\n{}", self.cluster.logs());
        events
    }
}

fn create(kubectl: &Kubectl, manifest: &str) {
    scene::create(kubectl, manifest);
}

#[test]
fn pods_are_evicted_one_by_one_while_memory_is_short_and_the_node_says_so() {
    // More than any machine has, so that it is short from the first look after the grace.
    let soft = "evictionSoft: {memory.available: 1Pi}, evictionSoftGracePeriod: {memory.available: 30s}";
    let settings = format!("{{{soft}, evictionMaxPodGracePeriod: 1, evictionPressureTransitionPeriod: 1s}}");
    let scene = Scene::new(&settings);
    let kubectl = scene.cluster.kubectl();
    let asks = format!("{SLEEP}, resources: {{requests: {{memory: 64Mi}}}}");
    let exists = "tolerations: [{operator: Exists}]";
    create(&kubectl, &scene.pod("modest", &asks, &[exists]));
    create(&kubectl, &scene.pod("greedy", SLEEP, &[exists]));
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/modest", TIMEOUT]);
    let short = "True KubeletHasInsufficientMemory kubelet has insufficient memory available";
    scene.becomes("node/node", &Scene::condition("MemoryPressure"), short);
    scene.becomes("node/node", ".spec.taints[?(@.key=='node.kubernetes.io/memory-pressure')].effect", "NoSchedule");
    scene.told("node", "Normal NodeHasInsufficientMemory Node node status is now: NodeHasInsufficientMemory");
    scene.told("node", "Warning EvictionThresholdMet Attempting to reclaim memory");
    scene.becomes("pod/greedy", ".status.phase", "Failed");
    let words = field(&kubectl, "pod/greedy", ".status['reason','message']");
    assert!(
        words.starts_with("Evicted The node was low on resource: memory. Threshold quantity: 1Pi, available: "),
        "{words}"
    );
    assert!(words.contains("Container main was using "), "{words}");
    assert!(words.ends_with(", request is 0, has larger consumption of memory. "), "{words}");
    let target = ".status.conditions[?(@.type=='DisruptionTarget')]['status','reason']";
    assert_eq!(field(&kubectl, "pod/greedy", target), "True TerminationByKubelet");
    scene.told("greedy", "Warning Evicted The node was low on resource: memory.");
    // The one that keeps its request goes after the one that does not.
    scene.becomes("pod/modest", ".status.reason", "Evicted");
    let ended = |name: &str| field(&kubectl, name, ".status.containerStatuses[0].state.terminated.finishedAt");
    assert!(ended("pod/greedy") <= ended("pod/modest"));
    // Bound past the scheduler, which heeds the taint.
    create(&kubectl, &scene.pod("late", SLEEP, &["nodeName: node"]));
    scene.becomes("pod/late", ".status.reason", "Evicted");
    let words = field(&kubectl, "pod/late", ".status.message");
    assert_eq!(words, "Pod was rejected: The node had condition: [MemoryPressure]. ");
}

#[test]
fn a_pod_that_takes_more_of_the_disk_than_it_may_is_evicted() {
    let scene = Scene::new("{podPidsLimit: 100, kubeReserved: {cpu: 100m, memory: 64Mi}, maxPods: 7}");
    let kubectl = scene.cluster.kubectl();
    let fill = |path: &str| format!("args: [sh, -c, 'dd if=/dev/zero of={path} bs=1M count=8; sleep 1000']");
    let volume = "volumes: [{name: v, emptyDir: {sizeLimit: 2Mi}}]";
    let mounts = "volumeMounts: [{name: v, mountPath: /v}]";
    create(&kubectl, &scene.pod("volume", &format!("{}, {mounts}", fill("/v/file")), &[volume]));
    let limit = "resources: {limits: {ephemeral-storage: 3Mi}}";
    create(&kubectl, &scene.pod("layer", &format!("{}, {limit}", fill("/file")), &[]));
    for (pod, message) in [
        ("volume", "Usage of EmptyDir volume \"v\" exceeds the limit \"2Mi\". "),
        ("layer", "Pod ephemeral local storage usage exceeds the total limit of containers 3Mi. "),
    ] {
        scene.becomes(
            &format!("pod/{pod}"),
            ".status['phase','reason','message']",
            &format!("Failed Evicted {message}"),
        );
        scene.told(pod, &format!("Warning Evicted {message}"));
    }
    // The node's own settings show, beside.
    assert_eq!(field(&kubectl, "node/node", ".status.allocatable.pods"), "7");
    let amount = |of: &str| field(&kubectl, "node/node", &format!(".status.{of}.memory"));
    let kib = |of: &str| amount(of).strip_suffix("Ki").unwrap().parse::<u64>().unwrap();
    assert_eq!(kib("capacity") - kib("allocatable"), (64 + 100) << 10);
}

#[test]
fn a_node_that_shuts_down_ends_pods_by_priority_and_takes_no_more() {
    let groups = "[{priority: 0, shutdownGracePeriodSeconds: 15}, {priority: 1000, shutdownGracePeriodSeconds: 2}]";
    let mut scene = Scene::new(&format!("{{shutdownGracePeriodByPodPriority: {groups}}}"));
    let kubectl = scene.cluster.kubectl();
    create(&kubectl, "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}");
    let slow = "args: [sh, -c, 'trap \"\" TERM; while true; do sleep 0.2; done']";
    create(&kubectl, &scene.pod("low", slow, &[]).replace("PeriodSeconds: 1", "PeriodSeconds: 60"));
    create(&kubectl, &scene.pod("high", SLEEP, &["priorityClassName: high", "priority: 1000"]));
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/low", "pod/high", TIMEOUT]);
    nix::sys::signal::kill(scene.cluster.pid(), nix::sys::signal::Signal::SIGPWR).unwrap();
    scene.becomes("node/node", &Scene::condition("Ready"), "False KubeletNotReady node is shutting down");
    create(&kubectl, &scene.pod("late", SLEEP, &["nodeName: node"]));
    scene.becomes("pod/late", ".status.reason", "NodeShutdown");
    assert_eq!(field(&kubectl, "pod/high", ".status.phase"), "Running");
    let ended = "Failed Terminated Pod was terminated in response to imminent node shutdown.";
    scene.becomes("pod/low", ".status['phase','reason','message']", ended);
    let (code, said) = scene.cluster.ended();
    assert_eq!(code, Some(0), "{said}");
    scene.cluster.restart();
    scene.becomes("pod/high", ".status['phase','reason','message']", ended);
    let target = ".status.conditions[?(@.type=='DisruptionTarget')]['status','reason']";
    assert_eq!(field(&kubectl, "pod/high", target), "True TerminationByKubelet");
    scene.becomes("node/node", &Scene::condition("Ready"), "True KubeletReady kubelet is posting ready status");
}
