//! Where artifacts come from: OCI pull, safe unpacking, and a small registry that serves what a directory holds.
//!
//! This crate knows nothing of pods, and depends on no other crate of ours.

pub mod blobs;
pub mod digest;
pub mod docker_config;
pub mod manifest;
pub mod publish;
pub mod pull;
pub mod push;
pub mod reference;
pub mod serve;
pub mod unpack;

pub use blobs::BlobStore;
pub use digest::Digest;
pub use pull::{Client, ClientConfig, Credentials, Progress, PullError, Pulled};
pub use push::PushError;
pub use reference::Reference;
