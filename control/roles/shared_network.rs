//! The pod network of a node without root: there is none, and every pod is on the network of the machine.
//!
//! Two pods that want one port meet there: the second is told that the port is in use, and its container does not start.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Once;

use agent::{NetworkError, PodNetworking};
use network::contract::{PodNetwork, Services};

/// See the module.
#[derive(Debug)]
pub(super) struct SharedNetwork {
    addresses: Vec<IpAddr>,
    told: Once,
}

impl SharedNetwork {
    /// Every pod has the node's addresses.
    pub(super) fn new(addresses: Vec<IpAddr>) -> Self {
        Self { addresses, told: Once::new() }
    }
}

#[async_trait::async_trait]
impl PodNetworking for SharedNetwork {
    async fn attach(&self, _: &str, _: Option<OwnedFd>) -> Result<PodNetwork, NetworkError> {
        Ok(PodNetwork { netns: None, addresses: self.addresses.clone() })
    }

    async fn detach(&self, _: &str) -> Result<(), NetworkError> {
        Ok(())
    }

    /// None holds anything that would have to be given back.
    async fn attached(&self) -> Vec<String> {
        Vec::new()
    }

    async fn set_services(&self, services: &Services) -> Result<(), NetworkError> {
        if !services.ports.is_empty() {
            self.told.call_once(|| {
                tracing::warn!("addresses of Services do not answer: their rules in the kernel need root");
            });
        }
        Ok(())
    }
}
