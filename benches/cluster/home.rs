//! Where clusters of the bench live, one after another, and how they are started and ended.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::BIREME;

/// Longest time to become ready. A cluster that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks: well below what is measured.
const LOOK: Duration = Duration::from_millis(1);

/// A folder for the data of a cluster. When it goes, nothing of the cluster stays on the machine.
#[derive(Debug)]
pub(crate) struct Home(tempfile::TempDir);

/// A running cluster; dropping it ends its processes.
pub(crate) struct Cluster {
    process: Child,
    /// An administrator.
    pub(crate) client: Client,
    /// When `bireme up` was started.
    pub(crate) begun: Instant,
    /// From there to the first answer from `/readyz` over HTTPS.
    pub(crate) api_ready: Duration,
}

impl Home {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("bireme-bench-").tempdir().context("cannot make a folder")?))
    }

    /// Data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Kubeconfig of the running cluster's administrator.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.0.path().join("kubeconfig")
    }

    /// Runs `bireme up` until its API is ready.
    pub(crate) async fn up(&self) -> anyhow::Result<Cluster> {
        let (kubeconfig, log) = (self.kubeconfig(), self.0.path().join("up.log"));
        if kubeconfig.exists() {
            fs::remove_file(&kubeconfig)?;
        }
        let mut up = Command::new(BIREME);
        up.args(["up", "--listen", "127.0.0.1:0", "--node-name", "node"]);
        up.arg("--data-dir").arg(self.data()).arg("--kubeconfig").arg(&kubeconfig);
        // A group of its own: Ctrl-C reaches the bench alone, which then ends the cluster in order.
        up.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let begun = Instant::now();
        let mut process = Guard(Some(up.spawn().context("cannot start bireme")?));
        let client = loop {
            let ended = process.0.as_mut().and_then(|process| process.try_wait().transpose()).transpose()?;
            let said = || fs::read_to_string(&log).unwrap_or_default();
            if let Some(status) = ended {
                anyhow::bail!("bireme up ended with {status}: {}", said());
            }
            anyhow::ensure!(begun.elapsed() < LIMIT, "the API is not ready within {LIMIT:?}: {}", said());
            // It is renamed into place, so it is whole.
            if kubeconfig.exists() {
                let client = connect(&kubeconfig).await?;
                if is_ready(&client).await? {
                    break client;
                }
            }
            tokio::time::sleep(LOOK).await;
        };
        let api_ready = begun.elapsed();
        let process = process.0.take().context("bireme up is gone")?;
        Ok(Cluster { process, client, begun, api_ready })
    }
}

async fn connect(kubeconfig: &Path) -> anyhow::Result<Client> {
    let (kubeconfig, options) = (Kubeconfig::read_from(kubeconfig)?, KubeConfigOptions::default());
    Ok(Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &options).await?)?)
}

async fn is_ready(client: &Client) -> anyhow::Result<bool> {
    let request = http::Request::get("/readyz").body(Vec::new())?;
    match client.request_text(request).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code >= 500 => Ok(false),
        Err(error) => Err(error).context("cannot ask /readyz"),
    }
}

impl Cluster {
    /// Process id of `bireme up`.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Ends a cluster that did not become ready.
struct Guard(Option<Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(end);
    }
}

/// Asks `bireme up` to end, as Ctrl-C does, and waits for it.
fn end(process: &mut Child) {
    let asked = i32::try_from(process.id()).map(|id| kill(Pid::from_raw(id), Signal::SIGINT));
    match (asked, process.wait()) {
        (Ok(Ok(())), Ok(status)) if status.success() => {}
        (asked, ended) => eprintln!("bireme up did not end well: asked {asked:?}, ended {ended:?}"),
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        match Command::new(BIREME).arg("down").arg("--data-dir").arg(self.data()).output() {
            Ok(down) if down.status.success() => {}
            Ok(down) => eprintln!("bireme down: {}", String::from_utf8_lossy(&down.stderr)),
            Err(error) => eprintln!("bireme down: {error}"),
        }
    }
}
