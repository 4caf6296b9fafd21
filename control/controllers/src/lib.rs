//! What should change next: one pure function per controller.
//!
//! A controller gets a snapshot, the key of one root object and a time, and answers what should change and when to look again.
//! It never learns what happened, only what is, so that start, relist and change take the same path. This crate has no task,
//! clock, randomness or IO, because no dependency offers it.
#![cfg_attr(test, allow(clippy::needless_pass_by_value, reason = "manifests in tests read better by value"))]

mod decision;
mod objects;
mod claim;
mod table;

mod deployment;
mod disruption;
mod replica_set;
mod endpoint_slice;
mod namespace;
mod garbage;
mod service_account;
mod service_address;
mod service_cidr;
mod node_health;
mod pod_garbage;

pub use decision::{Damaged, Decision, Step, Tell};
pub use table::{Controller, table};

#[cfg(test)]
mod make;
