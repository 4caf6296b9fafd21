//! How it talks: pod interfaces and addresses, Services.
//!
//! A pod gets one end of a veth pair and one address per family (/32, /128); its default route leads to a link-local address
//! on the other end, and the node routes the pod's address there. No bridge, so that translated replies always pass the
//! node's own rules. Services are maps in one nftables table per family, written as text by the pure [`render`] and loaded
//! as one transaction.
//!
//! This crate knows no Kubernetes object. It acts in the network namespace of the thread that calls it.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert"))]

pub mod contract;

mod allocation;
mod cleanup;
mod config;
mod error;
mod links;
mod netns;
mod network;
mod nft;
mod rules;
mod service_routes;

pub use cleanup::cleanup_blocking;
pub use config::NetworkConfig;
pub use error::NetworkError;
pub use network::Network;
pub use rules::render;
