//! What decisions read of an object without parsing it: small, typed, versioned.
//!
//! The proposing server extracts facts once (see `kind::Strategy::facts`); they are stored beside the bytes in log, checkpoint
//! and snapshot. A change of meaning raises [`VERSION`] and keeps the reader of the previous one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Version of the form below, as stored in log, checkpoint and snapshot.
pub const VERSION: u8 = 1;

/// Facts by kind. Kinds about which nothing is decided without reading them whole are [`Facts::Plain`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Facts {
    /// Nothing beyond the header.
    #[default]
    Plain,
    /// A Pod.
    Pod(Box<PodFacts>),
    /// A Node.
    Node(NodeFacts),
    /// A ReplicaSet.
    ReplicaSet(ReplicaSetFacts),
}

/// `status.phase` of a Pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Not all containers have started.
    #[default]
    Pending,
    /// At least one container runs or will be restarted.
    Running,
    /// All ended with exit code 0 and none will be restarted.
    Succeeded,
    /// All ended, at least one in failure.
    Failed,
    /// The node cannot be asked.
    Unknown,
}

impl Phase {
    /// Whether no container will run again.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// Amounts of the resources that scheduling always counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// CPU, in thousandths of a core.
    pub cpu_milli: u64,
    /// Memory, in bytes.
    pub memory: u64,
    /// Ephemeral storage, in bytes.
    pub storage: u64,
    /// Pods: 1 for a pod, capacity for a node.
    pub pods: u32,
}

/// Facts of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodFacts {
    /// `status.phase`.
    pub phase: Phase,
    /// Condition `Ready` is `True`.
    pub ready: bool,
    /// `lastTransitionTime` of that condition, seconds since 1970; 0 when it was never set.
    pub ready_since: i64,
    /// `metadata.creationTimestamp`, seconds since 1970.
    pub created: i64,
    /// `spec.nodeName`, when bound.
    pub node: Option<Arc<str>>,
    /// Effective requests: the larger of the sum of containers and any init container, plus overhead.
    pub requests: Amounts,
    /// `spec.schedulerName`.
    pub scheduler: Option<Arc<str>>,
    /// `spec.priority`.
    pub priority: i32,
    /// Whether the pod asks for something that only its full spec tells (node affinity, spread, host ports, …).
    pub constrained: bool,
    /// Label `pod-template-hash`.
    pub template_hash: Option<Arc<str>>,
}

/// Facts of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// Condition `Ready` is `True`.
    pub ready: bool,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// `status.allocatable`.
    pub allocatable: Amounts,
    /// Whether `spec.taints` is not empty.
    pub tainted: bool,
}

/// Facts of a ReplicaSet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSetFacts {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `status.replicas`.
    pub current: i32,
    /// `status.readyReplicas`.
    pub ready: i32,
    /// `status.availableReplicas`.
    pub available: i32,
    /// `metadata.generation` minus `status.observedGeneration`; 0 when the controller has seen the spec.
    pub behind: i64,
}

impl Facts {
    /// Facts of a Pod, when this is one.
    #[must_use]
    pub fn pod(&self) -> Option<&PodFacts> {
        match self {
            Self::Pod(facts) => Some(facts),
            Self::Plain | Self::Node(_) | Self::ReplicaSet(_) => None,
        }
    }

    /// Facts of a Node, when this is one.
    #[must_use]
    pub fn node(&self) -> Option<&NodeFacts> {
        match self {
            Self::Node(facts) => Some(facts),
            Self::Plain | Self::Pod(_) | Self::ReplicaSet(_) => None,
        }
    }

    /// Facts of a ReplicaSet, when this is one.
    #[must_use]
    pub fn replica_set(&self) -> Option<&ReplicaSetFacts> {
        match self {
            Self::ReplicaSet(facts) => Some(facts),
            Self::Plain | Self::Pod(_) | Self::Node(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn facts_stay_within_their_budget() {
        assert!(size_of::<super::PodFacts>() + size_of::<super::Facts>() <= 256);
    }
}
