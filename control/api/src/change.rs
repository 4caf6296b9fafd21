//! What a decision may ask for. The runner carries changes out through the server's verbs.

use std::sync::Arc;

use serde_json::Value;

use crate::meta::{Key, Resource, Revision, Uid};

/// How deletion treats what the object owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// Dependents go after the owner.
    #[default]
    Background,
    /// The owner stays, marked, until its dependents are gone.
    Foreground,
    /// Dependents lose the reference and stay.
    Orphan,
}

/// One thing that should change, and what was seen when it was decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Make an object.
    Create {
        /// What it is.
        resource: Resource,
        /// The object; `metadata.namespace` and `metadata.name` or `generateName` are set.
        object: Value,
    },
    /// Merge-patch an object (RFC 7396).
    Patch {
        /// Which object.
        key: Key,
        /// `Some("status")` for its status.
        subresource: Option<&'static str>,
        /// Refused when the object has moved on, if given; not by an earlier change of the same decision.
        if_revision: Option<Revision>,
        /// The patch.
        patch: Value,
    },
    /// Delete an object.
    Delete {
        /// Which object.
        key: Key,
        /// Refused when it is another object of the same name.
        uid: Uid,
        /// Refused when the object has moved on, if given.
        if_revision: Option<Revision>,
        /// What happens to dependents.
        propagation: Propagation,
        /// Overrides the kind's grace period, in seconds.
        grace: Option<u32>,
    },
    /// Bind a pod to a node.
    Bind {
        /// The pod.
        pod: Key,
        /// Refused when it is another pod of the same name.
        uid: Uid,
        /// The node.
        node: Arc<str>,
    },
    /// Remove `kubernetes` from a namespace's `spec.finalizers`: its content is gone.
    FinalizeNamespace {
        /// The namespace.
        key: Key,
    },
    /// Tell people something. Repeated events of equal object, reason and message are counted, not multiplied.
    Event {
        /// The object that this is about.
        about: Key,
        /// Its uid.
        uid: Uid,
        /// Whether somebody should worry.
        warning: bool,
        /// CamelCase reason, e.g. `FailedScheduling`.
        reason: &'static str,
        /// A sentence.
        message: String,
    },
}
