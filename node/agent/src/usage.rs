//! What the node, its pods and their containers use: measured now and then, CPU also as a rate between two measurements.

mod board;
mod cadvisor;
mod exposition;
mod machine;
mod network;
mod resource;
mod sampler;
mod summary;

use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Capacity;

use board::Board;
pub(crate) use sampler::watch;

/// The last measurement, for all who are asked about it.
#[derive(Debug, Default)]
pub(crate) struct Usages(Mutex<Arc<Board>>);

impl Usages {
    fn latest(&self) -> Arc<Board> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, board: Board) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(board);
    }

    /// `/stats/summary`, as a kubelet writes it.
    pub(crate) fn summary(&self) -> serde_json::Value {
        summary::of(&self.latest())
    }

    /// `/metrics/resource`, as a kubelet writes it.
    pub(crate) fn resource(&self) -> String {
        resource::text(&self.latest())
    }

    /// `/metrics/cadvisor`, as a kubelet writes it.
    pub(crate) fn cadvisor(&self, capacity: Capacity) -> String {
        cadvisor::text(&self.latest(), capacity)
    }
}
