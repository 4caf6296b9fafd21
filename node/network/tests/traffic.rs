//! Real connections between real pods. Each test is a node of its own: a thread in a fresh network and mount namespace, so
//! that the machine's own network is untouched. Needs root, nftables and iproute2, and fails with the reason without.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]
#![allow(missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use network::contract::{PodNetwork, Protocol, ServicePort, Services};
use network::{Network, NetworkConfig, cleanup_blocking};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

/// Loopback and veth answer in microseconds; a dropped packet is found after this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs a test body as a node: one thread in namespaces of its own, with a runtime that never leaves it.
fn on_node<F: Future<Output = ()>>(v6: bool, body: impl FnOnce(NetworkConfig) -> F + Send + 'static) {
    assert!(nix::unistd::geteuid().is_root(), "these tests make network namespaces: run them as root");
    let outcome = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let cidr = |text: &str, length| (text.parse::<IpAddr>().unwrap(), length);
        let (pods, services) =
            if v6 { (("fd10:1::", 64), ("fd96::", 112)) } else { (("10.1.0.0", 24), ("10.96.0.0", 16)) };
        let config = NetworkConfig {
            run: dir.path().join("run"),
            pod_cidrs: vec![cidr(pods.0, pods.1)],
            service_cidrs: vec![cidr(services.0, services.1)],
            name: "brtest".to_owned(),
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body(config));
    })
    .join();
    outcome.unwrap();
}

/// Serves on a port of a pod: one line with the pod's name and the client's address.
async fn serve(pod: &PodNetwork, name: &'static str, port: u16) {
    let address = SocketAddr::new(pod.addresses[0], port);
    let listener = inside(pod.netns.as_deref(), move || TcpListener::bind(address)).await.unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, peer)) = listener.accept().await {
            stream.write_all(format!("{name} {}", peer.ip()).as_bytes()).await.unwrap();
        }
    });
}

/// What a server answers to a client in a namespace, or on the node.
async fn ask(from: Option<&Path>, to: SocketAddr) -> String {
    let answer = inside(from, move || {
        let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    });
    answer.await.unwrap_or_else(|error| format!("{:?}", error.kind()))
}

/// Works on a thread that enters a namespace and then ends.
async fn inside<T: Send + 'static>(
    netns: Option<&Path>,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let netns = netns.map(|path| File::open(path).unwrap());
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        netns.into_iter().for_each(|netns| setns(netns, CloneFlags::CLONE_NEWNET).unwrap());
        sender.send(work()).ok();
    });
    receiver.await.unwrap()
}

fn port(address: &str, endpoints: &[(IpAddr, u16)]) -> ServicePort {
    ServicePort {
        address: address.parse().unwrap(),
        protocol: Protocol::Tcp,
        port: 80,
        node_port: None,
        endpoints: endpoints.to_vec(),
        affinity_seconds: None,
    }
}

fn run(command: &str) {
    let words: Vec<_> = command.split_whitespace().collect();
    let status = std::process::Command::new(words[0]).args(&words[1..]).status();
    assert!(status.unwrap_or_else(|e| panic!("{command}: {e}")).success(), "{command}");
}

/// These ports, of the configured ranges.
fn serving<const N: usize>(ports: [ServicePort; N]) -> Services {
    Services { ports: ports.into(), ..Services::default() }
}

async fn two_pods(config: &NetworkConfig) -> (Arc<Network>, PodNetwork, PodNetwork) {
    let network = Network::open(config.clone()).await.unwrap();
    let (a, b) = (network.attach("pod-a", None).await.unwrap(), network.attach("pod-b", None).await.unwrap());
    serve(&a, "a", 8080).await;
    serve(&b, "b", 8080).await;
    (network, a, b)
}

/// The main paths, the same for both families.
async fn every_path(config: NetworkConfig, cluster: &str, idle: &str, expected: [&str; 3]) {
    let [node, first, second] = expected;
    let (network, a, b) = two_pods(&config).await;
    let (at_a, at_b) = (SocketAddr::new(a.addresses[0], 8080), SocketAddr::new(b.addresses[0], 8080));
    assert_eq!((at_a.ip().to_string().as_str(), at_b.ip().to_string().as_str()), (first, second));

    assert_eq!(ask(a.netns.as_deref(), at_b).await, format!("b {first}"), "pod to pod keeps the source");
    assert_eq!(ask(None, at_b).await, format!("b {node}"), "node to pod");

    let endpoints = [(at_a.ip(), 8080), (at_b.ip(), 8080)];
    network.set_services(&serving([port(cluster, &endpoints[1..]), port(idle, &[])])).await.unwrap();
    let service = SocketAddr::new(cluster.parse().unwrap(), 80);
    assert_eq!(ask(a.netns.as_deref(), service).await, format!("b {first}"), "pod to Service keeps the source");
    assert_eq!(ask(None, service).await, format!("b {node}"), "node to Service");
    assert_eq!(ask(b.netns.as_deref(), service).await, format!("b {node}"), "a pod reaches its own Service");

    let unserved = SocketAddr::new(idle.parse().unwrap(), 80);
    assert_eq!(ask(a.netns.as_deref(), unserved).await, "ConnectionRefused", "from a pod, no endpoints");
    assert_eq!(ask(None, unserved).await, "ConnectionRefused", "from the node, no endpoints");

    network.set_services(&serving([port(cluster, &endpoints)])).await.unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        seen.insert(ask(a.netns.as_deref(), service).await);
    }
    let both = BTreeSet::from([format!("a {node}"), format!("b {first}")]);
    assert_eq!(seen, both, "40 connections meet both endpoints");
    network.cleanup().await.unwrap();
}

#[test]
fn ipv4_paths() {
    on_node(false, |config| every_path(config, "10.96.0.10", "10.96.0.11", ["10.1.0.1", "10.1.0.2", "10.1.0.3"]));
}

#[test]
fn ipv6_paths() {
    on_node(true, |config| every_path(config, "fd96::10", "fd96::11", ["fd10:1::1", "fd10:1::2", "fd10:1::3"]));
}

/// A range that came later, on a machine that has no way to elsewhere.
async fn added_range(config: NetworkConfig, range: (&str, u8), cluster: &str, node: &str) {
    let routes = || String::from_utf8(ip(&["-4", "route"]).into_iter().chain(ip(&["-6", "route"])).collect()).unwrap();
    let (network, a, b) = two_pods(&config).await;
    let before = routes();
    let ranges = vec![(range.0.parse().unwrap(), range.1)];
    let ports = vec![port(cluster, &[(b.addresses[0], 8080)])];
    network.set_services(&Services { ranges: ranges.clone(), ports: ports.clone() }).await.unwrap();
    let service: SocketAddr = SocketAddr::new(cluster.parse().unwrap(), 80);
    assert_eq!(ask(a.netns.as_deref(), service).await, format!("b {}", a.addresses[0]), "from a pod");
    assert_eq!(ask(None, service).await, format!("b {node}"), "from the node");
    let idle = SocketAddr::new(service.ip(), 81);
    assert_eq!(ask(a.netns.as_deref(), idle).await, "ConnectionRefused", "from a pod, unserved");
    assert_eq!(ask(None, idle).await, "ConnectionRefused", "from the node, unserved");
    // A node that starts anew serves the range until it knows better, and lets go of it when it is gone.
    drop(network);
    let network = Network::open(config.clone()).await.unwrap();
    assert_eq!(ask(None, service).await, format!("b {node}"), "after a restart");
    network.set_services(&Services { ranges, ports }).await.unwrap();
    network.set_services(&Services::default()).await.unwrap();
    assert_eq!(routes(), before);
    network.cleanup().await.unwrap();
}

fn ip(arguments: &[&str]) -> Vec<u8> {
    std::process::Command::new("ip").args(arguments).output().unwrap().stdout
}

#[test]
fn added_ranges_are_served() {
    on_node(false, |config| added_range(config, ("10.97.0.0", 29), "10.97.0.3", "10.1.0.1"));
    on_node(true, |config| added_range(config, ("fd97::", 112), "fd97::3", "fd10:1::1"));
}

#[test]
fn an_added_range_takes_no_network_away() {
    on_node(false, |config| async move {
        let network = Network::open(config).await.unwrap();
        run("ip link add out0 type veth peer name out1");
        run("ip link set out0 up");
        run("ip link set out1 up");
        run("ip route add 192.0.2.0/24 dev out0 metric 600");
        let ranges = vec![("192.0.2.0".parse().unwrap(), 24)];
        network.set_services(&Services { ranges, ..Services::default() }).await.unwrap();
        let taken = String::from_utf8(ip(&["route", "get", "192.0.2.7"])).unwrap();
        assert!(taken.contains("dev out0"), "{taken}");
    });
}

#[test]
fn affinity_keeps_a_client_with_its_endpoint() {
    on_node(false, |config| async move {
        let (network, a, b) = two_pods(&config).await;
        let endpoints = [(a.addresses[0], 8080), (b.addresses[0], 8080)];
        let sticky = ServicePort { affinity_seconds: Some(60), ..port("10.96.0.10", &endpoints) };
        network.set_services(&serving([sticky])).await.unwrap();
        let mut seen = BTreeSet::new();
        for _ in 0..20 {
            seen.insert(ask(None, "10.96.0.10:80".parse().unwrap()).await);
        }
        assert_eq!(seen.len(), 1, "{seen:?}");
    });
}

#[test]
fn a_node_port_answers_on_the_nodes_addresses() {
    on_node(false, |config| async move {
        let (network, a, b) = two_pods(&config).await;
        // A machine beside the node.
        let outside = config.run.join("outside");
        inside(None, {
            let outside = outside.clone();
            move || {
                unshare(CloneFlags::CLONE_NEWNET)?;
                File::create(&outside)?;
                mount(Some("/proc/thread-self/ns/net"), &outside, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
                Ok(())
            }
        })
        .await
        .unwrap();
        run(&format!("ip link add out0 type veth peer name eth0 netns {}", outside.display()));
        run("ip addr add 192.0.2.1/24 dev out0");
        run("ip link set out0 up");
        let net = format!("nsenter --net={}", outside.display());
        run(&format!("{net} ip addr add 192.0.2.2/24 dev eth0"));
        run(&format!("{net} ip link set eth0 up"));

        let open = |affinity_seconds| ServicePort {
            node_port: Some(30080),
            affinity_seconds,
            ..port("10.96.0.10", &[(b.addresses[0], 8080)])
        };
        let at_node = "192.0.2.1:30080".parse().unwrap();
        for affinity in [None, Some(60)] {
            network.set_services(&serving([open(affinity)])).await.unwrap();
            assert_eq!(ask(Some(&outside), at_node).await, "b 10.1.0.1", "from outside, {affinity:?}");
            assert_eq!(ask(None, at_node).await, "b 10.1.0.1", "from the node, {affinity:?}");
            assert_eq!(ask(a.netns.as_deref(), at_node).await, "b 10.1.0.1", "from a pod, {affinity:?}");
        }
        // Pods reach the world with the node's address there.
        let listener = inside(Some(&outside), || TcpListener::bind("192.0.2.2:9000")).await.unwrap();
        let accepting = thread::spawn(move || listener.accept().unwrap().1.ip().to_string());
        ask(a.netns.as_deref(), "192.0.2.2:9000".parse().unwrap()).await;
        assert_eq!(accepting.join().unwrap(), "192.0.2.1");
    });
}

#[test]
fn attaching_is_idempotent_over_restarts_and_detaching_too() {
    on_node(false, |config| async move {
        let first = Network::open(config.clone()).await.unwrap();
        let pod = first.attach("pod-a", None).await.unwrap();
        assert_eq!(first.attach("pod-a", None).await.unwrap(), pod);
        first.set_services(&serving([port("10.96.0.10", &[(pod.addresses[0], 8080)])])).await.unwrap();
        drop(first);
        let second = Network::open(config.clone()).await.unwrap();
        assert_eq!(second.attached().await, ["pod-a"]);
        assert_eq!(second.attach("pod-a", None).await.unwrap(), pod);
        serve(&pod, "a", 8080).await;
        assert_eq!(ask(None, SocketAddr::new(pod.addresses[0], 8080)).await, "a 10.1.0.1");
        assert_eq!(ask(None, "10.96.0.10:80".parse().unwrap()).await, "a 10.1.0.1", "Services outlive a restart");

        second.detach("pod-a").await.unwrap();
        second.detach("pod-a").await.unwrap();
        assert!(!pod.netns.unwrap().exists());
        assert_ne!(
            second.attach("pod-a", None).await.unwrap().addresses,
            pod.addresses,
            "an address was reused at once"
        );
        assert!(second.attach("../a", None).await.is_err());
    });
}

#[test]
fn nothing_is_left_after_cleanup() {
    on_node(false, |config| async move {
        let look = || {
            let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
            let links: BTreeSet<PathBuf> = list("/sys/class/net");
            let output = |program: &str, arguments: &[&str]| {
                String::from_utf8(std::process::Command::new(program).args(arguments).output().unwrap().stdout).unwrap()
            };
            let routes = output("ip", &["route", "show", "table", "all"]);
            (mounts.lines().count(), links, output("nft", &["list", "tables"]), routes.lines().count())
        };
        run("ip link set lo up");
        let before = look();
        let (network, _, _) = two_pods(&config).await;
        network.set_services(&serving([port("10.96.0.10", &[])])).await.unwrap();
        assert_ne!(look(), before);
        drop(network);
        cleanup_blocking(&config).unwrap();
        cleanup_blocking(&config).unwrap();
        assert_eq!(look(), before);
        assert_eq!(list(config.run.to_str().unwrap()), BTreeSet::new());
    });
}

fn list(dir: &str) -> BTreeSet<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}
