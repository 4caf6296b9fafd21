//! A child of `up`: started with orders, ready when it reports, ended by closing its standard input.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, Command};

use super::line::LENGTH_MAX;
use super::orders::Report;

/// Longest time until a child reports. Loading a large store takes seconds; a minute means that something hangs.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time for a child to end when it is asked to; then it is killed.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// The running binary, also when its path has been replaced or is behind directories that the child may not enter.
const SELF: &str = "/proc/self/exe";

/// As whom a child runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum User {
    /// As its parent.
    Same,
    /// An unprivileged user and group of that number.
    Id(u32),
}

/// A running child.
#[derive(Debug)]
pub(crate) struct Child {
    role: &'static str,
    process: tokio::process::Child,
    /// Its end tells the child to end.
    orders: Option<ChildStdin>,
}

impl Child {
    /// Starts the child in its working directory and waits for its report. Its log is appended to the file.
    pub(crate) async fn start<R: DeserializeOwned>(
        role: &'static str,
        orders: &impl Serialize,
        user: User,
        directory: &Path,
        log: &Path,
    ) -> anyhow::Result<(Self, R)> {
        let log_file = File::options().create(true).append(true).open(log);
        let log_file = log_file.with_context(|| format!("cannot open the log {}", log.display()))?;
        let mut command = Command::new(SELF);
        command.arg(role).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_file).process_group(0);
        if let User::Id(id) = user {
            command.uid(id).gid(id);
        }
        // The child inherits the working directory instead of changing to it, so that it needs no right to the way there.
        let before = std::env::current_dir().context("cannot read the working directory")?;
        std::env::set_current_dir(directory).with_context(|| format!("cannot enter {}", directory.display()))?;
        let process = command.spawn();
        std::env::set_current_dir(before).context("cannot return to the working directory")?;
        let mut process = process.with_context(|| format!("cannot start the {role} process"))?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().context("the child has no standard output")?;
        let mut child = Self { role, process, orders: stdin };
        let report = tokio::time::timeout(READY_TIMEOUT, child.introduce(orders, stdout)).await;
        let report =
            report.with_context(|| format!("{role} did not report within {READY_TIMEOUT:?}; see {}", log.display()))?;
        match report.with_context(|| format!("{role} ended before it was ready; see {}", log.display()))? {
            Report::Ready(ready) => Ok((child, ready)),
            Report::Failed(why) => anyhow::bail!(why),
        }
    }

    async fn introduce<R: DeserializeOwned>(
        &mut self,
        orders: &impl Serialize,
        stdout: tokio::process::ChildStdout,
    ) -> anyhow::Result<Report<R>> {
        let mut line = serde_json::to_vec(orders)?;
        line.push(b'\n');
        let stdin = self.orders.as_mut().context("the child has no standard input")?;
        stdin.write_all(&line).await.context("cannot tell the child its orders")?;
        stdin.flush().await?;
        let mut answer = Vec::new();
        BufReader::new(stdout.take(LENGTH_MAX)).read_until(b'\n', &mut answer).await?;
        anyhow::ensure!(!answer.is_empty(), "it said nothing");
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Tells the child one more line.
    pub(crate) async fn tell(&mut self, line: &str) -> std::io::Result<()> {
        if let Some(stdin) = &mut self.orders {
            stdin.write_all(format!("{line}\n").as_bytes()).await?;
            stdin.flush().await?;
        }
        Ok(())
    }

    /// Process id.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until the child ends on its own, which it should not.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        match self.process.wait().await {
            Ok(status) => anyhow::anyhow!("the {} process ended: {status}", self.role),
            Err(error) => anyhow::Error::new(error).context(format!("cannot wait for the {} process", self.role)),
        }
    }

    /// Sends a signal to the child, if it lives.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let Some(id) = self.id() else { return Ok(()) };
        let id = i32::try_from(id).context("a process id that is none")?;
        kill(Pid::from_raw(id), signal).with_context(|| format!("cannot send {signal} to the {} process", self.role))
    }

    /// Waits until the child has ended by itself, which it should within that time.
    pub(crate) async fn ends_within(&mut self, limit: Duration) -> anyhow::Result<()> {
        let ended = tokio::time::timeout(limit, self.process.wait()).await;
        let status = ended.with_context(|| format!("the {} process did not end within {limit:?}", self.role))?;
        let status = status.with_context(|| format!("cannot wait for the {} process", self.role))?;
        anyhow::ensure!(status.success(), "the {} process ended badly: {status}", self.role);
        Ok(())
    }

    /// Asks the child to end and waits for it.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        drop(self.orders.take());
        match tokio::time::timeout(END_TIMEOUT, self.process.wait()).await {
            Ok(status) => {
                let status = status.with_context(|| format!("cannot wait for the {} process", self.role))?;
                anyhow::ensure!(status.success(), "the {} process ended badly: {status}", self.role);
                Ok(())
            }
            Err(_) => {
                self.process.kill().await.with_context(|| format!("cannot kill the {} process", self.role))?;
                anyhow::bail!("the {} process did not end within {END_TIMEOUT:?} and was killed", self.role)
            }
        }
    }
}
