//! What is true: the replicated log, the state machine, the disk, the watch.
//!
//! Only this crate names openraft and redb. `apply` knows keys, bytes and revisions; no Kubernetes rule, no clock, no randomness.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert"))]

pub mod command;
mod error;
mod store;

// What is true.
mod figures;
mod history;
mod machine;
mod requests;
mod truth;
mod views;

// How it stays.
mod backend;
mod checkpoint;
mod dir;
mod format;
mod keeper;
mod log;

// How it is agreed upon.
mod barrier;
mod raft;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod testing;

pub use command::{Applied, Command, Precondition, Refused, RequestId, Write};
pub use error::{CloseError, OpenError, ProposeError};
pub use store::{Store, StoreConfig};
