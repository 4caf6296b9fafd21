//! How containers run on a node: images, the process tree, Linux namespaces and Wasm workers.
//!
//! ```text
//! agent ── exec ──> zygote ── fork ──> shim, one per pod ──> Linux container, Wasm worker, exec session
//! ```
//!
//! The agent (a threaded program) never forks. The zygote and the shims are single-threaded and run no async runtime; only
//! a Wasm worker starts threads, after it entered its last namespace. Shims outlive the agent, so that pods survive its
//! restart; what crosses between releases (frames, run files) carries a version.
//!
//! Forbidden here: Kubernetes objects (the agent translates them), the network's set-up (a sandbox gets a namespace path),
//! naming wasmtime (crate `wasm` does), `unsafe` outside modules named `sys`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert"))]

pub mod contract;

pub mod config;
pub mod privileges;
pub mod layout;

pub mod cgroup;
pub mod disk;
pub mod linux;

pub mod local;
pub mod roles;

pub mod cleanup;
pub mod images;
pub mod log_lines;
pub mod logs;
pub mod protocol;
pub mod runfile;
pub mod shim;
pub mod wasm_worker;
pub mod zygote;
pub mod wire;

mod propagation;
mod sys;
