//! What the Kubernetes API says about its types: fields, references, how lists and maps merge, group-version-kinds.
//!
//! The facts are data: `schema/table.txt`, written by `xtask/schema/generate.py` from the published API definitions, parsed
//! once when first asked for. Decoding, patches, server-side apply and OpenAPI documents all walk this one table.

mod descriptions;
mod field;
mod prune;
mod shape;
mod table;

use std::fmt;

pub use descriptions::Descriptions;
pub use field::{Field, ListType, MapType, Number, Strategy};
pub use prune::prune;
pub use shape::{Scalar, Shape};
use table::{TypeFacts, table};

/// The version of Kubernetes whose API the table describes, e.g. `1.37.0`.
#[must_use]
pub fn kubernetes_version() -> &'static str {
    table().version
}

/// The table's lookup.
#[derive(Clone, Copy, Debug)]
pub struct Schema;

impl Schema {
    /// The type of that full name, e.g. `io.k8s.api.core.v1.Pod`.
    #[must_use]
    pub fn of(name: &str) -> Option<Type> {
        table().find(name)
    }

    /// The type of that kind. The group is empty for core. Options that many groups share (`DeleteOptions`, `WatchEvent`) are
    /// found under each.
    #[must_use]
    pub fn of_kind(group: &str, version: &str, kind: &str) -> Option<Type> {
        let kinds = &table().kinds;
        let at = kinds.binary_search_by(|(gvk, _)| (gvk.group, gvk.version, gvk.kind).cmp(&(group, version, kind)));
        at.ok().and_then(|at| kinds.get(at)).map(|(_, of)| *of)
    }

    /// Every type, in order of name.
    pub fn types() -> impl ExactSizeIterator<Item = Type> {
        (0..table().types.len()).map(Type::at)
    }
}

/// A type of the table; cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Type(u16);

/// What a type is.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// An object of these fields, in order of name. No field at all means an object without content.
    Struct(&'static [Field]),
    /// A single value of its own form.
    Scalar(Scalar),
}

/// Group, version and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gvk {
    /// API group; empty for core.
    pub group: &'static str,
    /// Version, e.g. `v1`.
    pub version: &'static str,
    /// `Pod`.
    pub kind: &'static str,
}

impl Type {
    /// The type at that place of the table. There are fewer than 65 536 (tested), so nothing is cut.
    #[allow(clippy::cast_possible_truncation, reason = "the table's size is tested")]
    fn at(index: usize) -> Self {
        Self(index as u16)
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }

    fn facts(self) -> &'static TypeFacts {
        &table().types[self.index()]
    }

    /// Full name, e.g. `io.k8s.api.core.v1.Pod`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// Name without its package, e.g. `Pod`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        let name = self.name();
        name.rsplit_once('.').map_or(name, |(_, short)| short)
    }

    /// Name as Go writes it, e.g. `v1.Pod`; Kubernetes' own messages do.
    #[must_use]
    pub fn go_name(self) -> &'static str {
        let name = self.name();
        let mut dots = name.rmatch_indices('.').map(|(at, _)| at).skip(1);
        dots.next().map_or(name, |at| &name[at + 1..])
    }

    /// What the type is.
    #[must_use]
    pub fn body(self) -> Body {
        match self.facts().scalar {
            Some(scalar) => Body::Scalar(scalar),
            None => Body::Struct(self.fields()),
        }
    }

    /// Its fields, in order of name; none when it is a scalar.
    #[must_use]
    pub fn fields(self) -> &'static [Field] {
        let facts = self.facts();
        &table().fields[facts.fields.clone()]
    }

    /// The field of that name.
    #[must_use]
    pub fn field(self, name: &str) -> Option<&'static Field> {
        let fields = self.fields();
        fields.binary_search_by(|field| field.name.cmp(name)).ok().map(|at| &fields[at])
    }

    /// The kinds that are of this type: usually one, or none.
    #[must_use]
    pub fn kinds(self) -> &'static [Gvk] {
        &self.facts().kinds
    }

    /// How server-side apply treats objects of this type, when the type says so.
    #[must_use]
    pub fn map_type(self) -> Option<MapType> {
        self.facts().map
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
