//! `bireme doctor`, as root and as an ordinary user.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use serde_json::Value;

const BIREME: &str = env!("CARGO_BIN_EXE_bireme");
/// A user and group that own nothing.
const USER: u32 = 61_111;

/// Runs it with a folder for state, as root or as that user.
fn doctor(user: Option<u32>, arguments: &[&str]) -> Output {
    let data = tempfile::tempdir().unwrap();
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new(BIREME);
    command.arg("doctor").arg("--data-dir").arg(data.path()).args(arguments);
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let output = command.output().unwrap();
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "it leaves nothing behind");
    output
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// State of a check.
fn state<'a>(report: &'a Value, name: &str) -> &'a str {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).and_then(|check| check["state"].as_str()).unwrap()
}

#[test]
fn root_on_this_machine_can_run_a_cluster() {
    let output = doctor(None, &["--listen", "127.0.0.1:0", "-o", "json"]);
    let report = json(&output);
    assert_eq!((output.status.code(), &report["canRun"]), (Some(0), &Value::Bool(true)), "{report:#}");
    for name in ["privileges", "overlayfs", "nftables", "pod network", "seccomp", "WebAssembly", "port"] {
        assert_eq!(state(&report, name), "ok", "{name}: {report:#}");
    }
}

#[test]
fn an_ordinary_user_is_told_what_root_would_bring() {
    let output = doctor(Some(USER), &["--listen", "127.0.0.1:0"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("limited   an ordinary user"), "{text}");
    assert!(text.contains("costs: Wasm containers only"), "{text}");
    assert!(text.contains("helps: run as root: sudo bireme up"), "{text}");
    assert!(text.ends_with("A cluster runs here, with the limits above.\n"), "{text}");
}

#[test]
fn a_port_that_somebody_has_is_named_and_fails() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = doctor(None, &["--listen", &address, "-o", "json"]);
    let report = json(&output);
    assert_eq!((output.status.code(), state(&report, "port")), (Some(1), "missing"));
    let text = String::from_utf8(doctor(None, &["--listen", &address]).stdout).unwrap();
    assert!(text.contains(&address) && text.contains("choose another: --listen 127.0.0.1:0"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_fails() {
    let output = Command::new(BIREME)
        .args(["doctor", "--listen", "127.0.0.1:0", "--data-dir", "/proc/1/none", "-o", "json"])
        .output()
        .unwrap();
    assert_eq!((output.status.code(), state(&json(&output), "disk writes")), (Some(1), "missing"));
}
