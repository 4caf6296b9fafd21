//! What the agent asks of the network, as data.

use std::net::IpAddr;
use std::path::PathBuf;

/// A pod's place on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodNetwork {
    /// Pinned network namespace; none where pods share the node's.
    pub netns: Option<PathBuf>,
    /// One address per family, the primary one first.
    pub addresses: Vec<IpAddr>,
}

/// Transport protocol of a Service port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// One port of one Service address, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServicePort {
    /// Cluster address.
    pub address: IpAddr,
    /// Protocol.
    pub protocol: Protocol,
    /// Port.
    pub port: u16,
    /// Port on every address of the node, for `NodePort` Services.
    pub node_port: Option<u16>,
    /// Ready endpoints, sorted.
    pub endpoints: Vec<(IpAddr, u16)>,
    /// `sessionAffinity: ClientIP`: seconds for which a client stays with its endpoint.
    pub affinity_seconds: Option<u32>,
}

/// What a node serves of Services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// Ranges of their addresses beside those of the configuration, as network and prefix length.
    pub ranges: Vec<(IpAddr, u8)>,
    /// Their ports, sorted.
    pub ports: Vec<ServicePort>,
}
