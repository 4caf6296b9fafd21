//! Managers after a write that is not an apply.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Set;
use super::change::Change;
use super::manager::{Entry, Manager, Managers, Operation, forgets};
use super::write::{Write, ownable};
use crate::json;
use crate::meta::Timestamp;

/// Most managers by update of one object, as in Kubernetes; of more, the oldest become one.
const UPDATERS_MAX: usize = 10;
/// The name of those that became one.
const ANCIENT: &str = "ancient-changes";

/// Says in `new` who owns what after the write. `live` is the object before, none when it is created.
///
/// The writer may say itself what the managers are, as `kubectl` does when it moves to server-side apply; where it says
/// nothing, or nothing that can be read, those of the live object count.
pub fn update(write: &Write<'_>, live: Option<&Value>, new: &mut Value) {
    let kept = live.map_or(&Value::Null, |live| &live["metadata"]["managedFields"]);
    // Both states have the same managers while they are compared, so that these make no difference.
    let given = (new["metadata"]["managedFields"] != *kept).then(|| take(new));
    if given.is_some() {
        put(new, Some(kept.clone()).filter(|kept| !kept.is_null()));
    }
    let said = given.filter(|_| write.subresource.is_empty()).unwrap_or_default();
    let (managers, theirs) = match Managers::decode(&said) {
        _ if forgets(&said) => (Managers::default(), true),
        Ok(managers) if !managers.is_empty() => (managers, true),
        _ => (Managers::decode(kept).unwrap_or_default(), false),
    };
    if managers.is_empty() && live.is_some() {
        put(new, None);
        return;
    }
    let empty = Value::Object(Map::new());
    let Ok(change) = Change::of(write, live.unwrap_or(&empty), new, &managers) else {
        // A list whose items cannot be told apart: Kubernetes leaves the managers as they were, too.
        return;
    };
    if change.own().is_empty() && !theirs {
        return;
    }
    put(new, owned(write, managers, &change).encode());
}

/// Who owns what after the change.
fn owned(write: &Write<'_>, mut managers: Managers, change: &Change<'_>) -> Managers {
    managers.retain_versions(write.served);
    for entry in managers.0.values_mut() {
        entry.fields = entry.fields.difference(&change.touched(&entry.version));
    }
    managers.0.retain(|_, entry| !entry.fields.is_empty());
    let mine = ownable(&change.own().given());
    if !mine.is_empty() {
        let fresh = Entry { fields: Set::default(), version: write.version.api_version().to_owned(), time: None };
        let entry = managers.0.entry(write.manager(Operation::Update)).or_insert(fresh);
        entry.fields = entry.fields.union(&mine);
        entry.time = Some(write.now);
    }
    cap(managers)
}

/// Joins the oldest managers by update, each version for itself, until there are few enough.
fn cap(mut managers: Managers) -> Managers {
    let updaters = managers.0.iter().filter(|(manager, _)| manager.operation == Operation::Update);
    let age = |entry: &Entry| entry.time.map_or(0, Timestamp::as_second);
    let mut oldest: Vec<_> = updaters.map(|(manager, entry)| (age(entry), manager.clone())).collect();
    let mut excess = oldest.len().saturating_sub(UPDATERS_MAX);
    oldest.sort();
    let mut groups: BTreeMap<String, Vec<Manager>> = BTreeMap::new();
    for (_, manager) in oldest {
        if excess == 0 {
            break;
        }
        let group = groups.entry(manager.version.clone()).or_default();
        group.push(manager);
        if group.len() > 1 {
            excess -= 1;
        }
    }
    for (version, group) in groups.into_iter().filter(|(_, group)| group.len() > 1) {
        let bucket = Manager::new(ANCIENT, Operation::Update, &version, "");
        let members = group.iter().chain([&bucket]).filter_map(|manager| managers.0.remove(manager));
        let joined = members.reduce(|a, b| Entry { fields: a.fields.union(&b.fields), time: a.time.max(b.time), ..a });
        managers.0.extend(joined.map(|entry| (bucket, entry)));
    }
    managers
}

/// Takes the managers out of an object.
fn take(object: &mut Value) -> Value {
    json::section(object, "metadata").and_then(|meta| meta.remove("managedFields")).unwrap_or_default()
}

/// Sets the managers of an object.
pub(super) fn put(object: &mut Value, managers: Option<Value>) {
    let Some(meta) = json::section(object, "metadata") else { return };
    match managers {
        Some(managers) => drop(meta.insert("managedFields".to_owned(), managers)),
        None => drop(meta.remove("managedFields")),
    }
}
