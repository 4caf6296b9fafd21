//! The three patches that change an object as it stands: JSON patch, merge patch, strategic merge patch.
//!
//! Each is a pure function from an object and a patch to the patched object, which [`crate::decode::Patched`] then checks.
//! None of them can be made to use more memory or stack than the limits here allow.

mod json;
mod merge;
mod strategic;

use serde_json::Value;

pub use json::{COPIED_MAX, DEPTH_MAX, OPERATIONS_MAX};

use crate::schema::Type;
use crate::status::{Details, Status};
use crate::syntax;

/// How a patch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// A list of operations (RFC 6902).
    Json,
    /// The fields that change, null to delete (RFC 7396).
    Merge,
    /// A merge patch that knows the lists of the kind (Kubernetes' own). Not for custom resources.
    Strategic,
}

impl PatchType {
    /// The type that a `Content-Type` names; parameters are ignored. `None` for apply and for anything else.
    #[must_use]
    pub fn parse(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            _ => None,
        }
    }

    /// The object after the patch. `of` is the type of the object, for the strategic kind; a type that is not known merges
    /// every list as one value.
    ///
    /// # Errors
    /// 400 when the patch cannot be understood, 413 when it asks for too much, 422 when it does not fit the object.
    pub fn apply(self, original: &Value, patch: &[u8], of: Option<Type>) -> Result<Value, Status> {
        if self == Self::Json {
            return json::apply(original, patch);
        }
        let patch: Value = serde_json::from_slice(patch).map_err(|error| {
            let prefix = if self == Self::Strategic { "" } else { "error decoding patch: " };
            Status::bad_request(format!("{prefix}{}", syntax::words(patch, &error)))
        })?;
        match (self, of) {
            (Self::Strategic, Some(of)) => strategic::apply(original, patch, of),
            _ => merge::apply(original, &patch),
        }
    }
}

/// What Kubernetes answers when a well-formed patch does not fit the object. It gives no reason; neither do we.
fn does_not_fit() -> Status {
    let mut status = Status::new(422, "Invalid", "the server rejected our request due to an error in our request");
    status.details = Some(Box::new(Details::default()));
    status
}

/// The 400 for a merge patch that is not an object.
fn no_object() -> Status {
    Status::bad_request("error decoding patch: a merge patch must be a JSON object")
}

#[cfg(test)]
mod tests;
