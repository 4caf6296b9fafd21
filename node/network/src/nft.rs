//! Hands rules to the kernel, by the `nft` program: one transaction that takes effect as a whole or not at all.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::config::NetworkConfig;
use super::error::NetworkError;

/// 10,000 endpoints load in a third of a second; a stuck kernel lock must not hold the agent for ever.
const LOAD_WAIT: Duration = Duration::from_secs(30);
/// What is attempted here, for errors: a missing program is the likely cause.
const RUN: &str = "run nft (package nftables)";
/// Enough of what `nft` prints to see what is wrong.
const MESSAGE_MAX: usize = 2000;

/// Whether the tables of an earlier run are there. Their content is not read back: that takes seconds for large ones.
pub(crate) async fn is_loaded(config: &NetworkConfig) -> Result<bool, NetworkError> {
    for family in config.node_addresses().iter().map(|node| if node.is_ipv4() { "ip" } else { "ip6" }) {
        let status = Command::new("nft")
            .args(["list", "chain", family, &config.name, "nat_postrouting"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .status();
        let late = |_| NetworkError::io(RUN)(io::Error::from(io::ErrorKind::TimedOut));
        if !timeout(LOAD_WAIT, status).await.map_err(late)?.map_err(NetworkError::io(RUN))?.success() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Loads rules in the network namespace of the calling thread.
pub(crate) async fn load(table: &str, rules: &str) -> Result<(), NetworkError> {
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(NetworkError::io(RUN))?;
    let mut stdin = child.stdin.take().ok_or_else(|| NetworkError::io(RUN)(io::Error::other("no standard input")))?;
    let done = async {
        // nft reads everything before it writes a word. One that died early is told by its exit code, not by EPIPE here.
        match stdin.write_all(rules.as_bytes()).await {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => drop(stdin),
        }
        child.wait_with_output().await
    };
    let late = |_| NetworkError::io(RUN)(io::Error::from(io::ErrorKind::TimedOut));
    let output = timeout(LOAD_WAIT, done).await.map_err(late)?.map_err(NetworkError::io(RUN))?;
    if output.status.success() {
        return Ok(());
    }
    let mut message = String::from_utf8_lossy(&output.stderr).into_owned();
    message.truncate(message.floor_char_boundary(MESSAGE_MAX));
    Err(NetworkError::Nft { table: table.to_owned(), message })
}
