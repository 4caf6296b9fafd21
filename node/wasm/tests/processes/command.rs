//! Guests that run to their end.

use std::net::TcpListener;

use wasm::{Entry, ExitReason, Preopen, WorkerSpec, inspect, unsatisfied};

use crate::lab::{Lab, fixture, spec};
use crate::worker::{Ended, Worker};

fn run(lab: &Lab, guest: &str, spec: &WorkerSpec) -> Ended {
    Worker::start(spec, lab.compiled(guest)).end()
}

/// Runs `hello-cli` with one more argument and expects a line in its output.
fn check(lab: &Lab, spec: &WorkerSpec, argument: &str, line: &str) {
    let mut spec = spec.clone();
    spec.args.push(argument.to_owned());
    let ended = run(lab, "hello-cli.wasm", &spec);
    assert!(ended.stdout.lines().any(|written| written == line), "{line:?} not in {:?}", ended.stdout);
    assert_eq!(ended.exit.code, 0, "{:?}", ended.exit);
}

pub(crate) fn a_component_gets_what_it_was_given() {
    let lab = Lab::new();
    let mut spec = spec("hello-cli.wasm");
    spec.args.push("exit=42".to_owned());
    spec.env = vec![("GREETING".to_owned(), "good day".to_owned()), ("EMPTY".to_owned(), String::new())];
    let ended = run(&lab, "hello-cli.wasm", &spec);
    assert_eq!(
        ended.stdout,
        "arguments: hello-cli.wasm exit=42\nenvironment: GREETING=good day\nenvironment: EMPTY=\n"
    );
    assert_eq!((ended.exit.code, ended.exit.reason), (42, ExitReason::Error));
    assert_eq!(ended.status.code(), Some(42));
    assert_eq!(ended.stderr, "");
}

pub(crate) fn directories_are_the_only_files() {
    let lab = Lab::new();
    let host = lab.dir.path().join("volume");
    std::fs::create_dir(&host).unwrap();
    std::fs::write(host.join("greeting"), "from a volume").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", host.join("escape")).unwrap();
    let mut spec = spec("hello-cli.wasm");
    check(&lab, &spec, "cat=/data/greeting", "file: no directory holds /data/greeting");
    spec.preopens = vec![Preopen { host: host.clone(), guest: "/data".to_owned(), read_only: true }];
    check(&lab, &spec, "cat=/data/greeting", "file: from a volume");
    check(&lab, &spec, "cat=/data/../cache/key", "file: not-permitted");
    check(&lab, &spec, "cat=/data/escape", "file: not-permitted");
    check(&lab, &spec, "write=/data/new", "write: not-permitted");
    spec.preopens[0].read_only = false;
    check(&lab, &spec, "write=/data/new", "write: 20 bytes");
    assert_eq!(std::fs::read_to_string(host.join("new")).unwrap(), "written by the guest");
    spec.preopens[0].host = lab.dir.path().join("gone");
    let ended = run(&lab, "hello-cli.wasm", &spec);
    assert_eq!(ended.exit.reason, ExitReason::StartError);
    assert!(ended.exit.message.contains("gone"), "{}", ended.exit.message);
}

pub(crate) fn sockets_need_a_grant() {
    let lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connect = format!("connect={}", listener.local_addr().unwrap().port());
    let mut spec = spec("hello-cli.wasm");
    check(&lab, &spec, &connect, "connect: access-denied");
    spec.peers = vec!["127.0.0.1:1".to_owned(), "name-lookup".to_owned()];
    check(&lab, &spec, &connect, "connect: access-denied");
    spec.peers = vec![format!("127.0.0.0/8:{}", listener.local_addr().unwrap().port())];
    check(&lab, &spec, &connect, "connect: connected");
    spec.peers = vec!["localhost".to_owned()];
    let refused = run(&lab, "hello-cli.wasm", &spec).exit;
    assert_eq!(refused.reason, ExitReason::StartError);
    assert!(refused.message.contains("`localhost` grants no sockets"), "{}", refused.message);
    spec.peers.clear();
    spec.sockets = true;
    check(&lab, &spec, &connect, "connect: connected");
}

pub(crate) fn a_module_prints_and_exits() {
    let ended = run(&Lab::new(), "hello-module.wasm", &spec("hello-module.wasm"));
    assert_eq!(ended.stdout, "hello from a module\n");
    assert_eq!((ended.exit.code, ended.exit.reason), (3, ExitReason::Error));
}

pub(crate) fn a_trap_names_its_functions() {
    let ended = run(&Lab::new(), "trap.wasm", &spec("trap.wasm"));
    assert_eq!((ended.exit.code, ended.exit.reason), (134, ExitReason::WasmTrap));
    for part in ["faulty!divide_by_zero", "faulty!main", "integer divide by zero"] {
        assert!(ended.exit.message.contains(part), "{part} not in {}", ended.exit.message);
    }
    assert!(ended.exit.message.starts_with("wasm trap: integer divide by zero\n"), "{}", ended.exit.message);
}

pub(crate) fn memory_ends_at_the_limit() {
    let lab = Lab::new();
    let mut spec = spec("grow.wasm");
    assert_eq!(run(&lab, "grow.wasm", &spec).exit.code, 0);
    spec.memory_limit = Some(32 << 20);
    assert_eq!(run(&lab, "grow.wasm", &spec).exit.code, 7, "growing fails inside the guest");
    spec.memory_limit = Some(1);
    let ended = run(&lab, "grow.wasm", &spec);
    assert_eq!(ended.exit.reason, ExitReason::StartError);
    assert!(ended.exit.message.contains("resources.limits.memory"), "{}", ended.exit.message);
}

pub(crate) fn sigterm_ends_a_spinning_guest() {
    let lab = Lab::new();
    let worker = Worker::start(&spec("spin.wasm"), lab.compiled("spin.wasm")).ready();
    worker.terminate();
    let ended = worker.end();
    assert_eq!((ended.exit.code, ended.exit.reason), (143, ExitReason::Terminated));
}

pub(crate) fn a_worker_without_privileges_maps_its_code() {
    assert!(nix::unistd::geteuid().is_root(), "this test needs root: only root can drop to another user");
    let lab = Lab::new();
    for (guest, code) in [("hello-cli.wasm", 0), ("hello-module.wasm", 3)] {
        let ended = Worker::start_as(65_534, &spec(guest), lab.compiled(guest)).end();
        assert_eq!(ended.exit.code, code, "{guest}: {:?}", ended.exit);
    }
}

pub(crate) fn a_missing_interface_is_named() {
    let artifact = inspect(&std::fs::read(fixture("needs-import.wasm")).unwrap()).unwrap();
    let missing: Vec<String> = unsatisfied(&artifact).iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["wasi:keyvalue/store@0.2.0-draft"]);
    let lab = Lab::new();
    let mut spec = spec("needs-import.wasm");
    let library = run(&lab, "needs-import.wasm", &spec);
    assert!(library.exit.message.contains("it is a library"), "{}", library.exit.message);
    spec.entry = Entry::Command;
    let unlinked = run(&lab, "needs-import.wasm", &spec);
    assert_eq!((unlinked.exit.code, unlinked.exit.reason), (128, ExitReason::StartError));
    assert!(unlinked.exit.message.contains("wasi:keyvalue/store@0.2.0-draft"), "{}", unlinked.exit.message);
}
