//! The life of a pod as a kubelet leads it: sidecars, probes, hooks, deadlines, debug containers, static pods.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use support::cluster::Cluster;
use support::images::Images;
use support::scene::{self, Shared, TIMEOUT, becomes, field, until};

/// A cluster that the tests share, and the images that they use.
#[derive(Debug)]
struct Stage {
    // Goes before the registry that it pulls from.
    cluster: Cluster,
    busybox: String,
    http: String,
    _images: Images,
}

fn stage() -> Arc<Stage> {
    static STAGE: Shared<Stage> = Shared::new();
    STAGE.get(|| {
        let images = Images::serve();
        let (busybox, http) = (images.busybox(), images.guest("http-cases"));
        Stage { cluster: Cluster::start(), busybox, http, _images: images }
    })
}

impl Stage {
    /// A busybox container that runs a script; other fields are YAML.
    fn container(&self, name: &str, script: &str, fields: &str) -> String {
        format!("{{name: {name}, image: '{}', args: [sh, -c, '{script}'], {fields}}}", self.busybox)
    }
}

#[test]
fn a_sidecar_begins_before_the_others_and_ends_after_them() {
    let stage = stage();
    let kubectl = stage.cluster.kubectl();
    let mount = "volumeMounts: [{name: diary, mountPath: /d}]";
    let serve =
        "echo side >> /d/log; trap \"cat /d/log; exit 0\" TERM; sleep 1; touch /d/up; while :; do sleep 0.1; done";
    let probe = "startupProbe: {exec: {command: [sh, -c, test -e /d/up]}, periodSeconds: 1}";
    let side = stage.container("side", serve, &format!("restartPolicy: Always, {probe}, {mount}"));
    let init = stage.container("init", "test -e /d/up && echo init >> /d/log", mount);
    let main = stage.container("main", "echo main >> /d/log; sleep 1; echo end >> /d/log", mount);
    let fields =
        ["restartPolicy: Never", "terminationGracePeriodSeconds: 20", "volumes: [{name: diary, emptyDir: {}}]"];
    let pod = scene::pod("sidecar", &[&main], &fields).replace("  terminationGracePeriodSeconds: 1\n", "");
    scene::create(
        &kubectl,
        &pod.replace("  containers:", &format!("  initContainers:\n  - {side}\n  - {init}\n  containers:")),
    );
    becomes(&stage.cluster, &kubectl, "pod/sidecar", ".status.phase", "Succeeded");
    assert_eq!(kubectl.ok(&["logs", "sidecar", "-c", "side"]), "side\ninit\nmain\nend\n");
    let code = ".status.initContainerStatuses[0].state.terminated.exitCode";
    assert_eq!(field(&kubectl, "pod/sidecar", code), "0", "it was asked to end, and had the time to");
    let why = ".status.conditions[?(@.type==\"Initialized\")].reason";
    assert_eq!(field(&kubectl, "pod/sidecar", why), "PodCompleted");
}

#[test]
fn probes_restart_a_container_and_say_why() {
    let stage = stage();
    let kubectl = stage.cluster.kubectl();
    let script = "trap \"exit 3\" TERM; touch /ok; sleep 1; rm /ok; while :; do sleep 0.1; done";
    let liveness = "livenessProbe: {exec: {command: [/bin/busybox, cat, /ok]}, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 1}";
    let linux = stage.container("linux", script, liveness);
    let ready =
        "readinessProbe: {httpGet: {path: /ready, port: 8080, httpHeaders: [{name: X-A, value: b}]}, periodSeconds: 1}";
    let live = "livenessProbe: {exec: {command: [cat]}, periodSeconds: 1, failureThreshold: 1}";
    let wasm = format!("{{name: wasm, image: '{}', ports: [{{containerPort: 8080}}], {ready}, {live}}}", stage.http);
    scene::create(&kubectl, &scene::pod("probed", &[&linux, &wasm], &[]));
    let of = |name: &str, path: &str| format!(".status.containerStatuses[?(@.name==\"{name}\")].{path}");
    until(&stage.cluster, &kubectl, "pod/probed", &of("linux", "restartCount"), |count| {
        count != "0" && !count.is_empty()
    });
    becomes(&stage.cluster, &kubectl, "pod/probed", &of("wasm", "ready"), "true");
    assert_eq!(field(&kubectl, "pod/probed", &of("linux", "lastState.terminated.exitCode")), "3");
    let told = "Container linux failed liveness probe, will be restarted";
    let mut events = String::new();
    let all = support::wait::poll(scene::LIMIT, || {
        events = kubectl.ok(&["events", "--for", "pod/probed"]);
        let wanted = [told, "Liveness probe failed: cat:", "Liveness probe errored and resulted in unknown state: "];
        wanted.iter().all(|text| events.contains(text)).then_some(())
    });
    assert!(all.is_some(), "{events}");
    assert!(events.contains("Wasm container"), "what Wasm cannot do is said: {events}");
    assert_eq!(field(&kubectl, "pod/probed", &of("wasm", "restartCount")), "0");
    kubectl.ok(&["delete", "pod", "probed", TIMEOUT]);
}

#[test]
fn a_deadline_ends_a_pod_by_its_own_signal_after_its_hook() {
    let stage = stage();
    let kubectl = stage.cluster.kubectl();
    let script = "trap \"echo bye > /dev/termination-log; exit 7\" USR1; while :; do sleep 0.1; done";
    let hooks = "lifecycle: {stopSignal: SIGUSR1, postStart: {exec: {command: [sh, -c, echo hello > /proc/1/fd/1]}}, \
                 preStop: {exec: {command: [sh, -c, echo stopping > /proc/1/fd/1]}}}";
    let main = stage.container("main", script, hooks);
    let loud = stage.container("loud", "echo why; exit 2", "terminationMessagePolicy: FallbackToLogsOnError");
    let fields = ["os: {name: linux}", "restartPolicy: Never", "activeDeadlineSeconds: 3"];
    scene::create(&kubectl, &scene::pod("deadline", &[&main, &loud], &fields));
    becomes(&stage.cluster, &kubectl, "pod/deadline", ".status.phase", "Failed");
    assert_eq!(field(&kubectl, "pod/deadline", ".status.reason"), "DeadlineExceeded");
    let of = |name: &str, path: &str| {
        field(
            &kubectl,
            "pod/deadline",
            &format!(".status.containerStatuses[?(@.name==\"{name}\")].state.terminated.{path}"),
        )
    };
    assert_eq!((of("main", "exitCode").as_str(), of("main", "message").as_str()), ("7", "bye\n"));
    assert_eq!((of("loud", "exitCode").as_str(), of("loud", "message").as_str()), ("2", "why\n"));
    assert_eq!(kubectl.ok(&["logs", "deadline", "-c", "main"]), "hello\nstopping\n");
}

#[test]
fn who_debugs_a_pod_sees_the_processes_of_its_target() {
    let stage = stage();
    let kubectl = stage.cluster.kubectl();
    scene::create(&kubectl, &scene::pod("seen", &[&stage.container("main", "exec sleep 4321", "")], &[]));
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/seen", TIMEOUT]);
    let image = format!("--image={}", stage.busybox);
    let look =
        ["debug", "seen", &image, "--target=main", "--container=look", "--profile=general", "--", "/bin/busybox", "ps"];
    kubectl.ok(&look);
    let code = ".status.ephemeralContainerStatuses[0].state.terminated.exitCode";
    becomes(&stage.cluster, &kubectl, "pod/seen", code, "0");
    let logs = kubectl.ok(&["logs", "seen", "-c", "look"]);
    assert!(logs.contains("sleep 4321"), "{logs}");
    assert_eq!(field(&kubectl, "pod/seen", ".status.containerStatuses[0].restartCount"), "0");
    kubectl.ok(&["delete", "pod", "seen", TIMEOUT]);
}

#[test]
fn a_static_pod_is_shown_by_a_mirror_that_nobody_can_delete() {
    let images = Images::serve();
    let busybox = images.busybox();
    let manifests = |folder: &std::path::Path| folder.join("manifests");
    let cluster = Cluster::configured(|folder| {
        std::fs::create_dir(manifests(folder)).unwrap();
        format!("staticPodPath: {}\n", manifests(folder).display())
    });
    let kubectl = cluster.kubectl();
    let file = manifests(cluster.folder()).join("own.yaml");
    let main = format!("{{name: main, image: '{busybox}', args: [sh, -c, exec sleep 1000]}}");
    std::fs::write(&file, scene::pod("own", &[&main], &[])).unwrap();
    let appeared = support::wait::poll(scene::LIMIT, || {
        let list = kubectl.ok(&["get", "pods", "-o", "name"]);
        (list == "pod/own-node\n").then_some(())
    });
    assert!(appeared.is_some(), "{}", cluster.logs());
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/own-node", TIMEOUT]);
    let id = ".status.containerStatuses[0].containerID";
    let seen = |path: &str| field(&kubectl, "pod/own-node", path);
    let (uid, container) = (seen(".metadata.uid"), seen(id));
    assert_eq!(seen(".metadata.annotations.kubernetes\\.io/config\\.source"), "file");
    assert_eq!(seen(".metadata.ownerReferences[0].kind"), "Node");
    kubectl.ok(&["delete", "pod", "own-node", "--wait=false"]);
    let again = support::wait::poll(scene::LIMIT, || {
        let found = kubectl.run(&["get", "pod", "own-node", "-o", "jsonpath={.metadata.uid}"]).stdout;
        (!found.is_empty() && found != uid).then_some(())
    });
    assert!(again.is_some(), "its mirror comes again\n{}", cluster.logs());
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/own-node", TIMEOUT]);
    assert_eq!(seen(id), container, "and nothing was restarted");
    std::fs::remove_file(&file).unwrap();
    let gone =
        support::wait::poll(scene::LIMIT, || kubectl.ok(&["get", "pods", "-o", "name"]).is_empty().then_some(()));
    assert!(gone.is_some(), "{}", cluster.logs());
}

#[test]
fn a_static_pod_comes_from_an_address_and_goes_with_its_manifest() {
    let images = Images::serve();
    let container = format!("{{name: main, image: '{}', args: [sh, -c, exec sleep 1000]}}", images.busybox());
    let manifest = Arc::new(Mutex::new(scene::pod("far", &[&container], &[])));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let shown = Arc::clone(&manifest);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut request = [0; 2048];
            assert!(client.read(&mut request).unwrap() > 0);
            assert!(request.starts_with(b"GET /pods HTTP/1.1"));
            let body = shown.lock().unwrap().clone();
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            client.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    let cluster = Cluster::configured(|_| format!("staticPodURL: http://{address}/pods\n"));
    let kubectl = cluster.kubectl();
    let appears = |wanted: &str| {
        let found =
            support::wait::poll(scene::LIMIT, || (kubectl.ok(&["get", "pods", "-o", "name"]) == wanted).then_some(()));
        assert!(found.is_some(), "{wanted:?}\n{}", cluster.logs());
    };
    appears("pod/far-node\n");
    kubectl.ok(&["wait", "--for=condition=Ready", "pod/far-node", TIMEOUT]);
    let source = ".metadata.annotations.kubernetes\\.io/config\\.source";
    assert_eq!(field(&kubectl, "pod/far-node", source), "http");
    *manifest.lock().unwrap() = "{apiVersion: v1, kind: PodList, items: []}".to_owned();
    appears("");
}

/// A change of what the container `main` asks for and may use.
fn amounts(cpu: &str, memory: &str) -> String {
    let amounts = format!("{{\"cpu\": \"{cpu}\", \"memory\": \"{memory}\"}}");
    let resources = format!("{{\"requests\": {amounts}, \"limits\": {amounts}}}");
    format!("{{\"spec\": {{\"containers\": [{{\"name\": \"main\", \"resources\": {resources}}}]}}}}")
}

#[test]
fn a_resize_is_given_refused_or_restarts_a_container() {
    let stage = stage();
    let kubectl = stage.cluster.kubectl();
    let resources = "resources: {limits: {cpu: 20m, memory: 32Mi}, requests: {cpu: 20m, memory: 32Mi}}";
    let policy = "resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]";
    let linux =
        stage.container("main", "trap \"exit 0\" TERM; while :; do sleep 0.1; done", &format!("{resources}, {policy}"));
    let wasm = format!("{{name: main, image: '{}', ports: [{{containerPort: 8080}}], {resources}}}", stage.http);
    let resize = |pod: &str, cpu: &str, memory: &str| {
        kubectl.ok(&["patch", "pod", pod, "--subresource", "resize", "--patch", &amounts(cpu, memory)]);
    };
    let of = |path: &str| format!(".status.containerStatuses[0].{path}");
    let condition = |kind: &str, path: &str| format!(".status.conditions[?(@.type==\"{kind}\")].{path}");
    for (pod, container) in [("resized-linux", &linux), ("resized-wasm", &wasm)] {
        let object = format!("pod/{pod}");
        scene::create(&kubectl, &scene::pod(pod, &[container], &[]));
        becomes(&stage.cluster, &kubectl, &object, &of("ready"), "true");
        resize(pod, "30m", "32Mi");
        becomes(&stage.cluster, &kubectl, &object, &of("resources.limits.cpu"), "30m");
        assert_eq!(field(&kubectl, &object, &of("restartCount")), "0", "{pod}");
        // Linux: its policy asks for it. Wasm: linear memory was bounded at the start.
        resize(pod, "30m", "48Mi");
        becomes(&stage.cluster, &kubectl, &object, &of("resources.limits.memory"), "48Mi");
        becomes(&stage.cluster, &kubectl, &object, &of("restartCount"), "1");
        becomes(&stage.cluster, &kubectl, &object, &of("ready"), "true");
        becomes(&stage.cluster, &kubectl, &object, &condition("PodResizeInProgress", "status"), "");
        resize(pod, "9000", "48Mi");
        becomes(&stage.cluster, &kubectl, &object, &condition("PodResizePending", "reason"), "Infeasible");
        let message = field(&kubectl, &object, &condition("PodResizePending", "message"));
        assert!(
            message.starts_with("Node didn't have enough capacity: cpu, requested: 9000000, capacity: "),
            "{message}"
        );
        assert_eq!(field(&kubectl, &object, &of("allocatedResources.cpu")), "30m");
        // Taking it back ends the matter.
        resize(pod, "30m", "48Mi");
        becomes(&stage.cluster, &kubectl, &object, &condition("PodResizePending", "status"), "");
        let events = kubectl.ok(&["get", "events", "--field-selector", &format!("involvedObject.name={pod}")]);
        for reason in ["ResizeStarted", "ResizeCompleted", "ResizeInfeasible"] {
            assert!(events.contains(reason), "{reason}: {events}");
        }
        kubectl.ok(&["delete", "pod", pod, TIMEOUT]);
    }
}
