//! Hands rules to the kernel, by the `nft` program: one transaction that takes effect as a whole or not at all.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::error::NetworkError;

/// 10,000 endpoints load in a third of a second; a stuck kernel lock must not hold the agent for ever.
const LOAD_WAIT: Duration = Duration::from_secs(30);
/// Enough of what `nft` prints to see what is wrong.
const MESSAGE_MAX: usize = 2000;

/// Loads rules in the network namespace of the calling thread.
pub(crate) async fn load(table: &str, rules: &str) -> Result<(), NetworkError> {
    let attempt = "run nft (package nftables)";
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(NetworkError::io(attempt))?;
    let mut stdin = child.stdin.take().ok_or_else(|| NetworkError::io(attempt)(io::Error::other("no standard input")))?;
    let done = async {
        // nft reads everything before it writes a word. One that died early is told by its exit code, not by EPIPE here.
        match stdin.write_all(rules.as_bytes()).await {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => drop(stdin),
        }
        child.wait_with_output().await
    };
    let late = |_| NetworkError::io(attempt)(io::Error::from(io::ErrorKind::TimedOut));
    let output = timeout(LOAD_WAIT, done).await.map_err(late)?.map_err(NetworkError::io(attempt))?;
    if output.status.success() {
        return Ok(());
    }
    let mut message = String::from_utf8_lossy(&output.stderr).into_owned();
    message.truncate(message.floor_char_boundary(MESSAGE_MAX));
    Err(NetworkError::Nft { table: table.to_owned(), message })
}
