//! `bireme wasm`: artifacts without a cluster, in files and in a registry that is not ours.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::BIREME;
use support::debian_registry::{DebianRegistry, PASSWORD, USER};

/// Until a small artifact is compiled and serves, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/fixtures").join(name)
}

/// A directory for what is compiled, and `bireme wasm` in it.
struct Tool(tempfile::TempDir);

impl Tool {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BIREME);
        command.arg("wasm").args(arguments).env("BIREME_WASM_DIR", self.0.path()).env("DOCKER_CONFIG", self.0.path());
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it prints when all is well.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says when it fails, and its exit code.
    #[track_caller]
    fn fails(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Lets later commands know the password of a registry, as `docker login` does.
    fn log_in(&self, registry: &str) {
        let auths = serde_json::json!({"auths": {registry: {"username": USER, "password": PASSWORD}}});
        std::fs::write(self.0.path().join("config.json"), auths.to_string()).unwrap();
    }
}

/// A server that is ended with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill().and_then(|()| self.0.wait()));
    }
}

fn path(name: &str) -> String {
    fixture(name).display().to_string()
}

#[test]
fn a_program_gets_its_arguments_and_directories_and_its_exit_code_is_ours() {
    let tool = Tool::new();
    let module = tool.run(&["run", &path("hello-module.wasm")]);
    assert_eq!((&*module.stdout, module.status.code()), (&b"hello from a module\n"[..], Some(3)));
    let (code, told) = tool.fails(&["run", &path("trap.wasm")]);
    assert_eq!(code, Some(134), "as after an abort: {told}");
    assert!(told.contains("divide_by_zero"), "the backtrace names functions: {told}");
    let folder = tempfile::tempdir().unwrap();
    let volume = format!("{}:/data", folder.path().display());
    let words = ["one", "--two", "write=/data/a", "cat=/data/a", "exit=7"];
    let cli = path("hello-cli.wasm");
    let grants = ["run", "-v", &volume, "-e", "GREETING=hi", &cli];
    let run = tool.run(&[&grants[..], &words[..]].concat());
    let told = String::from_utf8_lossy(&run.stdout);
    let wanted = [
        "arguments: hello-cli.wasm one --two write=/data/a cat=/data/a exit=7",
        "environment: GREETING=hi",
        "write: 20 bytes",
        "file: written by the guest",
    ];
    assert_eq!((told.lines().collect::<Vec<_>>(), run.status.code()), (wanted.to_vec(), Some(7)));
    let read_only = format!("{volume}:ro");
    let run = tool.run(&["run", "-v", &read_only, &cli, "write=/data/a", "cat=/data/a", "cat=/etc/passwd"]);
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(told.contains("write: ") && !told.contains("bytes"), "{told}");
    assert!(told.contains("file: written by the guest\nfile: no directory holds /etc/passwd"), "{told}");
}

/// Copies what it reads to where it writes, once.
const COPY: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 1024))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

#[test]
fn a_program_reads_what_is_piped_to_it() {
    let tool = Tool::new();
    let file = tool.0.path().join("copy.wasm");
    std::fs::write(&file, wat::parse_str(COPY).unwrap()).unwrap();
    let mut command = tool.command(&["run", file.to_str().unwrap()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((&*output.stdout, output.status.code()), (&b"through"[..], Some(0)));
    assert!(tool.run(&["run", file.to_str().unwrap()]).stdout.is_empty(), "nothing is piped");
}

#[test]
fn memory_ends_at_the_limit() {
    let tool = Tool::new();
    assert_eq!(tool.run(&["run", "--memory", "1Mi", &path("grow.wasm")]).status.code(), Some(7));
    assert_eq!(tool.run(&["run", &path("grow.wasm")]).status.code(), Some(0));
    let (_, told) = tool.fails(&["run", "--memory", "lots", &path("grow.wasm")]);
    assert!(told.contains("--memory") && told.contains("lots"), "{told}");
}

#[test]
fn wrong_artifacts_are_named() {
    let tool = Tool::new();
    let (_, told) = tool.fails(&["run", &path("needs-import.wasm")]);
    assert!(told.contains("it imports what no node offers: "), "{told}");
    let (_, told) = tool.fails(&["run", "No/Such/File"]);
    assert!(told.contains("there is no file \"No/Such/File\""), "{told}");
    let (_, told) = tool.fails(&["inspect", BIREME]);
    assert!(told.contains("ELF"), "{told}");
    let (_, told) = tool.fails(&["push", BIREME, "127.0.0.1:1/a:b"]);
    assert!(told.contains("ELF"), "{told}");
}

#[test]
fn inspection_tells_how_it_is_run_and_what_it_needs() {
    let tool = Tool::new();
    let text = tool.ok(&["inspect", &path("http-cases.wasm")]);
    assert!(text.contains("an HTTP server") && text.contains("  wasi:http/types@0.2."), "{text}");
    let text = tool.ok(&["inspect", &path("needs-import.wasm")]);
    assert!(text.contains("(no node offers it)"), "{text}");
    let shown: serde_json::Value =
        serde_json::from_str(&tool.ok(&["inspect", "-o", "json", &path("hello-module.wasm")])).unwrap();
    assert_eq!((&shown["form"], &shown["entry"]), (&"module".into(), &"command".into()));
}

#[test]
fn a_server_answers_until_it_is_told_to_end() {
    let tool = Tool::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = tool.command(&["run", "--port", &port.to_string(), &path("http-cases.wasm")]);
    let mut serving = Serving(command.stderr(Stdio::piped()).spawn().unwrap());
    let answered = support::wait::poll(LIMIT, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    assert!(answered.is_some(), "it does not serve");
    let answer = support::http::get("127.0.0.1", port, "/fine");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("/fine"), "{answer}");
    kill(Pid::from_raw(i32::try_from(serving.0.id()).unwrap()), Signal::SIGTERM).unwrap();
    let mut told = String::new();
    serving.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(serving.0.wait().unwrap().code(), Some(0), "{told}");
    assert!(told.contains(&format!("serving on port {port}")), "{told}");
}

#[test]
fn what_is_pushed_is_run_from_the_registry() {
    let tool = Tool::new();
    let registry = DebianRegistry::closed();
    let reference = format!("{}/team/hello:v1", registry.address);
    let (_, told) = tool.fails(&["push", &path("hello-module.wasm"), &reference]);
    assert!(told.contains("refuses"), "{told}");
    tool.log_in(&registry.address.to_string());
    let pinned = tool.ok(&["push", &path("hello-module.wasm"), &reference]);
    assert!(pinned.contains("/team/hello@sha256:"), "{pinned}");
    // Once more: the registry has it.
    assert_eq!(tool.ok(&["push", &path("hello-module.wasm"), &reference]), pinned);
    for name in [reference.as_str(), pinned.trim()] {
        let run = tool.run(&["run", name]);
        assert_eq!((&*run.stdout, run.status.code()), (&b"hello from a module\n"[..], Some(3)), "{name}");
    }
    assert!(tool.ok(&["inspect", &reference]).contains("core module"));
    let (_, told) = tool.fails(&["run", &format!("{}/team/hello:v2", registry.address)]);
    assert!(told.contains("not found in the registry"), "{told}");
}
