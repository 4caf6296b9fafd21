//! Who asks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Identity behind a request. Every verb carries one, our own components' too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Requester {
    /// User name: a certificate's common name, `system:serviceaccount:NS:NAME`, …
    pub user: Arc<str>,
    /// Groups: a certificate's organisations, …
    pub groups: Arc<[Arc<str>]>,
}

/// Group whose members may do everything.
pub const MASTERS: &str = "system:masters";
/// Group of node agents; the user is `system:node:NAME`.
pub const NODES: &str = "system:nodes";

impl Requester {
    /// A user in groups.
    #[must_use]
    pub fn new(user: &str, groups: &[&str]) -> Self {
        Self { user: user.into(), groups: groups.iter().map(|group| Arc::from(*group)).collect() }
    }

    /// One of our own control-plane components, e.g. `scheduler`.
    #[must_use]
    pub fn component(name: &str) -> Self {
        Self::new(&format!("system:bireme:{name}"), &[MASTERS, "system:authenticated"])
    }

    /// Whether the requester is in the group.
    #[must_use]
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|mine| &**mine == group)
    }

    /// Name of the node that asks, when a node agent asks.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        if self.in_group(NODES) { self.user.strip_prefix("system:node:") } else { None }
    }
}
