//! A start that cannot succeed says why and what to do, changes nothing, and harms nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::pty::{OpenptyResult, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::BIREME;
use support::cluster::Cluster;

/// What `up` says when it cannot start; it must end with that exit code.
#[track_caller]
fn refused(data: &Path, listen: &str, kubeconfig: &Path) -> String {
    let mut up = Command::new("timeout");
    up.args(["--kill-after=5", "60", BIREME, "up", "--listen", listen, "--node-name", "node", "--data-dir"]).arg(data);
    let output = up.arg("--kubeconfig").arg(kubeconfig).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!kubeconfig.exists(), "a cluster that did not start has a kubeconfig");
    said
}

#[test]
fn a_taken_port_is_named_with_a_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = refused(&data, &address, &folder.path().join("kubeconfig"));
    assert!(said.contains(&address) && said.contains("in use") && said.contains("choose another port"), "{said}");
    let down = Command::new(BIREME).args(["down", "--data-dir"]).arg(&data).output().unwrap();
    assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
}

#[test]
fn a_data_directory_that_somebody_uses_is_refused() {
    let cluster = Cluster::start();
    let said = refused(&cluster.data(), "127.0.0.1:0", &cluster.folder().join("other"));
    let data = cluster.data();
    let wanted = format!("{} is in use by process {}", data.display(), cluster.pid());
    assert!(said.contains(&wanted) && said.contains("--data-dir"), "{said}");
    cluster.kubectl().ok(&["get", "nodes"]);
}

#[test]
fn a_terminal_sees_what_is_being_done() {
    let folder = tempfile::tempdir().unwrap();
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "60", BIREME, "up", "--ephemeral", "--listen", "127.0.0.1:0"]);
    command.args(["--node-name", "node", "--kubeconfig"]);
    command.arg(folder.path().join("kubeconfig")).env("TMPDIR", folder.path()).env("TERM", "xterm");
    let mut up = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(slave).spawn().unwrap();
    // It holds the terminal too.
    drop(command);
    let (mut terminal, mut said, mut asked) = (File::from(master), String::new(), false);
    let mut bytes = [0; 4096];
    // The terminal ends with the last process that has it open, so this loop does too.
    while let Ok(read @ 1..) = terminal.read(&mut bytes) {
        said.push_str(&String::from_utf8_lossy(&bytes[..read]));
        if said.contains("ready in") && !asked {
            kill(Pid::from_raw(i32::try_from(up.id()).unwrap()), Signal::SIGINT).unwrap();
            asked = true;
        }
    }
    assert!(up.wait().unwrap().success(), "{said}");
    // A line of what is under way that is drawn again and cleared, and the line that stays when it is done.
    assert!(said.contains("\u{1b}[2K") && said.contains(" starting the API server"), "{said:?}");
    assert!(said.contains(" ms  starting the API server"), "{said:?}");
}

/// With a file of the data directory changed so, a start is refused with these words; changed back, it succeeds.
#[track_caller]
fn check_version(cluster: &mut Cluster, file: &str, from: &str, to: &str, words: &[&str]) {
    let path = cluster.data().join(file);
    let good = fs::read_to_string(&path).unwrap();
    assert!(good.contains(from), "{file} holds {good}");
    // In place, so that it stays its owner's.
    fs::write(&path, good.replace(from, to)).unwrap();
    let said = refused(&cluster.data(), "127.0.0.1:0", &cluster.folder().join("other"));
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    fs::write(&path, good).unwrap();
}

#[test]
fn a_data_directory_of_another_version_is_refused_and_left_alone() {
    let mut cluster = Cluster::start();
    let note = "{apiVersion: v1, kind: ConfigMap, metadata: {name: kept}}";
    cluster.kubectl().run_with(&["create", "-f", "-"], note).ok();
    cluster.stop();
    let words = ["place format 7", "this version reads 1", "use the version of bireme that made it", "--data-dir"];
    check_version(&mut cluster, "place.json", "\"version\":1", "\"version\":7", &words);
    let words = ["format is version 7", "this release reads 1 to 1", "use the newer release that wrote it"];
    check_version(&mut cluster, "server/store/format", "format 1", "format 7", &words);
    check_version(&mut cluster, "server/store/format", "bireme store", "another store", &["another store"]);
    cluster.restart();
    cluster.kubectl().ok(&["get", "configmap", "kept"]);
}
