//! What is read of a node's `/stats/summary`.

use std::time::Duration;

use serde::Deserialize;

/// Node and pods.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) node: Measured,
    #[serde(default)]
    pub(super) pods: Vec<Pod>,
}

/// A pod and its running containers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pod {
    pub(super) pod_ref: PodRef,
    #[serde(default)]
    pub(super) containers: Vec<Container>,
}

/// Which pod.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PodRef {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
}

/// A running container.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Container {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) measured: Measured,
}

/// What was measured of one thing.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Measured {
    cpu: Option<Cpu>,
    memory: Option<Memory>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cpu {
    time: String,
    usage_nano_cores: Option<u64>,
    /// Time over which that rate was measured. A kubelet does not tell it; our nodes do.
    usage_window_nano_seconds: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    working_set_bytes: Option<u64>,
}

/// What metrics tell of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    /// When it was measured, as the node writes it.
    pub(super) time: String,
    /// Time over which the rate was measured.
    pub(super) window: Duration,
    /// CPU, in billionths of a core.
    pub(super) nano_cores: u64,
    /// Working set, in bytes.
    pub(super) memory: u64,
}

impl Measured {
    /// The figures, when all of them are known: a rate is known after the second look only.
    pub(super) fn figures(&self) -> Option<Figures> {
        let cpu = self.cpu.as_ref()?;
        Some(Figures {
            time: cpu.time.clone(),
            window: Duration::from_nanos(cpu.usage_window_nano_seconds?),
            nano_cores: cpu.usage_nano_cores?,
            memory: self.memory.as_ref()?.working_set_bytes?,
        })
    }
}
