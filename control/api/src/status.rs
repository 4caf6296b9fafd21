//! The one failure that every edge error becomes: `metav1.Status`.

use serde::{Deserialize, Serialize};

use crate::meta::Resource;
use crate::validate::FieldError;

/// What a caller can do about an error; every error of ours is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request is wrong; sent again it fails again.
    Invalid,
    /// The object moved on; read and decide again.
    Conflict,
    /// Try again after so many seconds.
    Retry(u32),
    /// The requester may not.
    Denied,
    /// A part that is needed is not there now.
    Unavailable,
    /// We are wrong.
    Bug,
}

/// One cause in `details.causes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Machine-readable reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Path of the field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// `details` of a Status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// Name of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// API group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The resource (`pods`) for most reasons, the kind (`Pod`) for `Invalid`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Uid of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Causes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// Seconds after which a retry makes sense.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry_after_seconds: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde's skip_serializing_if asks for")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// `metav1.Status` with `status: Failure`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    kind: &'static str,
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    metadata: Meta,
    status: &'static str,
    /// Sentence for people.
    pub message: String,
    /// `metav1.StatusReason`; empty when Kubernetes names none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'static str,
    /// Details.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
    /// HTTP status code.
    pub code: u16,
}

/// `metadata` of a Status: nothing but where an interrupted list goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Meta {
    #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
    next: Option<Box<str>>,
}

impl Status {
    /// A failure of that code and reason.
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: "Status",
            api_version: "v1",
            metadata: Meta::default(),
            status: "Failure",
            message: message.into(),
            reason,
            details: None,
            code,
        }
    }

    /// This failure with a token from which an interrupted list may go on.
    #[must_use]
    pub fn with_continue(mut self, token: String) -> Self {
        self.metadata.next = Some(token.into());
        self
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        self.details = Some(Box::new(Details {
            name: name.into(),
            group: resource.group.to_string(),
            kind: resource.plural.to_string(),
            ..Details::default()
        }));
        self
    }

    /// 404: no such object.
    #[must_use]
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} \"{name}\" not found")).about(resource, name)
    }

    /// 409: an object of that name exists.
    #[must_use]
    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{resource} \"{name}\" already exists")).about(resource, name)
    }

    /// 409: the object changed since it was read, or a precondition does not hold.
    #[must_use]
    pub fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// 409: the object changed since it was read.
    #[must_use]
    pub fn modified(resource: &Resource, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// 403: the requester may not.
    #[must_use]
    pub fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let named = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        Self::new(403, "Forbidden", format!("{resource}{named} is forbidden: {why}")).about(resource, name)
    }

    /// 422: fields are wrong; all of them are told. `group` and `kind` are the object's.
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut texts: Vec<String> = Vec::with_capacity(errors.len());
        for text in errors.iter().map(ToString::to_string) {
            // What was found twice is told once; the causes have it twice.
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let list = if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) };
        let dotted = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut status = Self::new(422, "Invalid", format!("{dotted} \"{name}\" is invalid: {list}"));
        let causes = errors.iter().map(|error| Cause {
            reason: error.reason().into(),
            message: error.message(),
            field: error.path.clone(),
        });
        status.details = Some(Box::new(Details {
            name: name.into(),
            group: group.into(),
            kind: kind.into(),
            causes: causes.collect(),
            ..Details::default()
        }));
        status
    }

    /// 400: the request cannot be understood.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 415: the body is in a form that is not read here. `accepted` lists those that are.
    #[must_use]
    pub fn unsupported_media_type(accepted: &str) -> Self {
        let start = "the body of the request was in an unknown format - accepted media types include";
        Self::new(415, "UnsupportedMediaType", format!("{start}: {accepted}"))
    }

    /// 500: we are wrong, or the disk is.
    #[must_use]
    pub fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"))
    }

    /// 503 with a time after which to try again.
    #[must_use]
    pub fn unavailable(message: impl Into<String>, retry_after: u32) -> Self {
        let mut status = Self::new(503, "ServiceUnavailable", message);
        status.details = Some(Box::new(Details { retry_after_seconds: retry_after, ..Details::default() }));
        status
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        let after = self.details.as_ref().map_or(0, |details| details.retry_after_seconds);
        match (self.code, self.reason) {
            (409, "AlreadyExists" | "Conflict") => Class::Conflict,
            (401 | 403, _) => Class::Denied,
            (429, _) => Class::Retry(after.max(1)),
            (503 | 504, _) if after > 0 => Class::Retry(after),
            (503 | 504, _) => Class::Unavailable,
            (500.., _) => Class::Bug,
            _ => Class::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_words_of_kubernetes() {
        let deployments = Resource::new("apps", "deployments");
        assert_eq!(Status::not_found(&deployments, "x").message, "deployments.apps \"x\" not found");
        let errors = [FieldError::required("spec.a", ""), FieldError::not_supported("spec.b", "Foo", &["A", "B"])];
        let status = Status::invalid("", "Pod", "bad", &errors);
        assert_eq!(
            status.message,
            "Pod \"bad\" is invalid: [spec.a: Required value, spec.b: Unsupported value: \"Foo\": supported values: \"A\", \"B\"]"
        );
    }
}
