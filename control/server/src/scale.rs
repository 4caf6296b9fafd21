//! Scale: the number of replicas, whatever the kind.

use api::schema::Schema;
use api::selector::LabelSelector;
use api::status::Status;
use serde_json::{Value, json};

use crate::stamp;
use crate::verbs::modify::{Part, Wanted};
use crate::verbs::{Ask, Core, Object, Patch, Written};

/// The scale of an object.
pub(crate) fn scale_of(object: &Value) -> Value {
    let meta = &object["metadata"];
    let mut kept = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = meta.get(field) {
            kept[field] = value.clone();
        }
    }
    let selector = LabelSelector::from_value(&object["spec"]["selector"]).map(|selector| selector.to_string());
    let replicas = |value: &Value| value["replicas"].as_i64().unwrap_or(0);
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": kept,
        "spec": {"replicas": replicas(&object["spec"])},
        "status": {"replicas": replicas(&object["status"]), "selector": selector.unwrap_or_default()},
    })
}

/// The object with the scale that is wanted.
fn with_scale(object: &Value, scale: &Value) -> Result<Value, Status> {
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let error = api::validate::FieldError::invalid(
            "spec.replicas",
            &replicas.into(),
            "must be greater than or equal to 0",
        );
        return Err(Status::invalid("autoscaling", "Scale", stamp::meta_text(object, "name"), &[error]));
    }
    let mut next = object.clone();
    next["spec"]["replicas"] = replicas.into();
    next["metadata"]["resourceVersion"] = stamp::meta_text(scale, "resourceVersion").into();
    Ok(next)
}

impl Core {
    /// Replaces the scale of an object.
    pub(crate) async fn put_scale(&self, ask: &Ask<'_>, scale: &Value) -> Result<Written, Status> {
        let change = |old: &Value| Ok(Wanted { object: with_scale(old, scale)?, warnings: Vec::new() });
        as_scale(self.modify(ask, Part::Whole, change).await?)
    }

    /// Patches the scale of an object.
    pub(crate) async fn patch_scale(&self, ask: &Ask<'_>, patch: &Patch) -> Result<Written, Status> {
        let change = |old: &Value| {
            let scale = patch.apply(Schema::of_kind("autoscaling", "v1", "Scale"), &scale_of(old))?;
            Ok(Wanted { object: with_scale(old, &scale)?, warnings: Vec::new() })
        };
        as_scale(self.modify(ask, Part::Whole, change).await?)
    }
}

fn as_scale(written: Written) -> Result<Written, Status> {
    let scale = scale_of(&written.object.to_value()?);
    Ok(Written { object: Object::Loose(scale), ..written })
}
