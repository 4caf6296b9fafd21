//! Device access rules of cgroup v1. Pure.
//!
//! On v2 the kernel wants a BPF program instead; there (and here too) the launcher mounts everything in a container
//! `nodev` except single device files bound from the node, so that a made device node opens nothing.

/// What goes to `devices.deny` first.
pub(super) const DENY_ALL: &str = "a";

/// What goes to `devices.allow` then, one write each: making any node is harmless, using one is not.
/// Names by the kernel's `admin-guide/devices.txt`.
pub(super) const ALLOWED: [&str; 11] = [
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",   // null
    "c 1:5 rwm",   // zero
    "c 1:7 rwm",   // full
    "c 1:8 rwm",   // random
    "c 1:9 rwm",   // urandom
    "c 5:0 rwm",   // tty
    "c 5:1 rwm",   // console
    "c 5:2 rwm",   // ptmx
    "c 136:* rwm", // pseudo terminals
];
