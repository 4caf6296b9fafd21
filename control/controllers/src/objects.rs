//! Reading stored objects, and the small texts that several controllers write.

use std::sync::Arc;

use api::change::{Change, Propagation};
use api::meta::{Key, Resource, Timestamp};
use api::record::{OwnerRef, Record};
use api::selector::LabelSelector;
use api::view::View;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::decision::Damaged;

/// Decodes a stored object.
pub(crate) fn decode<T: DeserializeOwned>(record: &Record) -> Result<T, Damaged> {
    record.decode().map_err(|cause| Damaged { key: record.key.clone(), cause })
}

/// Letters that Kubernetes uses in generated names: no vowels, so that no words appear by chance.
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A short text that depends on the parts alone, usable in a name. `length` is at most 32.
pub(crate) fn hash(parts: &[&str], length: usize) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().take(length).map(|byte| char::from(SAFE[usize::from(*byte) % SAFE.len()])).collect()
}

/// A name made of a base and a suffix, the base cut so that a pod's name (63 characters as a host name) still fits.
pub(crate) fn suffixed(base: &str, suffix: &str) -> String {
    const NAME_MAX: usize = 63;
    let room = NAME_MAX - suffix.len() - 1;
    let base: String = base.chars().take(room).collect();
    format!("{}-{suffix}", base.trim_end_matches(['-', '.']))
}

/// Seconds precision, as Kubernetes writes times.
pub(crate) fn seconds(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// The reference with which a controller marks what it manages.
pub(crate) fn controller_reference(owner: &Record, api_version: &str, kind: &str) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "name": owner.key.name(),
        "uid": owner.header.uid.as_str(),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// Owner references as JSON.
pub(crate) fn references<'a>(owners: impl Iterator<Item = &'a OwnerRef>) -> Value {
    let references = owners.map(|owner| {
        let mut reference = json!({
            "apiVersion": &*owner.api_version, "kind": &*owner.kind, "name": &*owner.name, "uid": owner.uid.as_str(),
        });
        if owner.controller {
            reference["controller"] = json!(true);
        }
        if owner.block_owner_deletion {
            reference["blockOwnerDeletion"] = json!(true);
        }
        reference
    });
    Value::Array(references.collect())
}

/// A merge patch that is refused when the object has moved on.
pub(crate) fn patch(record: &Record, subresource: Option<&'static str>, patch: Value) -> Change {
    Change::Patch { key: record.key.clone(), subresource, if_revision: Some(record.revision), patch }
}

/// Deletes this very object, in the background, with its kind's own grace.
pub(crate) fn delete(record: &Record) -> Change {
    Change::Delete {
        key: record.key.clone(),
        uid: record.header.uid.clone(),
        if_revision: None,
        propagation: Propagation::Background,
        grace: None,
    }
}

/// The resource `pods`.
pub(crate) fn pods() -> Resource {
    Resource::new("", "pods")
}

/// Objects of a namespace that a selector can mean: by the label index where it names a label's value, else all of them.
pub(crate) fn candidates<'a>(
    view: &'a View,
    resource: &Resource,
    namespace: &str,
    selector: &LabelSelector,
) -> Box<dyn Iterator<Item = &'a Arc<Record>> + 'a> {
    match selector.exact() {
        Some((key, value)) => Box::new(view.labelled(resource, namespace, key, value)),
        None => Box::new(view.list(resource, Some(namespace))),
    }
}

/// A number, or a percentage of the whole rounded up or down.
pub(crate) fn share(amount: &IntOrString, whole: i32, up: bool) -> i32 {
    match amount {
        IntOrString::Int(number) => (*number).max(0),
        IntOrString::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let product = i64::from(whole) * percent.max(0);
            i32::try_from(if up { (product + 99) / 100 } else { product / 100 }).unwrap_or(i32::MAX)
        }
    }
}

/// The key of the object that manages this one, when it is of that kind.
pub(crate) fn controller_key(record: &Record, kind: &str, resource: &Resource) -> Option<Key> {
    let owner = record.controller().filter(|owner| &*owner.kind == kind)?;
    Key::new(resource, record.key.namespace(), &owner.name).ok()
}

/// Owned objects that this one manages, of one resource.
pub(crate) fn managed<'a>(
    view: &'a View,
    owner: &'a Record,
    resource: &'a Resource,
) -> impl Iterator<Item = &'a Arc<Record>> {
    view.owned_by(&owner.header.uid).filter(move |record| {
        record.key.is(&resource.group, &resource.plural)
            && record.controller().is_some_and(|controller| controller.uid == owner.header.uid)
    })
}
