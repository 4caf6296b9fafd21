//! The server: store, API, manager. Runs without privileges in its data directory.

use std::num::NonZeroU64;
use std::path::PathBuf;

use anyhow::Context;
use seam::Seam;
use server::{Component, Server, ServerConfig};
use store::{Store, StoreConfig};

use super::line;
use super::orders::{NodeIdentity, Report, ServerOrders, ServerReport};

/// What the manager runs, under the names that Kubernetes has for it.
const MANAGED: [&str; 2] = ["scheduler", "controller-manager"];

/// Plays the role until standard input ends.
pub(crate) fn run() -> anyhow::Result<()> {
    let orders: ServerOrders = line::read().context("cannot read the orders")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start tasks")?;
    runtime.block_on(async {
        let started = start(&orders).await;
        let running = match started {
            Ok((running, report)) => {
                line::write(&Report::Ready(report))?;
                running
            }
            Err(error) => return line::write(&Report::<()>::Failed(format!("{error:#}"))).map_err(Into::into),
        };
        tokio::task::spawn_blocking(line::wait_for_end).await??;
        running.stop().await
    })
}

struct Running {
    server: server::Running,
    store: Store,
    manager: seam::Task,
}

async fn start(orders: &ServerOrders) -> anyhow::Result<(Running, ServerReport)> {
    let seam = Seam::real();
    let mut keeps = StoreConfig::new(PathBuf::from("store"));
    keeps.history_events = orders.watch_history_events.map_or(keeps.history_events, NonZeroU64::get);
    let store = Store::open(keeps, seam.clone()).await?;
    let (components, alive) = Component::run_together(&MANAGED);
    let config = ServerConfig {
        listen: vec![orders.listen],
        pki_dir: PathBuf::from("pki"),
        advertise: orders.advertise.clone(),
        service_cidrs: orders.service_cidrs.clone(),
        cluster_name: "bireme".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        admission: Vec::new(),
        components,
        limits: server::Limits::default(),
    };
    let server = Server::start(config, store.clone(), seam.clone()).await?;
    let manager = manager::run(server.verbs.clone(), store.leadership(), seam.clone());
    let manager = seam.spawn("manager", async move {
        let _alive = alive;
        manager.await;
    });
    let bundle = server.node_bundle(&orders.node_name)?;
    let report = ServerReport {
        address: *server.addresses.first().context("the server listens nowhere")?,
        admin_kubeconfig: server.admin_kubeconfig(),
        node: NodeIdentity {
            kubeconfig: bundle.kubeconfig,
            serving_certificate: bundle.serving.certificate,
            serving_key: bundle.serving.key,
            client_authority: bundle.client_ca,
        },
    };
    Ok((Running { server, store, manager }, report))
}

impl Running {
    /// Drains requests, then closes the store with a durable checkpoint.
    async fn stop(self) -> anyhow::Result<()> {
        self.manager.abort();
        self.server.shutdown().await;
        self.store.close().await.context("cannot close the store")
    }
}
