//! Clients whose watch is older than what the server remembers, which its operator has made little.

use std::process::Command;

use expect_test::expect;

use crate::play::find_python_client;
use crate::support::cluster::Cluster;
use crate::support::repository;

/// Events that the server keeps. Its own components watch too, so that it is not too few for them.
const KEPT: u32 = 200;

#[test]
fn the_python_client_goes_on_where_the_history_is_gone() {
    let cluster = Cluster::configured(|_| format!("watchHistoryEvents: {KEPT}\n"));
    let mut python = Command::new("python3");
    python.arg(repository("tests/clients/python/expired.py")).env("KUBECONFIG", cluster.kubeconfig());
    python.env("NAMESPACE", "default").env("EVENTS", (KEPT + 50).to_string());
    find_python_client(&mut python);
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    expect![[r#"
        typed watch: 410 Expired
        typed page: 410 Gone
        goes on with: ['b', 'busy']
        typed list of that moment: 410 Gone
        typed again: ADDED typed
        dynamic watch: 410 Expired
        dynamic again: ADDED dynamic
    "#]]
    .assert_eq(&String::from_utf8_lossy(&output.stdout));
}
