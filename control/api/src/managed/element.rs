//! A step of a path: a field, an item of a list by its keys, an item of a set by its value, an item by its place.

use std::fmt;

use serde_json::{Map, Value};

use super::scalar::Ordered;

/// A step. Steps are ordered as the variants stand here, then by content, as in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A field of a struct or the entry of a map: `f:data`.
    Field(Box<str>),
    /// The item of a list that has these keys, sorted by name: `k:{"name":"c"}`.
    Key(Keys),
    /// The item of a set that has this value: `v:"x"`.
    Value(Item),
    /// The item at this place: `i:0`. Nobody writes these any more.
    Index(i64),
}

/// Names and values of an item's keys, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keys(Box<[(Box<str>, Ordered)]>);

/// The value of an item of a set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item(Ordered);

/// Why text is no step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnElement {
    /// Shorter than its prefix.
    #[error("key must be 2 characters long: {0}")]
    Short(String),
    /// The second character is something else.
    #[error("missing colon: {0}")]
    NoColon(String),
    /// What follows the prefix cannot be read.
    #[error("{0}: {1}")]
    Malformed(String, String),
}

impl Element {
    /// A field.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// The item of a set that has this value.
    pub(super) fn value(value: &Value) -> Self {
        Self::Value(Item(Ordered(value.clone())))
    }

    /// The item of a list that has these keys.
    pub(super) fn keys(keys: impl IntoIterator<Item = (String, Value)>) -> Self {
        let mut keys: Box<[_]> = keys.into_iter().map(|(name, value)| (name.into(), Ordered(value))).collect();
        keys.sort_by(|a: &(Box<str>, _), b| a.0.cmp(&b.0));
        Self::Key(Keys(keys))
    }

    /// Reads the form of `fieldsV1`. `None` for a kind of step that is not known, which is skipped with all below it.
    ///
    /// # Errors
    /// See [`NotAnElement`].
    pub fn parse(text: &str) -> Result<Option<Self>, NotAnElement> {
        let bytes = text.as_bytes();
        let (Some(kind), Some(colon)) = (bytes.first(), bytes.get(1)) else {
            return Err(NotAnElement::Short(text.to_owned()));
        };
        if *colon != b':' {
            return Err(NotAnElement::NoColon(text.to_owned()));
        }
        let rest = text.get(2..).unwrap_or_default();
        let malformed = |why: &dyn fmt::Display| NotAnElement::Malformed(text.to_owned(), why.to_string());
        Ok(Some(match kind {
            b'f' => Self::field(rest),
            b'v' => Self::Value(Item(Ordered(serde_json::from_str(rest).map_err(|error| malformed(&error))?))),
            b'k' => Self::keys(serde_json::from_str::<Map<String, Value>>(rest).map_err(|error| malformed(&error))?),
            b'i' => Self::Index(rest.parse().map_err(|error| malformed(&error))?),
            _ => return Ok(None),
        }))
    }

    /// The form of `fieldsV1`.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(Keys(keys)) => {
                let mut text = String::from("k:{");
                for (nth, (name, value)) in keys.iter().enumerate() {
                    let comma = if nth > 0 { "," } else { "" };
                    text.push_str(&format!("{comma}{}:{}", Value::from(&**name), Ordered::go_json(&value.0)));
                }
                text.push('}');
                text
            }
            Self::Value(Item(value)) => format!("v:{}", Ordered::go_json(&value.0)),
            Self::Index(at) => format!("i:{at}"),
        }
    }
}

/// As paths in messages: `.data`, `[name="c"]`, `[="x"]`, `[0]`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(Keys(keys)) => {
                f.write_str("[")?;
                for (nth, (name, value)) in keys.iter().enumerate() {
                    write!(f, "{}{name}={value}", if nth > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Value(Item(value)) => write!(f, "[={value}]"),
            Self::Index(at) => write!(f, "[{at}]"),
        }
    }
}
