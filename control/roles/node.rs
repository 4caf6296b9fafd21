//! The node: runtime, network, agent. As root it runs everything; as any other user, Wasm containers on the machine's network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use agent::{Agent, AgentConfig, NetworkError, PodNetworking, StaticPods};
use anyhow::Context;
use network::contract::{PodNetwork, Services};
use network::{Network, NetworkConfig};
use nix::sys::signal::Signal;
use runtime::config::LocalConfig;
use runtime::local::LocalRuntime;
use runtime::privileges::Privileges;
use seam::Seam;
use tokio::signal::unix::{SignalKind, signal};

use super::line;
use super::orders::{NodeOrders, Report};
use super::place::Place;
use super::shared_network::SharedNetwork;

/// Plays the role until standard input ends.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut orders: NodeOrders = line::read().context("cannot read the orders")?;
    orders.place =
        orders.place.at(std::env::current_dir()?.parent().context("the node has no data directory")?.to_owned());
    let tasks = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start tasks")?;
    let outcome = tasks.block_on(async {
        // Watched from the beginning: who does not watch is killed by it.
        let mut power = signal(SignalKind::from_raw(Signal::SIGPWR as i32)).context("cannot watch for SIGPWR")?;
        let running = match start(&orders).await {
            Ok(running) => {
                line::write(&Report::Ready(()))?;
                running
            }
            Err(error) => return line::write(&Report::<()>::Failed(format!("{error:#}"))).map_err(Into::into),
        };
        tokio::select! {
            ended = tokio::task::spawn_blocking(line::wait_for_end) => ended??,
            _ = power.recv() => running.end_pods().await,
        }
        running.shutdown(!orders.ephemeral).await;
        Ok(())
    });
    // Nobody may ever end the read of standard input that still waits.
    tasks.shutdown_background();
    outcome
}

async fn start(orders: &NodeOrders) -> anyhow::Result<agent::RunningAgent> {
    // Every child of the runtime polls this pipe, of which only the parent holds the other end.
    let pipe = std::io::stdin().as_fd().try_clone_to_owned().context("cannot share the parent's pipe")?;
    let runtime = LocalRuntime::open(runtime_config(&orders.place, orders.ephemeral.then(|| Arc::new(pipe)))?).await?;
    let networking = networking(orders).await?;
    let address = *orders.addresses.first().context("the node has no address")?;
    let config = AgentConfig {
        privileges: orders.place.privileges,
        node_name: orders.name.clone(),
        addresses: orders.addresses.clone(),
        kubeconfig: orders.identity.kubeconfig.clone(),
        dir: orders.place.node_dir().join("pods"),
        listen: SocketAddr::new(address, 0),
        serving_cert_pem: orders.identity.serving_certificate.clone(),
        serving_key_pem: orders.identity.serving_key.clone(),
        client_ca_pem: orders.identity.client_authority.clone(),
        labels: std::collections::BTreeMap::new(),
        capacity: None,
        cluster_dns: None,
        image_dir: orders.place.node_dir().join("runtime"),
        protection: orders.protection.clone(),
        unsafe_sysctls: orders.unsafe_sysctls.clone(),
        static_pods: StaticPods { folder: orders.static_pod_path.clone(), url: orders.static_pod_url.clone() },
        version: crate::VERSION.into(),
    };
    Agent::start(config, runtime, networking, Seam::real()).await.context("cannot start the node agent")
}

async fn networking(orders: &NodeOrders) -> anyhow::Result<Arc<dyn PodNetworking>> {
    Ok(match orders.place.privileges {
        Privileges::Root => {
            let network = Network::open(network_config(&orders.place)).await;
            Arc::new(Networking(network.context("cannot set the pod network up")?))
        }
        Privileges::None => Arc::new(SharedNetwork::new(orders.addresses.clone())),
    })
}

/// Settings of the runtime for a place.
pub(crate) fn runtime_config(
    place: &Place,
    ephemeral: Option<Arc<std::os::fd::OwnedFd>>,
) -> anyhow::Result<LocalConfig> {
    Ok(LocalConfig {
        privileges: place.privileges,
        state: place.node_dir().join("runtime"),
        run: place.run_dir().join("runtime"),
        cgroup_root: place.cgroup(),
        exe: std::env::current_exe().context("cannot find the running binary")?,
        ephemeral,
        registry: registry_client::ClientConfig::default(),
    })
}

/// Settings of the pod network for a place.
pub(crate) fn network_config(place: &Place) -> NetworkConfig {
    NetworkConfig {
        run: place.run_dir().join("network"),
        pod_cidrs: place.pod_cidrs(),
        service_cidrs: place.service_cidrs(),
        name: place.network_name(),
    }
}

/// The pod network as the agent asks for it.
#[derive(Debug)]
struct Networking(Arc<Network>);

#[async_trait::async_trait]
impl PodNetworking for Networking {
    async fn attach(&self, pod_uid: &str, namespace: Option<OwnedFd>) -> Result<PodNetwork, NetworkError> {
        self.0.attach(pod_uid, namespace).await.map_err(|cause| refused(format!("cannot attach pod {pod_uid}"), cause))
    }

    async fn detach(&self, pod_uid: &str) -> Result<(), NetworkError> {
        self.0.detach(pod_uid).await.map_err(|cause| refused(format!("cannot detach pod {pod_uid}"), cause))
    }

    async fn attached(&self) -> Vec<String> {
        self.0.attached().await
    }

    async fn set_services(&self, services: &Services) -> Result<(), NetworkError> {
        self.0.set_services(services).await.map_err(|cause| refused("cannot write the rules of Services".into(), cause))
    }
}

fn refused(attempt: String, cause: network::NetworkError) -> NetworkError {
    NetworkError { attempt, cause: Box::new(cause) }
}

/// The address by which others reach this machine: the source of its default route; loopback when there is none.
pub(crate) fn primary_address() -> IpAddr {
    // Connecting a datagram socket sends nothing; it only asks the routing table.
    const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
    let routed = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect(ANYWHERE)?;
        socket.local_addr()
    });
    routed.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}
