//! How requests get in: sockets, identity, access, admission, the verbs, and the forms in which answers go out.
//!
//! A request walks one way: `listen` → `app` (route, who, may they) → `object` (decode) → `verbs` (default, admit,
//! validate, propose) → an answer. No step looks sideways, and no handler knows a kind by name except where Kubernetes does.
//! The verbs serve HTTP and, through [`api::verbs::Verbs`], our own components alike.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert"))]

pub mod access;
mod admit;
mod app;
mod body;
mod bootstrap;
mod components;
mod computed;
mod deadline;
mod discovery;
mod document;
mod fail;
mod flows;
mod gate;
mod health;
mod identity;
mod limits;
mod list;
mod listen;
mod log;
mod meter;
mod negotiate;
mod nodes;
mod object;
mod openapi;
mod options;
mod page;
pub mod pki;
mod query;
mod revision;
mod route;
mod scale;
mod select;
mod send;
mod server;
mod stamp;
mod table;
mod usage;
mod verbs;
mod warning;
mod watch;

pub use admit::{Admission, Operation, Request};
pub use components::{Alive, Component};
pub use limits::Limits;
pub use pki::NodeBundle;
pub use route::Verb;
pub use server::{Running, Server, ServerConfig, StartError};
