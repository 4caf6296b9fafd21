//! Patch: a change of an object, in one of three forms.

use std::borrow::Cow;

use api::decode;
use api::patch::PatchType;
use api::schema::{Schema, Type};
use api::status::Status;
use api::validate::FieldError;
use bytes::Bytes;
use serde_json::Value;

use super::modify::{Part, Wanted};
use super::{Ask, Core, Written, shown};
use crate::query::Query;
use crate::stamp;

/// Content types of patches, as a refusal lists them.
const ACCEPTED: &str =
    "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";

/// A patch as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    form: PatchType,
    text: Bytes,
}

impl Patch {
    /// A patch of the form that the content type names.
    ///
    /// # Errors
    /// 415 for another form; server-side apply is one.
    pub(crate) fn of(content_type: Option<&str>, text: Bytes) -> Result<Self, Status> {
        let form = PatchType::parse(content_type.unwrap_or_default())
            .ok_or_else(|| Status::unsupported_media_type(ACCEPTED))?;
        Ok(Self { form, text })
    }

    /// A merge patch of one of our own components.
    pub(crate) fn merge(content: &Value) -> Self {
        Self { form: PatchType::Merge, text: content.to_string().into() }
    }

    /// Its text, for messages.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The object with the patch applied. The patch is for whatever revision there is, unless it names one.
    pub(crate) fn apply(&self, of: Option<Type>, object: &Value) -> Result<Value, Status> {
        let mut base = object.clone();
        if let Some(meta) = stamp::metadata(&mut base) {
            meta.remove("resourceVersion");
        }
        self.form.apply(&base, &self.text, of)
    }
}

impl Core {
    /// Patches an object; the patch is for the form of the kind that is asked for.
    ///
    /// # Errors
    /// As [`Core::modify`]; 422 when the patch does not fit the object.
    pub(crate) async fn patch(&self, ask: &Ask<'_>, part: Part, patch: &Patch) -> Result<Written, Status> {
        let of = Schema::of(ask.kind.schema);
        self.modify(ask, part, |old| {
            let before =
                if ask.kind.is_stored() { Cow::Borrowed(old) } else { Cow::Owned(shown(ask.kind, old.clone())) };
            let patched = decode::patched(patch.apply(of, &before)?, ask.kind, &patch.text)?;
            let (mut object, warnings) = patched.judge_patch(ask.options.field_validation, &patch.text)?;
            ask.kind.to_stored(&mut object);
            Ok(Wanted { object, relative: true, warnings })
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
