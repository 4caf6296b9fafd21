//! The command line: what can be typed, how progress is shown, and the commands that are clients of the API.
//!
//! This crate starts no part of a cluster; `main.rs` does. Its commands speak the same HTTPS API as any client, in kubectl's
//! words, for people who have no kubectl.

pub mod arguments;
pub mod progress;
pub mod output;
pub mod client;
pub mod resource;
pub mod manifest;
pub mod get;
pub mod apply;
pub mod delete;
pub mod logs;

pub use client::{Client, CommandError};
