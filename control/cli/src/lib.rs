//! The command line: what can be typed, how progress is shown, and the commands that are clients of the API.
//!
//! This crate starts no part of a cluster; `main.rs` does.

pub mod arguments;
pub mod progress;
