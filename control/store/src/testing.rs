//! What tests of this crate share: small objects, commands, stores.

use std::path::Path;

use api::facts::Facts;
use api::meta::{Key, Resource, Revision, Uid};
use api::record::{Body, Header};
use serde_json::json;

use crate::command::{Command, Precondition, RequestId, Write};
use crate::store::{Store, StoreConfig};

pub(crate) fn key(name: &str) -> Key {
    Key::new(&Resource::new("", "configmaps"), "default", name).unwrap()
}

/// An object whose content is one text.
pub(crate) fn put(name: &str, text: &str) -> Write {
    let header = Header {
        uid: Uid::new(name),
        labels: [].into(),
        owners: [].into(),
        fields: [].into(),
        deletion: None,
        finalizers: false,
        facts: Facts::Plain,
    };
    let body = Body::encode(&json!({"metadata": {"name": name}, "data": {"text": text}})).unwrap();
    Write::Put { key: key(name), header, body }
}

pub(crate) fn delete(name: &str) -> Write {
    Write::Delete { key: key(name) }
}

pub(crate) fn command(request: u128, preconditions: Vec<Precondition>, writes: Vec<Write>) -> Command {
    Command { request: RequestId(request), epoch: None, preconditions, writes }
}

/// A real store.
pub(crate) async fn open(dir: &Path) -> Store {
    Store::open(StoreConfig::new(dir.to_owned()), seam::Seam::real()).await.unwrap()
}

/// Writes one object and returns its revision.
pub(crate) async fn write(store: &Store, name: &str, text: &str) -> Revision {
    let command = Command { request: store.new_request_id(), ..command(0, vec![], vec![put(name, text)]) };
    store.propose(command).await.unwrap().revision
}

/// The text of an object.
pub(crate) fn text(view: &api::view::View, name: &str) -> Option<String> {
    let value: serde_json::Value = view.get(&key(name))?.decode().unwrap();
    Some(value["data"]["text"].as_str().unwrap().to_owned())
}
