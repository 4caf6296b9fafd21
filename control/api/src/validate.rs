//! What is wrong with an object: every field error at once, with its path, in the words of Kubernetes.

use std::fmt;

/// What is wrong with a field. The reasons are those of `metav1.StatusCause` for fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldProblem {
    /// A value must be given. The detail may be empty.
    Required(String),
    /// The value is malformed: the value as JSON, and why.
    Invalid(String, String),
    /// The value is malformed, or does not go with others, and is too large to show: why.
    InvalidUnshown(String),
    /// The value is none of those allowed: the value as JSON, and the allowed ones.
    NotSupported(String, Vec<String>),
    /// The field may not be set, or not be changed, here: why.
    Forbidden(String),
    /// The value stands twice: the value as JSON.
    Duplicate(String),
    /// The value stands twice: the value as JSON, and what must differ.
    DuplicateOf(String, String),
    /// The value is longer than so many bytes. It is not repeated to the user.
    TooLong(usize),
    /// There are more items than allowed: count and limit.
    TooMany(usize, usize),
    /// The value has the wrong type: value as JSON, and why.
    TypeInvalid(String, String),
    /// Something referred to does not exist: the value as JSON.
    NotFound(String),
    /// Something referred to does not exist: the value as JSON, and where it should.
    NotFoundAmong(String, String),
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path such as `spec.containers[0].image`.
    pub path: String,
    /// What is wrong.
    pub problem: FieldProblem,
}

impl FieldError {
    /// A value must be given at `path`.
    #[must_use]
    pub fn required(path: impl Into<String>, detail: &str) -> Self {
        Self { path: path.into(), problem: FieldProblem::Required(detail.into()) }
    }

    /// The text at `path` is malformed.
    #[must_use]
    pub fn invalid(path: impl Into<String>, value: &serde_json::Value, detail: impl Into<String>) -> Self {
        Self { path: path.into(), problem: FieldProblem::Invalid(value.to_string(), detail.into()) }
    }

    /// The text at `path` is none of the allowed ones.
    #[must_use]
    pub fn not_supported(path: impl Into<String>, value: &str, allowed: &[&str]) -> Self {
        let allowed = allowed.iter().map(|one| (*one).to_owned()).collect();
        Self { path: path.into(), problem: FieldProblem::NotSupported(format!("{value:?}"), allowed) }
    }

    /// As [`FieldError::not_supported`], of what is no text.
    #[must_use]
    pub fn not_supported_value(path: impl Into<String>, value: &serde_json::Value, allowed: &[&str]) -> Self {
        let allowed = allowed.iter().map(|one| (*one).to_owned()).collect();
        Self { path: path.into(), problem: FieldProblem::NotSupported(value.to_string(), allowed) }
    }

    /// The field may not be set or changed.
    #[must_use]
    pub fn forbidden(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { path: path.into(), problem: FieldProblem::Forbidden(detail.into()) }
    }

    /// The value stands twice.
    #[must_use]
    pub fn duplicate(path: impl Into<String>, value: &serde_json::Value) -> Self {
        Self { path: path.into(), problem: FieldProblem::Duplicate(value.to_string()) }
    }

    /// `reason` of the `StatusCause`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.problem {
            FieldProblem::Required(_) => "FieldValueRequired",
            FieldProblem::Invalid(..) | FieldProblem::InvalidUnshown(_) => "FieldValueInvalid",
            FieldProblem::NotSupported(..) => "FieldValueNotSupported",
            FieldProblem::Forbidden(_) => "FieldValueForbidden",
            FieldProblem::Duplicate(_) | FieldProblem::DuplicateOf(..) => "FieldValueDuplicate",
            FieldProblem::TooLong(..) => "FieldValueTooLong",
            FieldProblem::TooMany(..) => "FieldValueTooMany",
            FieldProblem::TypeInvalid(..) => "FieldValueTypeInvalid",
            FieldProblem::NotFound(_) | FieldProblem::NotFoundAmong(..) => "FieldValueNotFound",
        }
    }

    /// The message without the path, as in a `StatusCause`.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.problem {
            FieldProblem::Required(detail) => with("Required value", detail),
            FieldProblem::Invalid(value, detail) => with(&format!("Invalid value: {value}"), detail),
            FieldProblem::InvalidUnshown(detail) => with("Invalid value", detail),
            FieldProblem::NotSupported(value, allowed) => {
                let allowed: Vec<_> = allowed.iter().map(|one| format!("{one:?}")).collect();
                format!("Unsupported value: {value}: supported values: {}", allowed.join(", "))
            }
            FieldProblem::Forbidden(detail) => with("Forbidden", detail),
            FieldProblem::Duplicate(value) => format!("Duplicate value: {value}"),
            FieldProblem::DuplicateOf(value, detail) => with(&format!("Duplicate value: {value}"), detail),
            FieldProblem::TooLong(most) => format!("Too long: may not be more than {most} byte{}", plural(*most)),
            FieldProblem::TooMany(count, most) => {
                format!("Too many: {count}: must have at most {most} item{}", plural(*most))
            }
            FieldProblem::TypeInvalid(value, detail) => with(&format!("Invalid value: {value}"), detail),
            FieldProblem::NotFound(value) => format!("Not found: {value}"),
            FieldProblem::NotFoundAmong(value, detail) => with(&format!("Not found: {value}"), detail),
        }
    }
}

fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

fn with(head: &str, detail: &str) -> String {
    if detail.is_empty() { head.to_owned() } else { format!("{head}: {detail}") }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message())
    }
}
