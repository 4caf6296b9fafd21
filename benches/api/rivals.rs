//! What others do with the same writes on the same disk, where their programs are installed: etcd alone, and a kube-apiserver
//! in front of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use http::Method;

use super::credentials::Credentials;
use super::effort::{CLIENTS, Effort};
use super::load::drive;
use super::process::{self, Process};
use super::table::Table;
use super::target::{Target, request};
use super::{say, writes};

/// Names the program of a kube-apiserver; without it the one that a shell would find is taken.
const KUBE_APISERVER: &str = "KUBE_APISERVER";
/// `xxx` in base64, as often as makes a value of 1 kB.
const VALUE: &str = "eHh4";
const TIMES: usize = 333;

/// Writes what the cluster was given to etcd, then to a kube-apiserver with that etcd. Their data lies in the folder. Returns
/// what is to be said of what is not compared.
pub(crate) async fn compare(effort: Effort, folder: &Path, table: &mut Table) -> anyhow::Result<Option<String>> {
    let Some(program) = process::find("etcd") else {
        return Ok(Some("nothing is compared: install etcd (Debian's etcd-server)".to_owned()));
    };
    let (clients, peers) = (process::free()?, process::free()?);
    let target = Target::plain(clients);
    let mut etcd = Process::start("etcd", &program, &etcd_arguments(folder, clients, peers), folder)?;
    etcd.ready(&target, "/health").await?;
    etcd_alone(effort, &target, table).await?;
    let named = std::env::var_os(KUBE_APISERVER).map(PathBuf::from);
    let Some(program) = named.or_else(|| process::find("kube-apiserver")) else {
        let why = format!(
            "kube-apiserver is not compared: set {KUBE_APISERVER} to its program. It is no faster than etcd alone"
        );
        return Ok(Some(why));
    };
    let address = process::free()?;
    let credentials = Credentials::make(folder, address)?;
    let arguments = server_arguments(&credentials, address, clients);
    let mut server = Process::start("kube-apiserver", &program, &arguments, folder)?;
    let target = Target::of(&credentials.kubeconfig).await?;
    server.ready(&target, "/readyz").await?;
    server.ready(&target, "/api/v1/namespaces/default").await?;
    writes::config_maps(effort, &target, "kube-apiserver with etcd: ", table).await?;
    Ok(None)
}

/// Without TLS, and through its gateway to HTTP, since we have no gRPC.
async fn etcd_alone(effort: Effort, target: &Target, table: &mut Table) -> anyhow::Result<()> {
    for clients in CLIENTS {
        say(&format!("etcd alone, {clients} clients"));
        let make = move |at: usize| {
            // Eight digits are base64 of some six bytes.
            let body = format!("{{\"key\":\"{:08}\",\"value\":\"{}\"}}", clients * 1_000_000 + at, VALUE.repeat(TIMES));
            request(Method::POST, "/v3/kv/put", "application/json", body)
        };
        let outcome = drive(target, clients, effort.writes, make).await?;
        let what = format!("etcd alone: put of 1 kB over plain HTTP, {clients} clients");
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

/// Whoever has a certificate may do anything: what is measured is the way of a write, not who decides on it.
fn server_arguments(credentials: &Credentials, address: SocketAddr, etcd: SocketAddr) -> Vec<String> {
    vec![
        format!("--etcd-servers=http://{etcd}"),
        format!("--bind-address={}", address.ip()),
        format!("--advertise-address={}", address.ip()),
        format!("--secure-port={}", address.port()),
        format!("--tls-cert-file={}", credentials.certificate.display()),
        format!("--tls-private-key-file={}", credentials.key.display()),
        format!("--client-ca-file={}", credentials.authority.display()),
        format!("--service-account-key-file={}", credentials.public.display()),
        format!("--service-account-signing-key-file={}", credentials.key.display()),
        "--service-account-issuer=https://bench.invalid".into(),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--endpoint-reconciler-type=none".into(),
        "--authorization-mode=AlwaysAllow".into(),
        "--anonymous-auth=false".into(),
    ]
}
