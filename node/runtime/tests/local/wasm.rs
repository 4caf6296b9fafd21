//! Wasm containers through the whole tree.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};

use runtime::contract::{ContainerConfig, Runtime, RuntimeError, SandboxConfig, WasmConfig};

use crate::node::{Node, plain};

pub(crate) async fn says_hello() {
    let mut node = Node::start().await;
    node.sandbox("pod").await;
    let cases = [
        ("hello-module", 3, "Error", "stdout F hello from a module\n"),
        ("hello-cli", 0, "Completed", "stdout F arguments: app\nstdout F environment: HOSTNAME=pod-host\n"),
    ];
    for (attempt, (name, code, reason, line)) in cases.into_iter().enumerate() {
        let image = node.pull(name).await;
        let attempt = u32::try_from(attempt).unwrap();
        let id = node.start_container(ContainerConfig { attempt, ..plain("pod", &image) }).await;
        let exit = node.exit(&id).await;
        assert_eq!((exit.code, exit.reason.as_str()), (code, reason), "{name}: {}", exit.message);
        let log = node.log(&id).await;
        assert!(log.contains(line), "{name} logged {log:?}");
    }
}

pub(crate) async fn traps_with_a_backtrace() {
    let mut node = Node::start().await;
    let image = node.pull("trap").await;
    node.sandbox("pod").await;
    let id = node.start_container(plain("pod", &image)).await;
    let exit = node.exit(&id).await;
    assert_eq!((exit.code, exit.reason.as_str()), (134, "WasmTrap"));
    assert!(exit.message.contains("backtrace"), "{}", exit.message);
}

pub(crate) async fn names_a_missing_import() {
    let node = Node::start().await;
    node.sandbox("pod").await;
    let image = node.pull("unlinkable").await;
    let imports = node.runtime.image_status(&image).await.unwrap().unwrap().imports;
    let error = node.runtime.create_container(plain("pod", &image)).await.unwrap_err();
    assert!(matches!(&error, RuntimeError::Start { reason: "CreateContainerError", .. }), "{error}");
    assert!(imports.iter().any(|import| error.to_string().contains(import)), "{imports:?} in {error}");
    // It has no entry either, which matters only to one whose imports are granted.
    let image = node.pull("needs-import").await;
    let error = node.runtime.create_container(plain("pod", &image)).await.unwrap_err().to_string();
    assert!(error.contains("wasi:keyvalue/store@0.2.0-draft") && !error.contains("wasi:cli"), "{error}");
    let library = node.try_pull("library").await.unwrap_err();
    assert!(library.contains("is a library"), "{library}");
    let native = node.try_pull("native").await.unwrap_err();
    assert!(native.contains("never loaded from an image"), "{native}");
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

pub(crate) async fn serves_http() {
    let mut node = Node::start().await;
    let image = node.pull("http-cases").await;
    let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let config = SandboxConfig { addresses, ..node.sandbox_config("pod") };
    node.runtime.run_pod_sandbox(config).await.unwrap();
    let port = free_port();
    let wasm = WasmConfig { port: Some(port), ..WasmConfig::default() };
    let id = node.start_container(ContainerConfig { wasm, ..plain("pod", &image) }).await;
    // It listens as soon as the start has returned.
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nhost: pod\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    node.runtime.stop_container(&id, 10_000).await.unwrap();
    assert_ne!(node.exit(&id).await.signal, Some(9), "SIGTERM was enough");
}

pub(crate) async fn is_stopped_although_it_spins() {
    let mut node = Node::start().await;
    let image = node.pull("spin").await;
    node.sandbox("pod").await;
    let id = node.start_container(plain("pod", &image)).await;
    node.runtime.stop_container(&id, 10_000).await.unwrap();
    assert_eq!(node.exit(&id).await.code, 143);
}

pub(crate) async fn runs_unprivileged() {
    let node = Node::start().await;
    let image = node.pull("spin").await;
    node.sandbox("pod").await;
    let id = node.start_container(plain("pod", &image)).await;
    let pid = node.pid(&id).await;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let uids: Vec<u32> = field("Uid:").iter().map(|uid| uid.parse().unwrap()).collect();
    assert!(uids.iter().all(|uid| *uid >= 1_900_000_000), "{uids:?}");
    for set in ["CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "CapInh:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    assert!(std::fs::read_dir(format!("/proc/{pid}/root/etc")).unwrap().count() <= 3, "only the pod's own files");
    assert!(!std::path::Path::new(&format!("/proc/{pid}/root/bin")).exists());
    let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    assert!(!mounts.contains("cgroup"), "{mounts}");
}
