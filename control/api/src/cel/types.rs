//! Types of expressions, as they are compared and as they are written.

use std::fmt;
use std::sync::Arc;

/// A type. Parameters stand for types that are not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Known when it runs.
    Dyn,
    /// Known when it runs; another name of it, which results keep.
    Any,
    /// Of what is wrong and has been told; fits everywhere.
    Error,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Duration,
    Timestamp,
    /// An object of that name; see [`super::objects`].
    Object(Arc<str>),
    /// Something that has functions but no fields.
    Opaque(Arc<str>),
    List(Arc<Type>),
    Map(Arc<(Type, Type)>),
    Optional(Arc<Type>),
    /// Of the name of a type, which is a value too.
    Name(Arc<Type>),
    /// Not known yet; see [`super::bindings`].
    Parameter(u32),
}

/// Most types inside a type. Every map that is made of others may be twice as large as they are, so that without an end a short
/// expression would have a type larger than the machine; what is larger is known when it runs.
const SIZE_MAX: usize = 256;

impl Type {
    pub(super) fn list(item: Self) -> Self {
        Self::List(Arc::new(item)).bounded()
    }

    pub(super) fn map(key: Self, value: Self) -> Self {
        Self::Map(Arc::new((key, value))).bounded()
    }

    pub(super) fn optional(value: Self) -> Self {
        Self::Optional(Arc::new(value)).bounded()
    }

    pub(super) fn of_type(of: Self) -> Self {
        Self::Name(Arc::new(of)).bounded()
    }

    fn bounded(self) -> Self {
        if self.size() > SIZE_MAX { Self::Dyn } else { self }
    }

    fn size(&self) -> usize {
        match self {
            Self::List(inner) | Self::Optional(inner) | Self::Name(inner) => 1 + inner.size(),
            Self::Map(inner) => 1 + inner.0.size() + inner.1.size(),
            _ => 1,
        }
    }

    /// Whether nothing is known of it, so that it fits everywhere.
    pub(super) fn fits_all(&self) -> bool {
        matches!(self, Self::Dyn | Self::Any | Self::Error)
    }

    /// The same with each parameter replaced.
    pub(super) fn replaced(&self, with: &mut dyn FnMut(u32) -> Self) -> Self {
        match self {
            Self::Parameter(number) => with(*number),
            Self::List(item) => Self::list(item.replaced(with)),
            Self::Optional(value) => Self::optional(value.replaced(with)),
            Self::Name(of) => Self::of_type(of.replaced(with)),
            Self::Map(entry) => Self::map(entry.0.replaced(with), entry.1.replaced(with)),
            plain => plain.clone(),
        }
    }

    /// The name of what an expression comes to, which for some types is longer than the one in other messages.
    pub(super) fn outcome(&self) -> String {
        match self {
            Self::Null => "null_type".to_owned(),
            Self::Any => "google.protobuf.Any".to_owned(),
            Self::Duration => "google.protobuf.Duration".to_owned(),
            Self::Timestamp => "google.protobuf.Timestamp".to_owned(),
            Self::List(item) => format!("list({})", item.outcome()),
            Self::Optional(value) => format!("optional_type({})", value.outcome()),
            Self::Name(of) => format!("type({})", of.outcome()),
            Self::Map(entry) => format!("map({}, {})", entry.0.outcome(), entry.1.outcome()),
            plain => plain.to_string(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::List(item) => return write!(f, "list({item})"),
            Self::Optional(value) => return write!(f, "optional_type({value})"),
            Self::Name(of) => return write!(f, "type({of})"),
            Self::Map(entry) => return write!(f, "map({}, {})", entry.0, entry.1),
            Self::Parameter(number) => return write!(f, "_var{number}"),
            Self::Object(name) | Self::Opaque(name) => name,
            Self::Dyn => "dyn",
            Self::Any => "any",
            Self::Error => "!error!",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Duration => "duration",
            Self::Timestamp => "timestamp",
        };
        f.write_str(name)
    }
}
