//! What a body should be.

use crate::kind::Kind;
use crate::schema::{Schema, Type};

/// What a body should be. A [`Kind`] is one; so are bodies of subresources and options, which have no endpoint of their own.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// API group; empty for core.
    pub group: &'a str,
    /// Version, e.g. `v1`.
    pub version: &'a str,
    /// `Pod`.
    pub kind: &'a str,
    /// Its type; none for a custom resource, whose `metadata` alone is checked then.
    pub schema: Option<Type>,
}

impl<'a> Target<'a> {
    /// A kind of the table, e.g. `Target::of("autoscaling", "v1", "Scale")`.
    #[must_use]
    pub fn of(group: &'a str, version: &'a str, kind: &'a str) -> Self {
        Self { group, version, kind, schema: Schema::of_kind(group, version, kind) }
    }

    pub(super) fn api_version(self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl<'a> From<&'a Kind> for Target<'a> {
    fn from(kind: &'a Kind) -> Self {
        let Kind { group, version, kind, schema, .. } = kind;
        Self { group, version, kind, schema: Schema::of(schema) }
    }
}
