//! The parts that one process of this binary can play.
//!
//! `up` is the parent. It runs the binary again as `server` (an unprivileged user, sole reader of keys and log), as `node`
//! (root) and, when nothing may be left, as `janitor`; without root all are its own user. The parent tells each its orders as
//! one line of JSON on standard input, and is told the outcome as one line on standard output; the end of standard input means
//! that the parent is gone.

pub(crate) mod orders;
pub(crate) mod line;
pub(crate) mod place;
pub(crate) mod settings;
pub(crate) mod up;
pub(crate) mod wasm;
pub(crate) mod child;
pub(crate) mod process;
pub(crate) mod serve;
pub(crate) mod node;
pub(crate) mod shared_network;
pub(crate) mod janitor;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod demo;
