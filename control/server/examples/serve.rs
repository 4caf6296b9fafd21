//! A control plane without controllers, for trying clients against: `cargo run --example serve -- DIR PORT`.
//! The administrator's kubeconfig is written to `DIR/admin.conf`.

use std::error::Error;
use std::path::PathBuf;

use seam::Seam;
use server::{Server, ServerConfig};
use store::{Store, StoreConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("want a directory")?);
    let port: u16 = arguments.next().as_deref().unwrap_or("6443").parse()?;
    let seam = Seam::real();
    let store = Store::open(StoreConfig::new(dir.join("store")), seam.clone()).await?;
    let config = ServerConfig {
        listen: vec![([127, 0, 0, 1], port).into()],
        pki_dir: dir.join("pki"),
        advertise: Vec::new(),
        service_cidrs: vec![([10, 96, 0, 0].into(), 16)],
        cluster_name: "example".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        admission: Vec::new(),
        components: Vec::new(),
        limits: server::Limits::default(),
    };
    let running = Server::start(config, store.clone(), seam).await?;
    std::fs::write(dir.join("admin.conf"), running.admin_kubeconfig())?;
    tokio::signal::ctrl_c().await?;
    running.shutdown().await;
    store.close().await?;
    Ok(())
}
