//! The one wasmtime: what a Wasm artifact is, how it becomes native code, and the worker that runs it.
//!
//! Read in this order: [`inspect`] parses an artifact without compiling it; [`compile`] turns it into native code in a
//! confined child process; [`cache`] keeps that code and proves that it is this node's own; [`engine`] holds the one
//! configuration that compiler and workers share; [`worker`] runs code in a process of its own.
//!
//! This crate knows no pod, image or registry. It forbids two things: compiling in a process that does anything else,
//! and loading native code that this node did not make.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert"))]

pub mod inspect;

pub mod compile;

pub mod cache;

pub mod engine;

mod sys;

pub mod worker;

pub use cache::{Cache, CacheError, Digest};
pub use compile::{COMPILE_ROLE, CompileError, CompileLimits, child_main, compile};
pub use engine::{Class, Preloaded};
pub use inspect::{Artifact, Entry, Form, Import, InspectError, inspect, unsatisfied};
pub use worker::{ExitReason, Preopen, WorkerExit, WorkerSpec};
