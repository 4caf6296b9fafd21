//! OpenAPI documents: of version 3 one for a group-version, and the index of them; of version 2 one for all, see [`v2`].
//!
//! Everything in them follows from the kinds that are served and from the schema table, so nothing here is written by hand per
//! kind. kubectl reads a document before every `apply` (may PATCH be told `fieldValidation`? how do lists merge?) and for
//! `explain`. Building one takes milliseconds; callers keep the bytes until the served kinds change.

mod defaults;
mod downgrade;
mod gnostic;
mod parameters;
mod paths;
mod schemas;
pub mod v2;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use crate::kind::Kind;
use crate::schema::{Descriptions, kubernetes_version};

/// Where a group-version is served, without the leading slash: `api/v1` or `apis/apps/v1`.
#[must_use]
pub fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The document of the group-version whose kinds are given; all of them must be of one group and version.
#[must_use]
pub fn document(kinds: &[&Kind], descriptions: &Descriptions) -> Value {
    let mut paths = Map::new();
    for kind in kinds {
        paths::add(kind, &mut paths);
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": format!("v{}", kubernetes_version())},
        "paths": paths,
        "components": {"schemas": schemas::reachable(kinds, descriptions).collect::<Map<_, _>>()},
    })
}

/// The hash of a document's bytes, as its URL and its `ETag` carry it.
#[must_use]
pub fn hash(document: &[u8]) -> String {
    Sha512::digest(document).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// `/openapi/v3`: where each document is. Takes [`root`] and [`hash`] of each. A URL changes with its document, so that clients
/// may keep what they fetched for ever.
#[must_use]
pub fn index<'a>(documents: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let entries = documents
        .into_iter()
        .map(|(root, hash)| (root.to_owned(), json!({"serverRelativeURL": format!("/openapi/v3/{root}?hash={hash}")})));
    json!({"paths": entries.collect::<Map<_, _>>()})
}

/// Reference to a schema of the same document.
fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Group, version and kind as an extension carries them.
fn gvk(group: &str, version: &str, kind: &str) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}

#[cfg(test)]
mod tests;
