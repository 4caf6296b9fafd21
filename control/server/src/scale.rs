//! Scale: the number of replicas, whatever the kind.

use api::decode::{self, Target};
use api::scale;
use api::schema::Schema;
use api::status::Status;
use serde_json::Value;

use crate::stamp;
use crate::verbs::modify::{Part, Wanted};
use crate::verbs::{Ask, Core, Object, Patch, Written};

/// What bodies of the subresource are.
pub(crate) fn target() -> Target<'static> {
    Target::of("autoscaling", "v1", "Scale")
}

/// The object with the scale that is wanted, at the revision that the scale names.
fn with_scale(object: &Value, wanted: &Value) -> Result<Wanted, Status> {
    let errors = scale::validate(wanted);
    if !errors.is_empty() {
        return Err(Status::invalid("autoscaling", "Scale", stamp::meta_text(object, "name"), &errors));
    }
    let mut next = object.clone();
    scale::put(wanted, &mut next);
    let mut next = Wanted::relative(next);
    let revision = stamp::meta_text(wanted, "resourceVersion");
    if !revision.is_empty() {
        next.object["metadata"]["resourceVersion"] = revision.into();
    }
    Ok(next)
}

impl Core {
    /// Replaces the scale of an object.
    pub(crate) async fn put_scale(&self, ask: &Ask<'_>, scale: &Value) -> Result<Written, Status> {
        as_scale(self.modify(ask, Part::Whole, |old| with_scale(old, scale)).await?)
    }

    /// Patches the scale of an object.
    pub(crate) async fn patch_scale(&self, ask: &Ask<'_>, patch: &Patch) -> Result<Written, Status> {
        let change = |old: &Value| {
            let patched = patch.apply(Schema::of_kind("autoscaling", "v1", "Scale"), &scale::of(old))?;
            let decoded = decode::patched(patched, target(), patch.text())?;
            let (scale, warnings) = decoded.judge_patch(ask.options.field_validation, patch.text())?;
            Ok(Wanted { warnings, ..with_scale(old, &scale)? })
        };
        as_scale(self.modify(ask, Part::Whole, change).await?)
    }
}

fn as_scale(written: Written) -> Result<Written, Status> {
    let scale = scale::of(&written.object.to_value()?);
    Ok(Written { object: Object::Part(scale), ..written })
}
