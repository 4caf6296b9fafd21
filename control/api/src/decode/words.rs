//! What Go's JSON reader says about a value of a wrong type: the words that Kubernetes passes on.

use std::fmt;

use serde_json::Value;

/// A value of a wrong type, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// Path without indexes and map keys, as Go tells it; empty at the top.
    path: String,
    /// Go name of the innermost struct that holds the field.
    holder: String,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    /// What was found, and the Go type that was wanted.
    Type(String, String),
    /// A text that its type cannot read; the whole message.
    Text(String),
}

impl Mismatch {
    /// A value of a wrong type: what it is (see [`type_word`]) and the Go type that was wanted.
    pub(super) fn new(found: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self { path: String::new(), holder: String::new(), problem: Problem::Type(found.into(), wanted.into()) }
    }

    /// A text that its type cannot read. Go tells no path for these, so the path is put in front.
    pub(super) fn text(message: impl Into<String>) -> Self {
        Self { path: String::new(), holder: String::new(), problem: Problem::Text(message.into()) }
    }

    /// The same, one field further up: the field, and the Go name of the struct that holds it.
    pub(super) fn below(mut self, field: &str, holder: &str) -> Self {
        if self.path.is_empty() {
            field.clone_into(&mut self.path);
            holder.clone_into(&mut self.holder);
        } else {
            self.path = format!("{field}.{}", self.path);
        }
        self
    }
}

/// A [`Mismatch`] in the words of Kubernetes' reader of values that were read before, which tells no path.
pub(super) struct OfValues<'a>(&'a Mismatch);

impl Mismatch {
    /// The same, of a value in an object that was text no more.
    pub(super) fn of_values(&self) -> OfValues<'_> {
        OfValues(self)
    }
}

impl fmt::Display for OfValues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, wanted) = match &self.0.problem {
            Problem::Type(found, wanted) => (found.as_str(), wanted.as_str()),
            Problem::Text(message) => return f.write_str(message),
        };
        let kind = match found {
            "array" => "slice",
            "object" => "map",
            number if number.starts_with("number") => {
                if number.contains('.') {
                    "float64"
                } else {
                    "int64"
                }
            }
            other => other,
        };
        if wanted.starts_with("map[") {
            write!(f, "cannot restore map from {kind}")
        } else if wanted.starts_with("[]") {
            write!(f, "cannot restore slice from {kind}")
        } else if !SIMPLE.contains(&wanted) {
            write!(f, "cannot restore struct from: {kind}")
        } else if matches!(kind, "int64" | "float64") && wanted != "bool" {
            // Go could convert it, and Kubernetes does not.
            write!(f, "cannot convert {kind} to {wanted}")
        } else {
            write!(f, "unrecognized type: {wanted}")
        }
    }
}

/// Types that are neither structs nor made of others.
const SIMPLE: [&str; 5] = ["string", "bool", "int32", "int64", "float64"];

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Type(found, wanted) if self.path.is_empty() => {
                write!(f, "json: cannot unmarshal {found} into Go value of type {wanted}")
            }
            Problem::Type(found, wanted) => {
                let (holder, path) = (&self.holder, &self.path);
                write!(f, "json: cannot unmarshal {found} into Go struct field {holder}.{path} of type {wanted}")
            }
            Problem::Text(message) if self.path.is_empty() => f.write_str(message),
            Problem::Text(message) => write!(f, "{}: {message}", self.path),
        }
    }
}

/// Go's word for the type of a value.
pub(super) fn type_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
