//! The network of one node.

use std::fs;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rtnetlink::Handle;
use tokio::sync::Mutex;

use super::allocation::{Allocation, Allocations};
use super::config::NetworkConfig;
use super::contract::{PodNetwork, Services};
use super::error::NetworkError;
use super::{cleanup, links, netns, nft, rules, service_routes};

/// Longest pod uid: a UUID has 36 characters, a static pod's hash 32.
const UID_MAX: usize = 64;

/// What the kernel has of Services.
#[derive(Debug, PartialEq, Eq)]
struct Loaded {
    rules: String,
    ranges: Vec<(IpAddr, u8)>,
}

/// The network of one node: pods come and go, Services change. All methods may be called at the same time, but for one pod's
/// attaching and detaching: those follow each other.
#[derive(Debug)]
pub struct Network {
    config: NetworkConfig,
    handle: Handle,
    /// Held while its file is written, never while the kernel works: making a link takes 2 ms and removing one 17.
    allocations: Mutex<Allocations>,
    /// The rules that the kernel has, as we gave them, and the ranges to which routes lead.
    loaded: Mutex<Option<Loaded>>,
}

impl Network {
    /// Prepares the node: directories, forwarding, the node's own address and a table. Pods of an earlier run stay attached
    /// and its Services served.
    ///
    /// # Errors
    /// When the configuration is wrong, the allocation file cannot be read, or the kernel refuses (not root, no nftables).
    pub async fn open(config: NetworkConfig) -> Result<Arc<Self>, NetworkError> {
        config.validate()?;
        let pins = config.pins();
        fs::create_dir_all(&pins).map_err(NetworkError::io(format!("create {}", pins.display())))?;
        let allocations = Allocations::load(&config.allocation_file())?;
        for address in config.node_addresses() {
            forward(address)?;
        }
        let handle = links::connect()?;
        links::prepare_node(&handle, &config.node_addresses()).await?;
        service_routes::extend(&handle, &config.node_addresses(), &config.service_cidrs).await?;
        let network = Arc::new(Self { config, handle, allocations: Mutex::new(allocations), loaded: Mutex::new(None) });
        // Services of an earlier run go on until this one knows better.
        if !nft::is_loaded(&network.config).await? {
            network.set_services(&Services::default()).await?;
        }
        Ok(network)
    }

    /// Gives a pod a network namespace with an interface and addresses. A pod that has them gets the same answer, after a
    /// restart of this process too; with a `namespace` that was made for it, it gets that one in any case.
    ///
    /// # Errors
    /// When no address is free or the kernel refuses; nothing is left then.
    pub async fn attach(&self, pod_uid: &str, namespace: Option<OwnedFd>) -> Result<PodNetwork, NetworkError> {
        let netns = self.pin(pod_uid)?;
        let allocation = self.allocate(pod_uid).await?;
        let answer = PodNetwork { netns: Some(netns.clone()), addresses: allocation.addresses.clone() };
        let link = links::index(&self.handle, &allocation.interface).await?;
        if namespace.is_none() && link.is_some() && netns::is_pinned(&netns) {
            return Ok(answer);
        }
        self.tear_down(&netns, &allocation.interface).await?;
        match namespace {
            Some(namespace) => netns::pin(&netns, &namespace)?,
            None => netns::make(netns.clone()).await?,
        }
        match links::attach(&self.handle, &netns, &allocation, &self.config.node_addresses()).await {
            Ok(()) => Ok(answer),
            Err(error) => {
                if let Err(second) = self.tear_down(&netns, &allocation.interface).await {
                    tracing::warn!(uid = pod_uid, error = %second, "what a failed attach left could not be removed");
                }
                self.release(pod_uid).await?;
                Err(error)
            }
        }
    }

    /// The pod's addresses and interface, new ones or those that it has. They are on disk before the kernel knows of them:
    /// what a crash leaves is found by name afterwards.
    async fn allocate(&self, pod_uid: &str) -> Result<Allocation, NetworkError> {
        let mut allocations = self.allocations.lock().await;
        let known = allocations.get(pod_uid).is_some();
        let allocation = allocations.allocate(&self.config, pod_uid)?;
        if !known {
            allocations.save(&self.config.allocation_file())?;
        }
        Ok(allocation)
    }

    async fn release(&self, pod_uid: &str) -> Result<(), NetworkError> {
        let mut allocations = self.allocations.lock().await;
        match allocations.release(pod_uid) {
            Some(_) => allocations.save(&self.config.allocation_file()),
            None => Ok(()),
        }
    }

    /// Takes a pod's interface, namespace pin and addresses away. A pod that has none is fine.
    ///
    /// # Errors
    /// When the kernel refuses; the addresses stay reserved then.
    pub async fn detach(&self, pod_uid: &str) -> Result<(), NetworkError> {
        let netns = self.pin(pod_uid)?;
        let allocation = self.allocations.lock().await.get(pod_uid).cloned();
        let Some(allocation) = allocation else { return netns::unpin(&netns) };
        self.tear_down(&netns, &allocation.interface).await?;
        self.release(pod_uid).await
    }

    /// Uids of the attached pods, sorted.
    pub async fn attached(&self) -> Vec<String> {
        self.allocations.lock().await.pods().cloned().collect()
    }

    /// Makes the kernel's rules those for exactly these Services, and its routes those to exactly the configured ranges and
    /// these. Does nothing when they are so already.
    ///
    /// # Errors
    /// When `nft` is missing or refuses; the rules before stay then.
    pub async fn set_services(&self, services: &Services) -> Result<(), NetworkError> {
        let ranges = self.config.ranges_with(&services.ranges);
        let wanted = Loaded { rules: rules::render(&self.config, services), ranges };
        let mut loaded = self.loaded.lock().await;
        if loaded.as_ref() == Some(&wanted) {
            return Ok(());
        }
        if loaded.as_ref().is_none_or(|loaded| loaded.ranges != wanted.ranges) {
            service_routes::set(&self.handle, &self.config.node_addresses(), &wanted.ranges).await?;
        }
        if loaded.as_ref().is_none_or(|loaded| loaded.rules != wanted.rules) {
            nft::load(&self.config.name, &wanted.rules).await?;
        }
        *loaded = Some(wanted);
        Ok(())
    }

    /// Removes everything that this node made: rules, interfaces, pins, addresses, routes, the allocation file.
    ///
    /// # Errors
    /// When something cannot be removed; the rest is removed nevertheless and the first failure returned.
    pub async fn cleanup(&self) -> Result<(), NetworkError> {
        let mut allocations = self.allocations.lock().await;
        let mut loaded = self.loaded.lock().await;
        *loaded = None;
        *allocations = Allocations::default();
        cleanup::remove_all(&self.config, &self.handle).await
    }

    async fn tear_down(&self, netns: &Path, interface: &str) -> Result<(), NetworkError> {
        links::delete(&self.handle, interface).await?;
        netns::unpin(netns)
    }

    fn pin(&self, pod_uid: &str) -> Result<PathBuf, NetworkError> {
        let plain = pod_uid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if pod_uid.is_empty() || pod_uid.len() > UID_MAX || !plain {
            return Err(NetworkError::Invalid(format!("pod uid {pod_uid:?} must be letters, digits, - and _")));
        }
        Ok(self.config.pins().join(pod_uid))
    }
}

/// Lets the kernel pass packets between pods and the world, for the family of the address.
fn forward(family_of: IpAddr) -> Result<(), NetworkError> {
    let switch = match family_of {
        IpAddr::V4(_) => "/proc/sys/net/ipv4/ip_forward",
        IpAddr::V6(_) => "/proc/sys/net/ipv6/conf/all/forwarding",
    };
    let before = fs::read_to_string(switch).map_err(NetworkError::io(format!("read {switch}")))?;
    if before.trim() == "0" {
        fs::write(switch, "1").map_err(NetworkError::io(format!("write {switch}")))?;
        tracing::info!(switch, "forwarding was off and is on now, because pods need it");
    }
    Ok(())
}
