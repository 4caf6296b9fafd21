//! Who owns the number of replicas, as the subresource `scale` shows it and gives it back.

use serde_json::Value;

use super::Set;
use super::manager::{Entry, Manager, Managers, Operation};

/// Where both a Scale and the workloads that have one keep the number.
const REPLICAS: &[&str] = &["spec", "replicas"];

/// The managers of a Scale: those of the workload that own the number. `version` is that of the Scale.
#[must_use]
pub fn to_scale(workload: &Value, version: &str) -> Option<Value> {
    let mut managers = Managers::decode(managers(workload)).unwrap_or_default();
    let mut scale = Managers::default();
    for (manager, entry) in std::mem::take(&mut managers.0) {
        let fields = replicas(&entry);
        if !fields.is_empty() {
            let version_of = if manager.operation == Operation::Apply { "" } else { version };
            let manager = Manager { version: version_of.to_owned(), ..manager };
            scale.0.insert(manager, Entry { fields, version: version.to_owned(), ..entry });
        }
    }
    scale.encode()
}

/// The managers of a workload whose Scale was written: who owns the number in the Scale owns it here, and nobody else.
/// `version` is that of the workload.
#[must_use]
pub fn from_scale(workload: &Value, scale: &Value, version: &str) -> Option<Value> {
    let mut owners = Managers::decode(managers(scale)).unwrap_or_default();
    owners.0.retain(|_, entry| !replicas(entry).is_empty());
    let mut all = Managers::default();
    for (manager, mut entry) in Managers::decode(managers(workload)).unwrap_or_default().0 {
        let same = |other: &Manager| {
            let told_apart = |one: &Manager| (one.operation, one.name.clone(), one.subresource.clone());
            told_apart(other) == told_apart(&manager)
        };
        let before = owners.0.len();
        if !replicas(&entry).is_empty() {
            owners.0.retain(|other, _| !same(other));
            if owners.0.len() == before {
                entry.fields = entry.fields.difference(&Set::of_fields(REPLICAS));
            }
        }
        if !entry.fields.is_empty() {
            all.0.insert(manager, entry);
        }
    }
    for manager in owners.0.into_keys() {
        let manager = Manager::new(&manager.name, manager.operation, version, &manager.subresource);
        // As in Kubernetes, who comes by way of a Scale comes without a time.
        all.0.insert(manager, Entry { fields: Set::of_fields(REPLICAS), version: version.to_owned(), time: None });
    }
    all.encode()
}

fn managers(object: &Value) -> &Value {
    &object["metadata"]["managedFields"]
}

/// The number, as far as the entry owns it.
fn replicas(entry: &Entry) -> Set {
    entry.fields.intersection(&Set::of_fields(REPLICAS))
}
