//! A field of a type, and how patches and apply treat it.

use super::Shape;

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

/// Where a field stands in protobuf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Its number. Longer than one where Go holds a message inline, which JSON does not show: that message's number first.
    pub path: Box<[u32]>,
    /// Whether Go holds it by pointer, so that an empty value says something. Other fields are always written, empty or not.
    pub pointer: bool,
}

/// A field of a type.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// Whether the published schema requires it. Rules of the kinds decide what is refused: the schema also requires what
    /// Kubernetes reads as empty.
    pub required: bool,
    /// What its value looks like.
    pub shape: Shape,
    /// List behaviour, when given.
    pub list: Option<ListType>,
    /// Map behaviour, when given here; the type's own is [`super::Type::map_type`].
    pub map: Option<MapType>,
    /// Behaviour in a strategic merge patch.
    pub strategy: Strategy,
    /// The field of an item by which a strategic merge patch matches items.
    pub merge_key: Option<&'static str>,
    /// The values that clients are told of, sorted; none when any will do. Of a list or map, those that it may hold. They are
    /// not a rule: what is refused is decided by the kinds.
    pub values: Box<[&'static str]>,
    /// Its place in protobuf; none for what no client sends in it.
    pub number: Option<Number>,
}
