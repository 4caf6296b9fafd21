//! Scale: the number of replicas, whatever the kind.

use api::decode::{self, Target};
use api::managed::{self, Reach, Version, Write};
use api::scale;
use api::schema::Schema;
use api::status::Status;
use serde_json::Value;

use crate::stamp;
use crate::verbs::apply::Application;
use crate::verbs::modify::{Part, Wanted};
use crate::verbs::owners::Owners;
use crate::verbs::{Ask, Core, Object, Patch, Written};

/// `apiVersion` of the bodies of the subresource.
const VERSION: &str = "autoscaling/v1";

/// What bodies of the subresource are.
pub(crate) fn target() -> Target<'static> {
    Target::of("autoscaling", "v1", "Scale")
}

/// The Scale of an object, with those managers of the object that own the number.
fn managed_scale(object: &Value) -> Value {
    let mut scale = scale::of(object);
    if let (Some(managers), Some(meta)) = (managed::to_scale(object, VERSION), stamp::metadata(&mut scale)) {
        meta.insert("managedFields".into(), managers);
    }
    scale
}

/// The object with the scale that is wanted, at the revision that the scale names.
fn with_scale(ask: &Ask<'_>, object: &Value, wanted: &Value) -> Result<Wanted, Status> {
    let errors = scale::validate(wanted);
    if !errors.is_empty() {
        return Err(Status::invalid("autoscaling", "Scale", stamp::meta_text(object, "name"), &errors));
    }
    let mut next = object.clone();
    scale::put(wanted, &mut next);
    let managers = managed::from_scale(object, wanted, &ask.stored().api_version());
    if let Some(meta) = stamp::metadata(&mut next) {
        match managers {
            Some(managers) => drop(meta.insert("managedFields".into(), managers)),
            None => drop(meta.remove("managedFields")),
        }
    }
    let revision = stamp::meta_text(wanted, "resourceVersion");
    if !revision.is_empty() {
        next["metadata"]["resourceVersion"] = revision.into();
    }
    Ok(Wanted { owners: Owners::Told, ..Wanted::computed(next, object) })
}

impl Core {
    /// Replaces the scale of an object.
    pub(crate) async fn put_scale(&self, ask: &Ask<'_>, scale: &Value) -> Result<Written, Status> {
        self.change_scale(ask, |_| Ok((scale.clone(), Vec::new()))).await
    }

    /// Patches the scale of an object.
    pub(crate) async fn patch_scale(&self, ask: &Ask<'_>, patch: &Patch) -> Result<Written, Status> {
        self.change_scale(ask, |old| {
            patch.apply(Schema::of_kind("autoscaling", "v1", "Scale"), old, target(), ask.options.field_validation)
        })
        .await
    }

    /// Applies a configuration to the scale of an object.
    pub(crate) async fn apply_scale(&self, ask: &Ask<'_>, application: &Application) -> Result<Written, Status> {
        let change = |object: &Value| {
            let old = managed_scale(object);
            let applied = self.with_scale_write(ask, |write| {
                managed::apply(write, Some(&old), &application.config, application.force)
            })?;
            let mut scale = decode::applied(applied, target())?;
            scale::default(&mut scale);
            Ok(Wanted { warnings: application.warnings.clone(), ..with_scale(ask, object, &scale)? })
        };
        as_scale(self.modify(ask, Part::Whole, change).await?)
    }

    /// Any change but an apply: `change` is given the Scale as it is and answers the one that is wanted, with warnings.
    async fn change_scale(
        &self,
        ask: &Ask<'_>,
        change: impl Fn(&Value) -> Result<(Value, Vec<String>), Status> + Send + Sync,
    ) -> Result<Written, Status> {
        let change = |object: &Value| {
            let old = managed_scale(object);
            let (mut scale, warnings) = change(&old)?;
            scale::default(&mut scale);
            self.with_scale_write(ask, |write| managed::update(write, Some(&old), &mut scale));
            Ok(Wanted { warnings, ..with_scale(ask, object, &scale)? })
        };
        as_scale(self.modify(ask, Part::Whole, change).await?)
    }

    fn with_scale_write<T>(&self, ask: &Ask<'_>, run: impl FnOnce(&Write<'_>) -> T) -> T {
        let version = Version::only(VERSION, Schema::of_kind("autoscaling", "v1", "Scale"));
        run(&Write {
            version: &version,
            kind: "Scale",
            manager: ask.manager,
            subresource: "scale",
            reach: Reach::Whole,
            served: std::slice::from_ref(&version),
            now: self.seam.now(),
        })
    }
}

fn as_scale(written: Written) -> Result<Written, Status> {
    let scale = scale::of(&written.object.to_value()?);
    Ok(Written { object: Object::Part(scale), ..written })
}
