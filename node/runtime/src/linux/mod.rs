//! Linux containers: our own launcher.
//!
//! [`launch`] makes a container out of a [`LaunchSpec`], [`exec`] runs one more command in a running one. Both return when
//! `execve` succeeded or failed, with a typed reason. The caller is the pod's shim: single-threaded (the child goes on with
//! ordinary Rust after `clone3`, which only a single-threaded parent makes sound) and already inside the pod's network, IPC
//! and UTS namespaces. Everything is mounted in the container's own mount namespace, so that nothing outlives it.
//!
//! Reading order: `spec`, `launch`, `exec`, `spawn` (the way into the child), `rootfs` and `mounts` (what it sees),
//! `process` (what it is), `user_namespace` (pods with ids of their own), `sys` (all unsafe code).
//!
//! Needs Linux 5.12: `clone3`, `openat2`, `close_range`, `mount_setattr`.

mod apparmor;
mod capability;
mod command;
mod dev;
mod error;
mod exec;
mod identity;
mod in_root;
mod launch;
mod mounts;
mod overlay;
mod process;
mod read_only;
mod rootfs;
pub mod seccomp;
mod spawn;
mod spec;
mod sys;
mod tty;
mod user_namespace;

pub use error::LaunchError;
pub use exec::exec;
pub use identity::verify_non_root;
pub use launch::{launch, pause};
pub use read_only::open_read_only;
pub use spec::{ExecSpec, LaunchSpec, Launched, PidNamespace, Process, Rootfs, Stdio};
pub use user_namespace::{IdRange, UserNamespace, WIDTH};
