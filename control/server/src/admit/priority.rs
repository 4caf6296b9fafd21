//! How important a pod is: its class says so, never the pod itself (plug-in `Priority`).

use api::meta::{Key, Resource};
use api::status::Status;
use api::view::View;
use serde_json::Value;

use super::{Operation, Review};
use crate::stamp;

/// Of a pod without a class, where no class is everybody's.
const NO_PRIORITY: i64 = 0;
/// The same.
const PREEMPTS: &str = "PreemptLowerPriority";

/// What a class gives to its pods.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Class {
    name: String,
    value: i64,
    preemption: String,
}

impl Class {
    fn of(class: &Value) -> Self {
        let policy = class["preemptionPolicy"].as_str().unwrap_or(PREEMPTS);
        Self {
            name: stamp::meta_text(class, "name").to_owned(),
            value: class["value"].as_i64().unwrap_or(NO_PRIORITY),
            preemption: policy.to_owned(),
        }
    }

    /// That of pods which name no class, where no class is everybody's.
    fn none() -> Self {
        Self { name: String::new(), value: NO_PRIORITY, preemption: PREEMPTS.to_owned() }
    }
}

/// Gives a new pod the numbers of its class; a pod that is changed keeps those that it leaves out.
pub(super) fn of_pod(review: &Review<'_>, pod: &mut Value) -> Result<(), Status> {
    if !pod["spec"].is_object() {
        return Ok(());
    }
    if let (Operation::Update, Some(old)) = (review.operation, review.old) {
        for field in ["priority", "preemptionPolicy"] {
            if pod["spec"][field].is_null() && !old["spec"][field].is_null() {
                pod["spec"][field] = old["spec"][field].clone();
            }
        }
        return Ok(());
    }
    let refused = |why: &str| Status::forbidden(&review.ask.kind.resource(), stamp::meta_text(pod, "name"), why);
    let wanted = pod["spec"]["priorityClassName"].as_str().unwrap_or_default();
    let class = if wanted.is_empty() {
        everybodys(review.view)?.unwrap_or_else(Class::none)
    } else {
        let missing = || refused(&format!("no PriorityClass with name {wanted} was found"));
        named(review.view, wanted)?.ok_or_else(missing)?
    };
    agrees(&pod["spec"], &class).map_err(|why| refused(&why))?;
    let spec = &mut pod["spec"];
    spec["priority"] = class.value.into();
    spec["preemptionPolicy"] = class.preemption.into();
    if !class.name.is_empty() {
        spec["priorityClassName"] = class.name.into();
    }
    Ok(())
}

/// What a pod says itself must be what its class says.
fn agrees(spec: &Value, class: &Class) -> Result<(), String> {
    let Class { value, preemption, .. } = class;
    let computed = "must not be provided in pod spec; priority admission controller computed";
    let from = "from the given PriorityClass name";
    match (spec["priority"].as_i64(), spec["preemptionPolicy"].as_str()) {
        (Some(given), _) if given != *value => {
            Err(format!("the integer value of priority ({given}) {computed} {value} {from}"))
        }
        (_, Some(given)) if given != preemption => {
            Err(format!("the string value of PreemptionPolicy ({given}) {computed} {preemption} {from}"))
        }
        _ => Ok(()),
    }
}

/// A class may be everybody's when no other one is.
pub(super) fn of_class(review: &Review<'_>, class: &Value) -> Result<(), Status> {
    if class["globalDefault"] != true {
        return Ok(());
    }
    let name = stamp::meta_text(class, "name");
    match everybodys(review.view)? {
        Some(other) if review.operation == Operation::Create || other.name != name => {
            let why = format!("PriorityClass {} is already marked as default. Only one default can exist", other.name);
            Err(Status::forbidden(&review.ask.kind.resource(), name, &why))
        }
        _ => Ok(()),
    }
}

fn classes() -> Resource {
    Resource::new("scheduling.k8s.io", "priorityclasses")
}

fn named(view: &View, name: &str) -> Result<Option<Class>, Status> {
    // A name that no object can have is one that none has.
    let Ok(key) = Key::new(&classes(), "", name) else { return Ok(None) };
    let found = view.get(&key).map(|record| record.decode::<Value>()).transpose();
    found.map(|class| class.as_ref().map(Class::of)).map_err(unreadable)
}

/// The class of pods that name none: of several, which only a race can make, the one that matters least.
fn everybodys(view: &View) -> Result<Option<Class>, Status> {
    let mut least: Option<Class> = None;
    for record in view.list(&classes(), None) {
        let class: Value = record.decode().map_err(unreadable)?;
        if class["globalDefault"] == true {
            let class = Class::of(&class);
            least = least.filter(|known| known.value <= class.value).or(Some(class));
        }
    }
    Ok(least)
}

fn unreadable(error: impl std::fmt::Display) -> Status {
    Status::internal(format!("cannot read a PriorityClass: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_says_nothing_else_than_its_class() {
        let class = Class { name: "high".into(), value: 1000, preemption: "Never".into() };
        let check = |spec: Value, class: &Class, expected: Result<(), &str>| {
            assert_eq!(agrees(&spec, class), expected.map_err(str::to_owned), "{spec}");
        };
        check(json!({}), &Class::none(), Ok(()));
        check(json!({"priority": 1000, "preemptionPolicy": "Never"}), &class, Ok(()));
        check(
            json!({"priority": 7}),
            &Class::none(),
            Err("the integer value of priority (7) must not be provided in pod spec; priority admission controller \
                 computed 0 from the given PriorityClass name"),
        );
        check(
            json!({"preemptionPolicy": "PreemptLowerPriority"}),
            &class,
            Err("the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; \
                 priority admission controller computed Never from the given PriorityClass name"),
        );
    }
}
