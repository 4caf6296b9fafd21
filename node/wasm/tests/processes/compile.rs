//! The compile child and its limits.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use wasm::{COMPILE_ROLE, CompileError, CompileLimits, compile};

use crate::lab::{Lab, exe};

/// A small function that is very expensive to compile: many locals live across many branches.
fn hostile() -> String {
    const LOCALS: usize = 1500;
    const BRANCHES: usize = 20_000;
    let mut text = format!("(module (func (export \"f\") (param i32) (local {}) (block\n", "i32 ".repeat(LOCALS));
    for step in 0..BRANCHES {
        let (from, to) = (step % LOCALS + 1, (step * 7 + 3) % LOCALS + 1);
        writeln!(
            text,
            "local.get {from} local.get 0 i32.add local.set {to} (block local.get {to} br_if 0 local.get 0 br_if 1)"
        )
        .unwrap();
    }
    text.push_str(")))");
    text
}

fn check(text: &str, limits: CompileLimits) -> Result<(), CompileError> {
    let lab = Lab::new();
    compile(&exe(), &lab.artifact(text), &lab.dir.path().join("out"), limits)
}

pub(crate) fn hostile_code_is_stopped_by_each_limit() {
    let hostile = hostile();
    let limits = CompileLimits::default();
    let second = Duration::from_secs(1);
    let outcome = check(&hostile, CompileLimits { cpu: second, ..limits });
    assert!(matches!(outcome, Err(CompileError::Cpu(limit)) if limit == second), "{outcome:?}");
    let outcome = check(&hostile, CompileLimits { memory: 64 << 20, ..limits });
    assert!(matches!(outcome, Err(CompileError::Memory(_))), "{outcome:?}");
    let wall = Duration::from_millis(500);
    let outcome = check(&hostile, CompileLimits { wall, ..limits });
    assert!(matches!(outcome, Err(CompileError::Wall(limit)) if limit == wall), "{outcome:?}");
}

pub(crate) fn invalid_code_is_explained() {
    let outcome = check("(module (func (result i32) i64.const 1))", CompileLimits::default());
    match outcome {
        Err(CompileError::Invalid(message)) => assert!(message.contains("type mismatch"), "{message}"),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn an_artifact_over_the_size_limit_is_not_read() {
    let outcome = check("(module)", CompileLimits { input: 7, ..CompileLimits::default() });
    assert!(matches!(outcome, Err(CompileError::TooLarge { size: 8, limit: 7 })), "{outcome:?}");
}

pub(crate) fn the_compiler_has_no_identity_network_or_files() {
    assert!(nix::unistd::geteuid().is_root(), "this test needs root: only root can drop to another user");
    // The odd limit tells this child from those of other tests.
    let limits = CompileLimits { memory: (1 << 30) + 4097, wall: Duration::from_secs(20), ..CompileLimits::default() };
    let compiling = std::thread::spawn(move || check(&hostile(), limits));
    let deadline = Instant::now() + Duration::from_secs(20);
    let pid = loop {
        // The child is renamed by nothing: its arguments tell it, its user tells that it has shut itself in.
        let shut_in = |pid: &String| status(pid).contains("Uid:\t65534\t65534\t65534\t65534");
        match child_with(&limits.memory.to_string()).filter(shut_in) {
            Some(pid) => break pid,
            None => assert!(Instant::now() < deadline && !compiling.is_finished(), "the child was not seen"),
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let status = status(&pid);
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let namespace = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/net")).unwrap();
    assert_ne!(namespace(&pid), namespace("self"));
    let files = std::fs::read_dir(format!("/proc/{pid}/root/")).unwrap().count();
    assert_eq!(files, 0, "its root is empty");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.parse().unwrap()), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    compiling.join().unwrap().unwrap_err();
}

fn status(pid: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()
}

/// The compile child that was given this argument.
fn child_with(argument: &str) -> Option<String> {
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    processes.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).find(|pid| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&str> = line.split('\0').collect();
        words.get(1) == Some(&COMPILE_ROLE) && words.contains(&argument)
    })
}
