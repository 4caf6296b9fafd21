//! Control groups, for v2, v1 and the hybrid of both, by plain file access.
//!
//! [`Hierarchy::detect`] finds what is mounted, [`Hierarchy::group`] names a group, [`Group`] does things to it. What is
//! written where is computed by the pure functions of `settings`; `files` is the only place that reads or writes.
//!
//! A node without root has no groups; [`Hierarchy::of`] stands in with groups that hold and limit nothing, so that who starts
//! a process there has to end it.
//!
//! A hybrid host mounts v1 controllers and a cgroup2 tree without controllers. There the limits go to v1 and the tree
//! tracks the processes, so that killing and freezing need no loop over process ids.

mod devices;
mod error;
mod files;
mod group;
mod layout;
mod settings;
mod usage;

pub use error::CgroupError;
pub use group::Group;
pub use layout::{Controller, Hierarchy};
