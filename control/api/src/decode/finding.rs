//! What is found in a body beyond the schema, and what a request wants done about it.

use std::fmt;

use crate::validate::FieldError;

/// What `fieldValidation` asks to do about [`Finding`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Prune silently.
    Ignore,
    /// Prune and warn; the default.
    #[default]
    Warn,
    /// Refuse.
    Strict,
}

impl FieldValidation {
    /// Reads the query parameter; absent or empty is the default.
    ///
    /// # Errors
    /// The field error that Kubernetes gives for any other value.
    pub fn parse(parameter: Option<&str>) -> Result<Self, FieldError> {
        match parameter.unwrap_or_default() {
            "" | "Warn" => Ok(Self::Warn),
            "Ignore" => Ok(Self::Ignore),
            "Strict" => Ok(Self::Strict),
            other => Err(FieldError::not_supported("fieldValidation", other, &["Ignore", "Strict", "Warn"])),
        }
    }
}

/// Something that a body holds beyond the schema, by its path such as `spec.containers[0].imagee`. It was pruned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A field that the type does not have.
    Unknown(String),
    /// A field that stands twice; the last one counts.
    Duplicate(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(path) => write!(f, "unknown field \"{path}\""),
            Self::Duplicate(path) => write!(f, "duplicate field \"{path}\""),
        }
    }
}

/// Most findings that are reported, as in Kubernetes: nobody reads more, and a body can hold thousands.
pub const FINDINGS_MAX: usize = 100;
