//! What the Kubernetes API says about its types: fields, references, how lists and maps merge, group-version-kinds.
//!
//! The facts are data: `schema/table.txt`, written by `xtask/schema/generate.py` from the published API definitions, parsed
//! once when first asked for. Decoding, patches, server-side apply and OpenAPI documents all walk this one table.

mod descriptions;
mod required;
mod shape;
mod table;

use std::fmt;

pub use descriptions::Descriptions;
pub use required::missing;
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

/// How server-side apply treats a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListType {
    /// As one value.
    Atomic,
    /// As a set of scalars.
    Set,
    /// As a map from these fields of its items. Not the keys of strategic merge patch: see [`Field::merge_key`].
    Map(Box<[&'static str]>),
}

/// How server-side apply treats an object or map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapType {
    /// As one value.
    Atomic,
    /// Field by field; the default.
    Granular,
}

/// How strategic merge patch treats a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strategy {
    /// A list is merged by [`Field::merge_key`] (scalars by value) instead of replaced.
    pub merge: bool,
    /// An object is replaced instead of merged.
    pub replace: bool,
    /// A client should send `$retainKeys`; the server obeys that directive everywhere.
    pub retain_keys: bool,
}

impl ListType {
    /// The word of `x-kubernetes-list-type`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Set => "set",
            Self::Map(_) => "map",
        }
    }
}

impl MapType {
    /// The word of `x-kubernetes-map-type`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Granular => "granular",
        }
    }
}

impl Strategy {
    /// The words of `x-kubernetes-patch-strategy`, when there are any.
    #[must_use]
    pub fn words(self) -> Option<&'static str> {
        match (self.merge, self.replace, self.retain_keys) {
            (true, _, true) => Some("merge,retainKeys"),
            (true, _, false) => Some("merge"),
            (false, true, _) => Some("replace"),
            (false, false, true) => Some("retainKeys"),
            (false, false, false) => None,
        }
    }
}

/// A field of a type.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// Whether the published schema requires it. See [`missing`] for what is enforced.
    pub required: bool,
    /// What its value looks like.
    pub shape: Shape,
    /// List behaviour, when given.
    pub list: Option<ListType>,
    /// Map behaviour, when given here; the type's own is [`Type::map_type`].
    pub map: Option<MapType>,
    /// Behaviour in a strategic merge patch.
    pub strategy: Strategy,
    /// The field of an item by which a strategic merge patch matches items.
    pub merge_key: Option<&'static str>,
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
mod tests {
    use super::*;

    #[test]
    fn the_table_was_understood_to_the_last_line() {
        assert_eq!(table().problems, [] as [String; 0]);
        assert_eq!(kubernetes_version(), "1.37.0");
        assert!(Schema::types().len() > 800 && Schema::types().len() < usize::from(u16::MAX));
        assert!(table().types.is_sorted_by(|a, b| a.name < b.name));
        assert!(Schema::types().all(|of| of.fields().is_sorted_by(|a, b| a.name < b.name)));
    }

    fn item(shape: &'static Shape) -> Option<Type> {
        match shape {
            Shape::List(item) => match item.as_ref() {
                Shape::Type(of) => Some(*of),
                _ => None,
            },
            _ => None,
        }
    }

    #[test]
    fn keys_of_lists_are_fields_of_their_items() {
        for of in Schema::types() {
            for field in of.fields() {
                let keys: Vec<_> = match &field.list {
                    Some(ListType::Map(keys)) => keys.iter().copied().chain(field.merge_key).collect(),
                    _ => field.merge_key.into_iter().collect(),
                };
                if let ([_, ..], Some(item)) = (keys.as_slice(), item(&field.shape)) {
                    for key in keys {
                        assert!(item.field(key).is_some(), "{of:?}.{}: {item:?} has no field {key}", field.name);
                    }
                } else {
                    assert!(keys.is_empty(), "{of:?}.{}: keys {keys:?} on a list without objects", field.name);
                }
            }
        }
    }

    #[test]
    fn facts_that_clients_rely_on_are_there() {
        let container = Schema::of("io.k8s.api.core.v1.Container").unwrap();
        let ports = container.field("ports").unwrap();
        assert_eq!(ports.merge_key, Some("containerPort"));
        assert_eq!(ports.list, Some(ListType::Map(["containerPort", "protocol"].into())));
        assert!(ports.strategy.merge && !ports.required && container.field("name").unwrap().required);
        assert_eq!(ports.shape.go_name(), "[]v1.ContainerPort");
        let deployment = Schema::of_kind("apps", "v1", "Deployment").unwrap();
        assert_eq!(deployment.go_name(), "v1.Deployment");
        assert_eq!(deployment.kinds(), [Gvk { group: "apps", version: "v1", kind: "Deployment" }]);
        let spec = Schema::of("io.k8s.api.apps.v1.DeploymentSpec").unwrap();
        assert!(spec.field("strategy").unwrap().strategy.retain_keys);
        assert!(Schema::of("io.k8s.api.core.v1.Nope").is_none() && Schema::of_kind("", "v2", "Pod").is_none());
    }
}
