#![allow(clippy::unwrap_used, unreachable_pub, missing_debug_implementations, dead_code)]
mod support;
use support::Cluster;
#[tokio::test]
async fn serve() {
    let cluster = Cluster::start().await;
    std::fs::write("/tmp/schema-kubeconfig", cluster.running.admin_kubeconfig()).unwrap();
    while !std::path::Path::new("/tmp/schema-stop").exists() {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    cluster.stop().await;
}
