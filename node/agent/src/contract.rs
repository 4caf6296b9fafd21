//! What the agent needs from the pod network. The real one is adapted in `main`, so that tests can stand in for it.

use std::os::fd::OwnedFd;

use async_trait::async_trait;
use network::contract::{PodNetwork, Services};

/// Why the pod network refused: what was attempted and the cause, as one message for a pod's events.
#[derive(Debug, thiserror::Error)]
#[error("{attempt}: {cause}")]
pub struct NetworkError {
    /// What was attempted, on what.
    pub attempt: String,
    /// Cause.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// The pod network of a node.
#[async_trait]
pub trait PodNetworking: Send + Sync + std::fmt::Debug {
    /// Gives a pod addresses, in a network namespace of its own where the node can make one.
    ///
    /// Asked again for the same uid, it answers the same. A pod with ids of its own comes with a `namespace` that belongs to
    /// these; it replaces the one that the pod has.
    async fn attach(&self, pod_uid: &str, namespace: Option<OwnedFd>) -> Result<PodNetwork, NetworkError>;

    /// Takes them back. Succeeds for a pod that has none.
    async fn detach(&self, pod_uid: &str) -> Result<(), NetworkError>;

    /// Uids of all attached pods, those of before an agent restart included.
    async fn attached(&self) -> Vec<String>;

    /// Replaces the whole table of Services, and the ranges of their addresses beside the configured ones.
    async fn set_services(&self, services: &Services) -> Result<(), NetworkError>;
}
