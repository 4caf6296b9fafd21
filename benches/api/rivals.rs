//! What others do with the same writes on the same disk, where their programs are installed: etcd alone, and a kube-apiserver
//! in front of it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use http::Method;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::effort::{CLIENTS, Effort};
use super::load::{drive, one};
use super::objects::{self, CONFIG_MAPS};
use super::say;
use super::table::Table;
use super::target::{Target, request};

/// Longest time to become ready. One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
const JSON: &str = "application/json";
/// `xxx` in base64, as often as makes a value of 1 kB.
const VALUE: &str = "eHh4";
const TIMES: usize = 333;

/// A running program; dropping it ends it.
struct Rival {
    name: &'static str,
    child: Child,
}

impl Drop for Rival {
    fn drop(&mut self) {
        let asked = i32::try_from(self.child.id()).map(|id| kill(Pid::from_raw(id), Signal::SIGTERM));
        if let (Ok(Ok(())), Ok(_)) = (&asked, self.child.wait()) {
            return;
        }
        eprintln!("{} did not end well: asked {asked:?}", self.name);
    }
}

impl Rival {
    /// Starts it with its words in a file of that folder, and waits until it answers at a path; none where it is not installed.
    async fn start(
        name: &'static str,
        arguments: &[String],
        folder: &Path,
        target: &Target,
        health: &str,
    ) -> anyhow::Result<Option<Self>> {
        if program(name).is_none() {
            say(&format!("{name} is not installed, so it is not compared"));
            return Ok(None);
        }
        say(&format!("starting {name}"));
        let words = File::create(folder.join(format!("{name}.log")))?;
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
        let mut rival = Self { name, child: command.spawn().with_context(|| format!("cannot start {name}"))? };
        let begun = Instant::now();
        while !answers(target, health).await {
            anyhow::ensure!(begun.elapsed() < LIMIT, "{name} is not ready within {LIMIT:?}");
            anyhow::ensure!(rival.child.try_wait()?.is_none(), "{name} has ended");
            tokio::time::sleep(LOOK).await;
        }
        Ok(Some(rival))
    }
}

/// Writes what the cluster was given to etcd, then to a kube-apiserver with that etcd. Their data lies in the folder. `key` is a
/// private key in PEM form, for the accounts of services that nobody here uses and without which a kube-apiserver does not start.
pub(crate) async fn writes(effort: Effort, folder: &Path, key: &Path, table: &mut Table) -> anyhow::Result<()> {
    let (clients, peers) = (free()?, free()?);
    let etcd = Target::plain(clients);
    let Some(_etcd) = Rival::start("etcd", &etcd_arguments(folder, clients, peers), folder, &etcd, "/health").await?
    else {
        return Ok(());
    };
    for clients in CLIENTS {
        say(&format!("etcd alone, {clients} clients"));
        let make = move |at: usize| {
            // Eight digits are base64 of some six bytes.
            let body = format!("{{\"key\":\"{:08}\",\"value\":\"{}\"}}", clients * 1_000_000 + at, VALUE.repeat(TIMES));
            request(Method::POST, "/v3/kv/put", JSON, body)
        };
        let outcome = drive(&etcd, clients, effort.writes, make).await?;
        let what = format!("for comparison: etcd alone, put of 1 kB over plain HTTP, {clients} clients");
        table.rates(&what, &outcome.times, outcome.took, "");
    }
    let address = free()?;
    let server = Target::unchecked(address).await?;
    let arguments = server_arguments(folder, key, address, clients);
    let Some(_server) = Rival::start("kube-apiserver", &arguments, folder, &server, "/readyz").await? else {
        return Ok(());
    };
    for clients in CLIENTS {
        say(&format!("kube-apiserver with etcd, {clients} clients"));
        let make =
            move |at| request(Method::POST, CONFIG_MAPS, JSON, objects::config_map(&format!("map-{clients}-{at:06}")));
        let outcome = drive(&server, clients, effort.writes, make).await?;
        let what =
            format!("for comparison: kube-apiserver with that etcd, create ConfigMap of 1 kB, {clients} clients");
        table.rates(&what, &outcome.times, outcome.took, "");
    }
    Ok(())
}

fn etcd_arguments(folder: &Path, clients: SocketAddr, peers: SocketAddr) -> Vec<String> {
    let (clients, peers) = (format!("http://{clients}"), format!("http://{peers}"));
    vec![
        "--name=bench".into(),
        format!("--initial-cluster=bench={peers}"),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--data-dir={}", folder.join("etcd").display()),
    ]
}

/// Anybody may do anything, so that nothing but the way of a write is measured.
fn server_arguments(folder: &Path, key: &Path, address: SocketAddr, etcd: SocketAddr) -> Vec<String> {
    vec![
        format!("--etcd-servers=http://{etcd}"),
        format!("--bind-address={}", address.ip()),
        format!("--secure-port={}", address.port()),
        format!("--cert-dir={}", folder.join("kube-apiserver").display()),
        format!("--service-account-key-file={}", key.display()),
        format!("--service-account-signing-key-file={}", key.display()),
        "--service-account-issuer=bench".into(),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--endpoint-reconciler-type=none".into(),
        "--authorization-mode=AlwaysAllow".into(),
    ]
}

async fn answers(target: &Target, path: &str) -> bool {
    let Ok(request) = request(Method::GET, path, JSON, String::new()) else { return false };
    let Ok(mut connection) = target.serial().await else { return false };
    one(&mut connection, request).await.is_ok()
}

/// Where a program is.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// An address that nobody listens on at the moment.
fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
