//! Patch: a change of an object, in one of three forms.

use api::status::Status;
use api::validate::FieldError;
use serde_json::Value;

use super::modify::{Part, Wanted};
use super::{Ask, Core, Written};
use crate::fail;
use crate::query::Query;

/// Content types of patches, as a refusal lists them.
const ACCEPTED: &str =
    "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";

/// Form of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7396.
    Merge,
    /// Strategic merge patch.
    Strategic,
}

impl PatchType {
    /// The form that a content type names.
    pub(crate) fn of(content_type: &str) -> Result<Self, Status> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            _ => Err(fail::unknown_patch(ACCEPTED)),
        }
    }
}

/// A patch, parsed.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    /// Its form.
    pub(crate) form: PatchType,
    /// Its content.
    pub(crate) content: Value,
}

impl Patch {
    /// The object with the patch applied; `schema` names the type of the object.
    pub(crate) fn apply(&self, schema: &str, object: Value) -> Result<Value, Status> {
        crate::shim::patch(self, schema, object)
    }
}

impl Core {
    /// Patches an object.
    ///
    /// # Errors
    /// As [`Core::modify`]; 422 when the patch does not fit the object.
    pub(crate) async fn patch(&self, ask: &Ask<'_>, part: Part, patch: &Patch) -> Result<Written, Status> {
        self.modify(ask, part, |old| {
            let mut base = old.clone();
            // A patch without a revision is for whatever state there is.
            if let Some(meta) = crate::stamp::metadata(&mut base) {
                meta.remove("resourceVersion");
            }
            let patched = patch.apply(ask.kind.schema, base)?;
            let (object, warnings) = crate::shim::check(ask.kind, patched, ask.options.field_validation)?;
            Ok(Wanted { object, warnings })
        })
        .await
    }
}

/// Options that only an apply may carry.
pub(crate) fn check_options(query: &Query) -> Result<(), Status> {
    if query.get("force").is_some() {
        let error = FieldError::forbidden("force", "may not be specified for non-apply patch");
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", &[error]));
    }
    Ok(())
}
