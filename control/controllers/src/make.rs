//! Views for tests, made of plain manifests.

use std::sync::Arc;

use api::change::Change;
use api::meta::{Key, Resource, Revision, Timestamp};
use api::record::{Body, Record};
use api::view::View;
use serde_json::{Value, json};

use crate::Decision;

/// 2026-11-23T12:00:00Z.
pub(crate) const NOW: i64 = 1_795_435_200;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

pub(crate) fn time(seconds: i64) -> String {
    at(seconds).to_string()
}

/// A view of the objects, defaulted as the server does; uid and creation time are filled when absent.
pub(crate) fn view(objects: Vec<Value>) -> View {
    let mut view = View::new();
    for (nth, object) in objects.into_iter().enumerate() {
        put(&mut view, object, nth as u64 + 1);
    }
    view
}

pub(crate) fn put(view: &mut View, mut object: Value, revision: u64) {
    let (api_version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = api::kinds::by_kind(group, version, kind).unwrap();
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    if object["metadata"].get("uid").is_none() {
        object["metadata"]["uid"] = json!(format!("uid-{name}"));
    }
    if object["metadata"].get("creationTimestamp").is_none() {
        object["metadata"]["creationTimestamp"] = json!(time(NOW - 1000));
    }
    kind.strategy.default(&mut object);
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let key = Key::new(&kind.resource(), namespace, &name).unwrap();
    let header = api::header::extract(kind, &object);
    let body = Body::encode(&object).unwrap();
    view.put(Arc::new(Record { key, revision: Revision(revision), header, body }));
}

pub(crate) fn key(group: &str, plural: &str, namespace: &str, name: &str) -> Key {
    Key::new(&Resource::new(group, plural), namespace, name).unwrap()
}

/// A decision as short lines, for comparing.
pub(crate) fn lines(decision: &Decision) -> Vec<String> {
    decision.steps.iter().map(|step| line(&step.change)).collect()
}

fn line(change: &Change) -> String {
    match change {
        Change::Create { resource, object } => {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            format!("create {resource} {}", name.rsplit_once('-').map_or(name, |(base, _)| base))
        }
        Change::Patch { key, subresource, patch, .. } => {
            let on = subresource.map(|subresource| format!("/{subresource}")).unwrap_or_default();
            format!("patch {}{on} {} {patch}", key.plural(), key.name())
        }
        Change::Delete { key, propagation, grace, .. } => {
            let grace = grace.map(|grace| format!(" grace {grace}")).unwrap_or_default();
            format!("delete {} {} {propagation:?}{grace}", key.plural(), key.name())
        }
        Change::Bind { pod, node, .. } => format!("bind {} to {node}", pod.name()),
        Change::FinalizeNamespace { key } => format!("finalize {}", key.name()),
        Change::Event { reason, message, .. } => format!("event {reason} {message}"),
    }
}
