//! What parent and children tell each other. Both ends are always the same binary, so these forms carry no version.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::place::Place;

/// Hidden first argument of each child.
pub(crate) const SERVER: &str = "server-role";
pub(crate) const NODE: &str = "node-role";
pub(crate) const JANITOR: &str = "janitor-role";

/// A network, as address and prefix length.
pub(crate) type Cidr = (IpAddr, u8);

/// Orders for the server. Its working directory is its data directory.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServerOrders {
    pub(crate) listen: SocketAddr,
    pub(crate) advertise: Vec<IpAddr>,
    pub(crate) service_cidrs: Vec<Cidr>,
    pub(crate) node_name: String,
    /// Decided when the cluster is made.
    pub(crate) watch_history_events: Option<NonZeroU64>,
}

/// What the server made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServerReport {
    pub(crate) address: SocketAddr,
    pub(crate) admin_kubeconfig: String,
    pub(crate) node: NodeIdentity,
}

/// With what a node identifies itself.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NodeIdentity {
    pub(crate) kubeconfig: String,
    pub(crate) serving_certificate: String,
    pub(crate) serving_key: String,
    pub(crate) client_authority: String,
}

/// Orders for the node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NodeOrders {
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) identity: NodeIdentity,
    pub(crate) place: Place,
    pub(crate) ephemeral: bool,
    pub(crate) static_pod_path: Option<PathBuf>,
    pub(crate) static_pod_url: Option<String>,
    pub(crate) protection: agent::Protection,
    pub(crate) unsafe_sysctls: agent::UnsafeSysctls,
}

/// Orders for the janitor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JanitorOrders {
    pub(crate) place: Place,
    /// Data directory, which goes last.
    pub(crate) data: PathBuf,
}

/// What a child answers when it is ready, or why it is not.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report<T> {
    Ready(T),
    Failed(String),
}
