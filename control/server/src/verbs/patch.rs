//! Patch: a change of an object, in one of three forms.

use std::borrow::Cow;

use api::decode::{FieldValidation, Patched, Target};
use api::patch::PatchType;
use api::schema::{Schema, Type};
use api::status::Status;
use bytes::Bytes;
use serde_json::Value;

use super::modify::{Part, Wanted};
use super::{Ask, Core, Written, shown};
use crate::fail;

/// Content type of a configuration to apply, which is JSON or YAML.
const APPLY: &str = "application/apply-patch+yaml";

/// Whether a patch is a configuration to apply.
pub(crate) fn is_apply(content_type: Option<&str>) -> bool {
    content_type.and_then(|of| of.split(';').next()).is_some_and(|of| of.trim() == APPLY)
}

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
    /// 415 for another form. A configuration to apply is told by [`is_apply`].
    pub(crate) fn of(content_type: Option<&str>, text: Bytes) -> Result<Self, Status> {
        let form = PatchType::parse(content_type.unwrap_or_default()).ok_or_else(fail::unsupported_patch)?;
        Ok(Self { form, text })
    }

    /// A merge patch of one of our own components.
    pub(crate) fn merge(content: &Value) -> Self {
        Self { form: PatchType::Merge, text: content.to_string().into() }
    }

    /// The object with the patch applied, checked as one of the target, and what to warn about.
    pub(crate) fn apply<'a>(
        &self,
        of: Option<Type>,
        object: &Value,
        target: impl Into<Target<'a>>,
        validation: FieldValidation,
    ) -> Result<(Value, Vec<String>), Status> {
        let apply = || self.form.apply(object, &self.text, of);
        let again = || apply().unwrap_or_default();
        let patched = Patched { form: self.form, text: &self.text, again: &again };
        patched.check(apply()?, target)?.judge_patch(validation, &patched)
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
            let (mut object, warnings) = patch.apply(of, &before, ask.kind, ask.options.field_validation)?;
            ask.kind.to_stored(&mut object);
            Ok(Wanted { warnings, ..Wanted::computed(object, old) })
        })
        .await
    }
}
