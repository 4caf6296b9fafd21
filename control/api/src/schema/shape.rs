//! What a value looks like: a scalar, a list, a map, or a named type.

use super::{Body, Type};

/// A single value, by the form that it has on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Text.
    String,
    /// Bytes as base64 text.
    Bytes,
    /// `true` or `false`.
    Boolean,
    /// Whole number of 32 bits.
    Int32,
    /// Whole number of 64 bits.
    Int64,
    /// Number.
    Double,
    /// An amount such as `500m`, as text or number (`resource.Quantity`).
    Quantity,
    /// A whole number of 32 bits or text (`intstr.IntOrString`).
    IntOrString,
    /// RFC 3339, whole seconds (`metav1.Time`).
    Time,
    /// RFC 3339, microseconds (`metav1.MicroTime`).
    MicroTime,
    /// An object that is kept as it is (`RawExtension`, `FieldsV1`).
    Object,
    /// Anything, kept as it is.
    Any,
}

impl Scalar {
    /// The scalar of that name in the table.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "boolean" => Self::Boolean,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "double" => Self::Double,
            "quantity" => Self::Quantity,
            "int-or-string" => Self::IntOrString,
            "time" => Self::Time,
            "micro-time" => Self::MicroTime,
            "object" => Self::Object,
            "any" => Self::Any,
            _ => return None,
        })
    }

    /// Name as Go writes it.
    #[must_use]
    pub fn go_name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Bytes => "[]uint8",
            Self::Boolean => "bool",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Double => "float64",
            Self::Quantity => "resource.Quantity",
            Self::IntOrString => "intstr.IntOrString",
            Self::Time => "v1.Time",
            Self::MicroTime => "v1.MicroTime",
            Self::Object => "runtime.RawExtension",
            Self::Any => "interface {}",
        }
    }
}

/// What a value looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A single value.
    Scalar(Scalar),
    /// A list of such values.
    List(Box<Shape>),
    /// A map from text to such values.
    Map(Box<Shape>),
    /// A named type, which may be a scalar itself; see [`Shape::scalar`].
    Type(Type),
}

impl Shape {
    /// The scalar that this is, by itself or by its named type.
    #[must_use]
    pub fn scalar(&self) -> Option<Scalar> {
        match self {
            Self::Scalar(scalar) => Some(*scalar),
            Self::Type(of) => match of.body() {
                Body::Scalar(scalar) => Some(scalar),
                Body::Struct(_) => None,
            },
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The named type that this is.
    #[must_use]
    pub fn named(&self) -> Option<Type> {
        match self {
            Self::Type(of) => Some(*of),
            Self::Scalar(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Name as Go writes it, e.g. `[]v1.Container`.
    #[must_use]
    pub fn go_name(&self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.go_name().to_owned(),
            Self::List(item) => format!("[]{}", item.go_name()),
            Self::Map(value) => format!("map[string]{}", value.go_name()),
            Self::Type(of) => of.go_name().to_owned(),
        }
    }
}
