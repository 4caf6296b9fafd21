//! openraft, behind this one module: types, log, state machine, network, and the handle that the store holds.
//!
//! openraft runs on its tokio runtime. To run it in a simulated world, implement `openraft::AsyncRuntime` on `seam::Seam` beside
//! [`types`] and name it there; log, checkpoint and state machine already take time, threads and files from the seam.

mod apply;
mod leadership;
mod network;
mod start;
mod types;

pub(crate) use apply::Machine;
pub(crate) use leadership::{epoch, follow};
pub(crate) use start::{Raft, start};
pub(crate) use types::{Entry, LogId, Outcome, Proposal, Types, Vote, decode_entry, encode_entry};
