//! What the worker offers to guests, by name, so that an image is refused for a missing interface before it is compiled.
//!
//! File system, sockets and outgoing HTTP are always linked and denied at the call unless granted: a guest can handle a
//! denied call. An interface that the host does not know cannot be linked at all; that is what this module finds.

use std::fmt;

use super::{Artifact, Form};

/// Interfaces of WASI 0.2 that every worker links. Any 0.2.x of an interface is satisfied by the host's (WASI's rule for
/// versions below 0.3).
const INTERFACES: &[(&str, &[&str])] = &[
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["preopens", "types"]),
    ("wasi:http", &["outgoing-handler", "types"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["insecure", "insecure-seed", "random"]),
    (
        "wasi:sockets",
        &["instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
    ),
];

/// Module name of WASI preview 1, the only one that a core module may import from.
const PREVIEW1: &str = "wasi_snapshot_preview1::";

/// An import that no host interface satisfies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// As the artifact spells it: `wasi:keyvalue/store@0.2.0-draft`, `env::log`.
    pub name: String,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The imports of `artifact` that no worker can satisfy, in the artifact's order. Empty when it can be linked.
#[must_use]
pub fn unsatisfied(artifact: &Artifact) -> Vec<Import> {
    let known = |name: &str| match artifact.form {
        Form::Module => name.starts_with(PREVIEW1),
        Form::Component => is_host_interface(name),
    };
    artifact.imports.iter().filter(|name| !known(name)).map(|name| Import { name: name.clone() }).collect()
}

/// Whether `package/interface@version` is one that workers link.
fn is_host_interface(name: &str) -> bool {
    let Some((interface, version)) = name.split_once('@') else { return false };
    let Some((package, interface)) = interface.split_once('/') else { return false };
    let stable = version.strip_prefix("0.2.").is_some_and(|patch| patch.bytes().all(|b| b.is_ascii_digit()));
    stable && INTERFACES.iter().any(|(known, members)| *known == package && members.contains(&interface))
}
