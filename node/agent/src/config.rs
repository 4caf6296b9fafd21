//! What the agent is told when it starts.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use runtime::privileges::Privileges;

use crate::protection::Protection;
use crate::static_pods::StaticPods;
use crate::sysctls::UnsafeSysctls;

/// Settings of an agent. Everything is typed before the agent touches the node.
#[derive(Clone)]
pub struct AgentConfig {
    /// What the node may do to its machine; label `bireme.dev/sandbox-linux` tells it.
    pub privileges: Privileges,
    /// Name of the Node object; also the identity in the lease.
    pub node_name: String,
    /// Addresses of the node, the primary one first; `status.addresses` shows them as `InternalIP`.
    pub addresses: Vec<IpAddr>,
    /// A kubeconfig as text: where the API server is and who the agent is to it.
    pub kubeconfig: String,
    /// Directory of the agent: `pods/<uid>/{volumes,logs}` below it.
    pub dir: PathBuf,
    /// Where the node endpoint listens. Port 0 lets the system choose; the Node object tells the port.
    pub listen: SocketAddr,
    /// Certificate chain of the node endpoint.
    pub serving_cert_pem: String,
    /// Private key of the node endpoint.
    pub serving_key_pem: String,
    /// Authority whose client certificates the node endpoint accepts.
    pub client_ca_pem: String,
    /// Labels of the Node object beyond those every node has.
    pub labels: BTreeMap<String, String>,
    /// What the node can hold; detected when absent.
    pub capacity: Option<Capacity>,
    /// The cluster's name service, for pods with `dnsPolicy: ClusterFirst`; the node's own is used when absent.
    pub cluster_dns: Option<ClusterDns>,
    /// Where the runtime keeps images and writable layers.
    pub image_dir: PathBuf,
    /// How the node protects itself.
    pub protection: Protection,
    /// Settings of the kernel that pods may make beyond the safe ones.
    pub unsafe_sysctls: UnsafeSysctls,
    /// Pods that the node runs without being asked by the API.
    pub static_pods: StaticPods,
    /// `status.nodeInfo.kubeletVersion`, e.g. `v1.37.0+bireme.0.1.0`.
    pub version: String,
}

impl std::fmt::Debug for AgentConfig {
    /// Leaves out the kubeconfig and the key: they are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentConfig")
            .field("node_name", &self.node_name)
            .field("addresses", &self.addresses)
            .field("dir", &self.dir)
            .field("listen", &self.listen)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What a node can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory, in bytes.
    pub memory: u64,
    /// Bytes of the file system of the agent's directory.
    pub ephemeral_storage: u64,
    /// Number of pods.
    pub pods: u32,
    /// Bytes in huge pages of 2 MiB; none where the kernel knows no such pages.
    pub huge_2mi: Option<u64>,
    /// Bytes in huge pages of 1 GiB.
    pub huge_1gi: Option<u64>,
}

/// The cluster's name service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDns {
    /// Addresses of its servers.
    pub servers: Vec<IpAddr>,
    /// Cluster domain, e.g. `cluster.local`.
    pub domain: String,
}
