//! etcd alone, where it is installed: what stands below a kube-apiserver, which cannot be faster.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use http::Method;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::effort::{CLIENTS, Effort};
use super::load::{drive, one};
use super::say;
use super::table::Table;
use super::target::{Target, request};

/// Its program, as Debian's etcd-server installs it.
const PROGRAM: &str = "etcd";
/// Longest time to become ready. One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);
/// `xxx` in base64, as often as makes a value of 1 kB.
const VALUE: &str = "eHh4";
const TIMES: usize = 333;

/// A running etcd; dropping it ends it.
struct Etcd(Child);

impl Drop for Etcd {
    fn drop(&mut self) {
        let asked = i32::try_from(self.0.id()).map(|id| kill(Pid::from_raw(id), Signal::SIGTERM));
        if let (Ok(Ok(())), Ok(_)) = (&asked, self.0.wait()) {
            return;
        }
        eprintln!("etcd did not end well: asked {asked:?}");
    }
}

/// Writes to an etcd whose data lies in that folder. Without TLS, and through its gateway to HTTP, since we have no gRPC.
pub(crate) async fn writes(effort: Effort, folder: &Path, table: &mut Table) -> anyhow::Result<()> {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file()));
    if !found {
        say("etcd is not installed, so it is not compared");
        return Ok(());
    }
    let (clients, peers) = (free()?, free()?);
    let url = |address: SocketAddr| format!("http://{address}");
    let mut etcd = Command::new(PROGRAM);
    etcd.args(["--name", "bench", "--initial-cluster", &format!("bench={}", url(peers))]);
    etcd.args(["--listen-client-urls", &url(clients), "--advertise-client-urls", &url(clients)]);
    etcd.args(["--listen-peer-urls", &url(peers), "--initial-advertise-peer-urls", &url(peers)]);
    etcd.arg("--data-dir").arg(folder.join("etcd"));
    etcd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(folder.join("etcd.log"))?);
    let _etcd = Etcd(etcd.spawn().context("cannot start etcd")?);
    let target = Target::plain(clients);
    let begun = Instant::now();
    while !ready(&target).await {
        anyhow::ensure!(begun.elapsed() < LIMIT, "etcd is not ready within {LIMIT:?}");
        tokio::time::sleep(LOOK).await;
    }
    for clients in CLIENTS {
        say(&format!("etcd alone, {clients} clients"));
        let make = move |at: usize| {
            // Eight digits are base64 of some six bytes.
            let body = format!("{{\"key\":\"{:08}\",\"value\":\"{}\"}}", clients * 1_000_000 + at, VALUE.repeat(TIMES));
            request(Method::POST, "/v3/kv/put", "application/json", body)
        };
        let outcome = drive(&target, clients, effort.writes, make).await?;
        let what = format!("for comparison: etcd alone, put of 1 kB over plain HTTP, {clients} clients");
        table.rates(&what, &outcome.times, outcome.took, "");
    }
    Ok(())
}

async fn ready(target: &Target) -> bool {
    let Ok(request) = request(Method::GET, "/health", "application/json", String::new()) else { return false };
    let Ok(mut connection) = target.serial().await else { return false };
    one(&mut connection, request).await.is_ok_and(|(_, body)| body.windows(4).any(|word| word == b"true"))
}

/// An address that nobody listens on at the moment.
fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
