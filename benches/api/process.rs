//! Programs of others, started for the time of a comparison.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use http::Method;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::load::one;
use super::say;
use super::target::{Target, request};

/// Longest time to become ready. One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// A running program; dropping it ends it.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    /// What it says.
    words: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let asked = i32::try_from(self.child.id()).map(|id| kill(Pid::from_raw(id), Signal::SIGTERM));
        if let (Ok(Ok(())), Ok(_)) = (&asked, self.child.wait()) {
            return;
        }
        eprintln!("{} did not end well: asked {asked:?}", self.name);
    }
}

impl Process {
    /// Starts it with its words in a file of that folder.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> anyhow::Result<Self> {
        say(&format!("starting {name}"));
        let words = folder.join(format!("{name}.log"));
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&words)?);
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { name, child, words })
    }

    /// Waits until it answers at a path.
    pub(crate) async fn ready(&mut self, target: &Target, path: &str) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !answers(target, path).await {
            let said = || fs::read_to_string(&self.words).unwrap_or_default();
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("{} ended with {status}: {}", self.name, said());
            }
            anyhow::ensure!(begun.elapsed() < LIMIT, "{} is not ready within {LIMIT:?}: {}", self.name, said());
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

async fn answers(target: &Target, path: &str) -> bool {
    let Ok(request) = request(Method::GET, path, "application/json", String::new()) else { return false };
    let Ok(mut connection) = target.serial().await else { return false };
    one(&mut connection, request).await.is_ok()
}

/// Where a shell would find a program.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// An address that nobody listens on at the moment.
pub(crate) fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
