//! The agent as a whole: what it starts, in order, and how it stops.

use std::net::SocketAddr;
use std::sync::Arc;

use runtime::contract::Runtime;

use crate::config::AgentConfig;
use crate::contract::PodNetworking;

/// Starts agents.
#[derive(Debug)]
pub struct Agent;

/// A running agent.
#[derive(Debug)]
pub struct RunningAgent {
    endpoint: SocketAddr,
}

/// Why an agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kubeconfig cannot be used.
    #[error("read the agent's kubeconfig: {0}")]
    Kubeconfig(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Agent {
    /// Takes up what runs on the node, registers the Node, and keeps both as the API says.
    ///
    /// # Errors
    /// When a setting cannot be used or the runtime or network cannot be read. An API server that is away is no error:
    /// the agent waits for it, and what runs keeps running.
    pub async fn start(
        _config: AgentConfig,
        _runtime: Arc<dyn Runtime>,
        _network: Arc<dyn PodNetworking>,
        _seam: seam::Seam,
    ) -> Result<RunningAgent, StartError> {
        Err(StartError::Kubeconfig("".into()))
    }
}

impl RunningAgent {
    /// Where the node endpoint listens.
    pub fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    /// Waits until the Node is registered and reported ready.
    pub async fn ready(&self) {}

    /// Stops the agent. Pods keep running when `leave_pods`; otherwise they are stopped and removed first.
    pub async fn shutdown(self, _leave_pods: bool) {}
}
