//! What a kind is: names, scope, subresources, columns, and the few rules that are its own.
//!
//! One generic implementation per verb reads a [`Kind`]; a kind adds a file with a [`Strategy`] and a line in the table.

mod conversion;
mod deprecation;

use std::sync::Arc;

use serde_json::Value;

pub use conversion::{Conversion, Directions};
pub use deprecation::{Deprecation, Instead};

use crate::facts::Facts;
use crate::meta::{Resource, Timestamp};
use crate::validate::FieldError;

/// Whether objects live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster.
    Cluster,
}

/// A subresource that a kind serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subresource {
    /// `status`: written apart from the rest.
    Status,
    /// `scale`: `autoscaling/v1 Scale`.
    Scale,
    /// `pods/binding`.
    Binding,
    /// `pods/log`.
    Log,
    /// `namespaces/finalize`.
    Finalize,
    /// `pods/eviction`.
    Eviction,
    /// `pods/ephemeralcontainers`.
    EphemeralContainers,
    /// `pods/resize`.
    Resize,
    /// `certificatesigningrequests/approval`.
    Approval,
    /// `nodes/proxy`: the node's own endpoint, read through the server.
    Proxy,
}

/// A column of `kubectl get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Title, e.g. `Ready`.
    pub name: &'static str,
    /// `string`, `integer`, `boolean` or `date`.
    pub kind: &'static str,
    /// `name` for the first column, else empty.
    pub format: &'static str,
    /// Help text.
    pub description: &'static str,
    /// 0 is always shown, 1 with `-o wide`.
    pub priority: u8,
}

/// What deletion of an object does at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The object goes at once, as it is, unless finalizers hold it.
    Now,
    /// It is marked and goes when its grace, in seconds, is over and its node or controller says so.
    Graceful(u32),
}

/// Whether `metadata.generation` counts the changes of an object of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// As most kinds do it: when there is a spec with a status apart, outside the core group.
    #[default]
    BySpec,
    /// Always, although there is no spec, or no status.
    Always,
    /// Never, although there is a spec with a status apart.
    Never,
    /// It is 1 and stays so.
    One,
}

/// What a write of the status leaves of the metadata as it was, whatever it says. Only newer kinds keep all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusKeeps {
    /// Nothing: labels, annotations, finalizers and owners change with the status.
    #[default]
    Nothing,
    /// The labels (Deployments).
    Labels,
    /// Owners, and when it is deleted (Pods: early kubelets sent both back damaged).
    Owners,
    /// All of it.
    Metadata,
}

impl StatusKeeps {
    /// Names of the fields of `metadata` that stay.
    #[must_use]
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Nothing => &[],
            Self::Labels => &["labels"],
            Self::Owners => &["ownerReferences", "deletionTimestamp"],
            Self::Metadata => &["labels", "annotations", "finalizers", "ownerReferences", "deletionTimestamp"],
        }
    }
}

/// Traits of a kind that verbs ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// PUT to a missing name creates it (Leases, Events, Endpoints).
    pub create_on_update: bool,
    /// PUT without `resourceVersion` is refused.
    pub needs_revision_on_update: bool,
    /// DELETE answers the object, not a Status.
    pub returns_deleted: bool,
    /// Dependents stay without an owner when a deletion does not say what becomes of them (as early versions had it).
    pub orphans_dependents: bool,
    /// Deletion has a grace (Pods): it is marked and timed also when it is over at once.
    pub graceful: bool,
    /// There is no DELETE of a whole collection (Namespaces).
    pub deleted_one_by_one: bool,
    /// The server tells it and stores it nowhere (ComponentStatus): it is read, and neither watched nor written.
    pub computed: bool,
    /// What `metadata.generation` counts.
    pub generation: Generation,
    /// What a write of the status leaves of the metadata.
    pub status_keeps: StatusKeeps,
}

/// A served kind.
#[derive(Clone, Debug)]
pub struct Kind {
    /// API group; empty for core.
    pub group: Arc<str>,
    /// Version, e.g. `v1`.
    pub version: Arc<str>,
    /// `Pod`.
    pub kind: Arc<str>,
    /// `pods`.
    pub plural: Arc<str>,
    /// `pod`.
    pub singular: Arc<str>,
    /// `po`.
    pub short: &'static [&'static str],
    /// `all`.
    pub categories: &'static [&'static str],
    /// Namespaced or not.
    pub scope: Scope,
    /// Subresources.
    pub subresources: &'static [Subresource],
    /// Columns of its Table.
    pub columns: &'static [Column],
    /// Selectable fields beyond `metadata.name` and `metadata.namespace`.
    pub selectable: &'static [&'static str],
    /// Traits that verbs ask for.
    pub flags: Flags,
    /// What everybody who uses the kind is warned of: that its version goes, and what to use instead.
    pub deprecated: Option<Deprecation>,
    /// Name of its definition in the schema table, e.g. `io.k8s.api.core.v1.Pod`.
    pub schema: &'static str,
    /// Its own rules.
    pub strategy: &'static dyn Strategy,
    /// Set when the kind is a form of another one, which the store holds. Rules and columns see the stored form.
    pub conversion: Option<Conversion>,
}

impl Kind {
    /// Group and plural.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource { group: Arc::clone(&self.group), plural: Arc::clone(&self.plural) }
    }

    /// `v1` or `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether the kind serves the subresource.
    #[must_use]
    pub fn has(&self, subresource: Subresource) -> bool {
        self.subresources.contains(&subresource)
    }
}

/// The rules that are a kind's own. All are functions of their arguments; objects are untyped JSON whose types and required
/// fields the schema has already checked.
pub trait Strategy: Send + Sync + std::fmt::Debug {
    /// Everything wrong with a text as `metadata.name` of this kind; a DNS subdomain unless the kind says otherwise.
    fn name(&self, name: &str) -> Vec<String> {
        crate::name::subdomain(name)
    }

    /// Fills what the API promises to fill (Appendix B of the contract). Idempotent.
    fn default(&self, _object: &mut Value) {}

    /// Before a create: drops what users may not set (such as status) and sets what creation sets (such as a Pod's phase).
    fn prepare_create(&self, _object: &mut Value) {}

    /// Before an update of the main resource: keeps what users may not change silently.
    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    /// Before an update of the status. All but `status` and `metadata` has been kept by the verb itself, and of the metadata
    /// what [`Flags::status_keeps`] says.
    fn prepare_status(&self, _object: &mut Value, _old: &Value) {}

    /// Before an update of a part that is no status: `object` is the old state, and gets what that part may change of the
    /// wanted one. By default nothing.
    fn prepare_part(&self, _part: Subresource, _object: &mut Value, _wanted: &Value) {}

    /// Everything wrong with a change of such a part, beyond [`Strategy::validate`] of the new state.
    fn validate_part(&self, _part: Subresource, _object: &Value, _old: &Value) -> Vec<FieldError> {
        Vec::new()
    }

    /// Everything wrong with an object, after defaulting. `metadata` is checked by the verb.
    fn validate(&self, _object: &Value) -> Vec<FieldError> {
        Vec::new()
    }

    /// Everything wrong with a new object that would be borne with in an old one, beyond [`Strategy::validate`].
    fn validate_create(&self, _object: &Value) -> Vec<FieldError> {
        Vec::new()
    }

    /// Everything wrong with a change, beyond [`Strategy::validate`] of the new state.
    fn validate_update(&self, _object: &Value, _old: &Value) -> Vec<FieldError> {
        Vec::new()
    }

    /// Everything wrong with a status that is written apart. The rest of the object is the old one, which passed before.
    fn validate_status(&self, _object: &Value, _old: &Value) -> Vec<FieldError> {
        Vec::new()
    }

    /// Things to warn about (`Warning` headers), e.g. deprecated fields.
    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    /// What deletion does, given the grace asked for.
    fn deletion(&self, _object: &Value, _grace: Option<u32>) -> Deletion {
        Deletion::Now
    }

    /// What decisions read.
    fn facts(&self, _object: &Value) -> Facts {
        Facts::Plain
    }

    /// Values of [`Kind::selectable`]; every name there has a value here, empty when the field is not set.
    fn fields(&self, _object: &Value) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// One value per [`Kind::columns`].
    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value>;
}
