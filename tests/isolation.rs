//! What keeps a pod's containers together, and apart from everything else: read from the kernel, not from the API.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use registry_client::manifest::ProcessConfig;
use registry_client::publish::{ImageFile, WasmComponent, linux_image, wasm_artifact};
use support::cluster::Cluster;
use support::images::Images;
use support::kubectl::Kubectl;
use support::machine::{self, Process};
use support::scene::{self, LIMIT, Shared, TIMEOUT, field};
use support::{repository, wait};

/// The sample, running.
#[derive(Debug)]
struct Sample {
    // Goes before the registry that it pulls from.
    cluster: Cluster,
    images: Images,
}

/// Both containers of one pod of the sample.
#[derive(Debug)]
struct Seen {
    uid: String,
    linux: Seat,
    wasm: Seat,
}

/// A container: its group below the root of each tree, and its processes.
#[derive(Debug)]
struct Seat {
    group: String,
    processes: Vec<Process>,
}

fn sample() -> Arc<Sample> {
    static SAMPLE: Shared<Sample> = Shared::new();
    SAMPLE.get(|| {
        let images = Images::serve();
        let registry = publish(&images);
        let cluster = Cluster::start();
        let kubectl = cluster.kubectl();
        for name in ["deployment.yaml", "service.yaml"] {
            let text = std::fs::read_to_string(repository("samples/hello").join(name)).unwrap();
            kubectl.run_with(&["apply", "-f", "-"], &text.replace("__REGISTRY__", &registry)).ok();
        }
        let kubectl = cluster.kubectl();
        kubectl.ok(&["rollout", "status", "deployment/hello", TIMEOUT]);
        Sample { cluster, images }
    })
}

/// Builds and publishes both images of the sample; returns the registry's address.
fn publish(images: &Images) -> String {
    let folder = tempfile::tempdir().unwrap();
    let program = support::sample::backend(folder.path());
    let file = ImageFile { path: "backend".into(), mode: 0o755, content: std::fs::read(&program).unwrap() };
    let entrypoint = Some(vec!["/backend".into()]);
    let process = ProcessConfig { entrypoint, ..ProcessConfig::default() };
    images.publish("hello-backend", &linux_image(&images.blobs, &[file], process).unwrap());
    let wasm = std::fs::read(repository("samples/hello/frontend/hello-frontend.wasm")).unwrap();
    let frontend = wasm_artifact(&images.blobs, &wasm, Some(WasmComponent::default())).unwrap();
    let reference = images.publish("hello-frontend", &frontend);
    reference.split_once('/').unwrap().0.to_owned()
}

impl Sample {
    fn kubectl(&self) -> Kubectl {
        self.cluster.kubectl()
    }

    fn pods(&self) -> Vec<Seen> {
        let kubectl = self.kubectl();
        let names = kubectl.ok(&["get", "pods", "-l", "app=hello", "-o", "name"]);
        names.lines().map(|pod| self.seen(&kubectl, pod)).collect()
    }

    fn seen(&self, kubectl: &Kubectl, pod: &str) -> Seen {
        let uid = field(kubectl, pod, ".metadata.uid");
        let seat = |container: &str| self.seat(kubectl, pod, &uid, container);
        Seen { linux: seat("backend"), wasm: seat("frontend"), uid }
    }

    fn seat(&self, kubectl: &Kubectl, pod: &str, uid: &str, container: &str) -> Seat {
        let id = field(kubectl, pod, &format!(".status.containerStatuses[?(@.name=='{container}')].containerID"));
        let id = id.strip_prefix("bireme://").unwrap_or_else(|| panic!("{container} has id {id:?}"));
        let group = format!("{}/{id}", machine::pod_group(self.cluster.instance(), uid).unwrap());
        let processes = machine::processes(&group);
        assert!(!processes.is_empty(), "no process is in {group}");
        Seat { group, processes }
    }
}

impl Seen {
    fn all(&self) -> impl Iterator<Item = Process> {
        self.linux.processes.iter().chain(&self.wasm.processes).copied()
    }
}

#[test]
fn containers_of_a_pod_share_its_namespaces_and_nobody_elses() {
    let sample = sample();
    let pods = sample.pods();
    assert_eq!(pods.len(), 2);
    let agent = machine::child(&sample.cluster, "node-role");
    let host = Process(i32::try_from(std::process::id()).unwrap());
    for kind in ["net", "ipc", "uts"] {
        let of = |pod: &Seen| {
            let mut all: Vec<String> = pod.all().map(|process| process.namespace(kind)).collect();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 1, "containers of a pod are in several {kind} namespaces: {pod:?}");
            all.remove(0)
        };
        let all = [of(&pods[0]), of(&pods[1]), agent.namespace(kind)];
        assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2], "{kind}: {all:?}");
        assert_eq!(agent.namespace(kind), host.namespace(kind));
    }
    for pod in &pods {
        let [linux, wasm] = [&pod.linux, &pod.wasm].map(|seat| seat.processes[0]);
        let mounts = [linux, wasm, agent].map(|process| process.namespace("mnt"));
        assert!(mounts[0] != mounts[1] && mounts[0] != mounts[2] && mounts[1] != mounts[2], "{mounts:?}");
        assert_ne!(linux.namespace("pid"), agent.namespace("pid"));
    }
}

#[test]
fn containers_stand_below_their_pods_group_with_their_limits() {
    let sample = sample();
    for pod in sample.pods() {
        // Its containers have limits, but not of every resource.
        let pods_group = format!("/bireme-{}/pods/burstable/{}/", sample.cluster.instance(), pod.uid);
        for process in pod.all() {
            let groups = process.cgroups();
            let inside = groups.iter().filter(|group| group.contains(&pods_group)).count();
            assert!(inside > 0, "process {} is outside {pods_group}: {groups:?}", process.0);
        }
        let memory = |group: &str| machine::setting(group, "memory.limit_in_bytes", "memory.max");
        assert_eq!(memory(&pod.linux.group), (32 << 20).to_string());
        assert_eq!(memory(&pod.wasm.group), (64 << 20).to_string());
        assert_eq!(memory(pods_group.trim_matches('/')), (96 << 20).to_string());
    }
}

#[test]
fn a_cpu_limit_holds_for_both_kinds() {
    /// Long enough that one period of the quota more or less does not matter.
    const WATCHED: Duration = Duration::from_secs(3);
    const TICKS_PER_SECOND: f64 = 100.0;
    let sample = sample();
    let kubectl = sample.kubectl();
    let limit = "resources: {limits: {cpu: 100m}}";
    let (busybox, spin) = (sample.images.busybox(), sample.images.guest("spin"));
    let linux = format!("{{name: linux, image: '{busybox}', args: [sh, -c, 'while :; do :; done'], {limit}}}");
    let wasm = format!("{{name: wasm, image: '{spin}', {limit}}}");
    scene::create(&kubectl, &scene::pod("busy", &[&linux, &wasm], &["terminationGracePeriodSeconds: 0"]));
    scene::becomes(&sample.cluster, &kubectl, "pod/busy", ".status.phase", "Running");
    let uid = field(&kubectl, "pod/busy", ".metadata.uid");
    let seats = ["linux", "wasm"].map(|container| sample.seat(&kubectl, "pod/busy", &uid, container));
    let used = |seat: &Seat| seat.processes.iter().map(|process| process.cpu_ticks()).sum::<u64>();
    let (begun, before) = (std::time::Instant::now(), seats.each_ref().map(used));
    std::thread::sleep(WATCHED);
    let (after, watched) = (seats.each_ref().map(used), begun.elapsed().as_secs_f64());
    for (seat, (before, after)) in seats.iter().zip(before.into_iter().zip(after)) {
        let ticks = after - before;
        assert!(ticks > 0, "nothing runs in {}", seat.group);
        #[allow(clippy::cast_precision_loss, reason = "seconds of CPU time")]
        let share = ticks as f64 / TICKS_PER_SECOND / watched;
        assert!(share < 0.15, "{} used {share:.2} of a CPU; its limit is 0.10", seat.group);
    }
    kubectl.ok(&["delete", "pod", "busy", TIMEOUT]);
}

#[test]
fn a_wasm_worker_has_no_privilege() {
    for pod in sample().pods() {
        for process in &pod.wasm.processes {
            let ids = process.status("Uid");
            assert!(ids.split_whitespace().all(|id| id != "0"), "uids {ids}");
            let groups = process.status("Gid");
            assert!(groups.split_whitespace().all(|id| id != "0"), "gids {groups}");
            for set in ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"] {
                assert_eq!(process.status(set), "0000000000000000", "{set}");
            }
            assert_eq!(process.status("NoNewPrivs"), "1");
            assert_eq!(process.status("Seccomp"), "2", "no filter of system calls");
        }
    }
}

#[test]
fn workers_of_different_pods_are_different_users() {
    let users: Vec<String> = sample().pods().iter().map(|pod| pod.wasm.processes[0].status("Uid")).collect();
    assert_ne!(users[0], users[1]);
}

#[test]
fn a_linux_container_has_the_default_filter_and_capabilities() {
    /// The set that container runtimes agree on: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
    /// net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap (capabilities(7)).
    const DEFAULT: u64 = 0xa804_25fb;
    for pod in sample().pods() {
        for process in &pod.linux.processes {
            assert_eq!(process.status("Seccomp"), "2");
            for set in ["CapEff", "CapPrm", "CapBnd"] {
                let found = u64::from_str_radix(&process.status(set), 16).unwrap();
                assert_eq!(found, DEFAULT, "{set} is {found:#x}");
            }
            assert_eq!(process.status("CapAmb"), "0000000000000000");
        }
    }
}

#[test]
fn root_in_a_pod_with_ids_of_its_own_is_nobody_on_the_node() {
    let sample = sample();
    let kubectl = sample.kubectl();
    let script = "id -u; touch /made && stat -c %u /made; cat /proc/sys/net/ipv4/ping_group_range; exec sleep 1000";
    let container = format!("{{name: main, image: '{}', args: [sh, -c, '{script}']}}", sample.images.busybox());
    let pings = "securityContext: {sysctls: [{name: net.ipv4.ping_group_range, value: 0 1000}]}";
    scene::create(
        &kubectl,
        &scene::pod("mapped", &[&container], &["hostUsers: false", "terminationGracePeriodSeconds: 0", pings]),
    );
    scene::becomes(&sample.cluster, &kubectl, "pod/mapped", ".status.phase", "Running");
    let uid = field(&kubectl, "pod/mapped", ".metadata.uid");
    let seat = sample.seat(&kubectl, "pod/mapped", &uid, "main");
    let host = Process(i32::try_from(std::process::id()).unwrap());
    for process in &seat.processes {
        assert_ne!(process.namespace("user"), host.namespace("user"));
        let first = process.status("Uid").split_whitespace().next().unwrap().parse::<u32>().unwrap();
        assert!(first > 1_900_000_000 && first.is_multiple_of(1 << 16), "root inside is {first} on the node");
    }
    let printed = wait::poll(LIMIT, || Some(kubectl.ok(&["logs", "mapped"])).filter(|log| log.lines().count() == 3));
    assert_eq!(printed.as_deref(), Some("0\n0\n0\t1000\n"));
    kubectl.ok(&["delete", "pod", "mapped", TIMEOUT]);
}

#[test]
fn limits_change_while_a_container_runs() {
    let sample = sample();
    let kubectl = sample.kubectl();
    let resources = "resources: {limits: {cpu: 100m, memory: 32Mi}, requests: {cpu: 100m, memory: 32Mi}}";
    let container =
        format!("{{name: main, image: '{}', args: [sh, -c, sleep 1000], {resources}}}", sample.images.busybox());
    scene::create(&kubectl, &scene::pod("resized", &[&container], &["terminationGracePeriodSeconds: 0"]));
    scene::becomes(&sample.cluster, &kubectl, "pod/resized", ".status.phase", "Running");
    let uid = field(&kubectl, "pod/resized", ".metadata.uid");
    let seat = sample.seat(&kubectl, "pod/resized", &uid, "main");
    let amounts = r#"{"cpu": "200m", "memory": "48Mi"}"#;
    let change = format!(
        r#"{{"spec": {{"containers": [{{"name": "main", "resources": {{"limits": {amounts}, "requests": {amounts}}}}}]}}}}"#
    );
    kubectl.ok(&["patch", "pod", "resized", "--subresource", "resize", "--patch", &change]);
    let shown = ".status.containerStatuses[0].resources.limits.memory";
    scene::becomes(&sample.cluster, &kubectl, "pod/resized", shown, "48Mi");
    assert_eq!(machine::setting(&seat.group, "memory.limit_in_bytes", "memory.max"), (48 << 20).to_string());
    let quota = machine::setting(&seat.group, "cpu.cfs_quota_us", "cpu.max");
    assert!(quota.starts_with("20000"), "{quota}");
    assert_eq!(field(&kubectl, "pod/resized", ".status.containerStatuses[0].restartCount"), "0");
    assert_eq!(field(&kubectl, "pod/resized", ".status.containerStatuses[0].allocatedResources.cpu"), "200m");
    kubectl.ok(&["delete", "pod", "resized", TIMEOUT]);
}

#[test]
fn a_sysctl_of_the_whole_node_is_refused() {
    let sample = sample();
    let kubectl = sample.kubectl();
    let container = format!("{{name: main, image: '{}', args: [sh, -c, sleep 1000]}}", sample.images.busybox());
    let sysctl = "securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}";
    scene::create(&kubectl, &scene::pod("tuned", &[&container], &[sysctl]));
    scene::becomes(&sample.cluster, &kubectl, "pod/tuned", ".status.reason", "SysctlForbidden");
    assert_eq!(field(&kubectl, "pod/tuned", ".status.phase"), "Failed");
    let message = "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted";
    assert_eq!(field(&kubectl, "pod/tuned", ".status.message"), message);
    kubectl.ok(&["delete", "pod", "tuned", TIMEOUT]);
}

/// An answer to a request from this process, with its head.
fn ask(address: &str, path: &str) -> std::io::Result<String> {
    const TRY: Duration = Duration::from_secs(5);
    let address = address.parse().map_err(std::io::Error::other)?;
    let mut connection = TcpStream::connect_timeout(&address, TRY)?;
    connection.set_read_timeout(Some(TRY))?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: hello\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_service_answers_the_host_and_pods_and_pods_answer_each_other() {
    let sample = sample();
    let kubectl = sample.kubectl();
    let cluster_ip = field(&kubectl, "service/hello", ".spec.clusterIP");
    let from_host = wait::poll(LIMIT, || ask(&format!("{cluster_ip}:80"), "/?nonce=host").ok());
    let from_host = from_host.unwrap_or_else(|| panic!("no answer\n{}", sample.cluster.logs()));
    assert!(from_host.contains("backend says: nonce=host "), "{from_host}");
    let ips = kubectl.ok(&["get", "pods", "-l", "app=hello", "-o", "jsonpath={.items[*].status.podIP}"]);
    let targets = [cluster_ip.clone()].into_iter().chain(ips.split(' ').map(|ip| format!("{ip}:8080")));
    let asks: Vec<String> = targets
        .enumerate()
        .map(|(number, target)| {
            format!("until wget -q -O - \"http://{target}/?nonce=pod-{number}\"; do sleep 0.2; done")
        })
        .collect();
    let container =
        format!("{{name: main, image: '{}', args: [sh, -c, '{}']}}", sample.images.busybox(), asks.join("; "));
    scene::create(&kubectl, &scene::pod("client", &[&container], &["restartPolicy: Never"]));
    scene::becomes(&sample.cluster, &kubectl, "pod/client", ".status.phase", "Succeeded");
    let answers = kubectl.ok(&["logs", "client"]);
    for number in 0..3 {
        assert!(answers.contains(&format!("backend says: nonce=pod-{number} ")), "{answers}");
    }
}
