//! How it runs: images, the zygote, shims, Linux containers and Wasm workers, behind one trait.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert"))]

pub mod contract;

pub mod cgroup;
pub mod linux;
