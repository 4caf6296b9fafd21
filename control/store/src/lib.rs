//! What is true: the replicated log, the state machine, the disk, the watch.
//!
//! Only this crate names openraft and redb. `apply` knows keys, bytes and revisions; no Kubernetes rule, no clock, no randomness.

pub mod command;
