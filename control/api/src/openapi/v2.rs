//! The OpenAPI v2 document: every kind in one, for clients older than v3, as JSON and as protobuf.
//!
//! It says what the v3 documents say, so it is made from their parts: each path and each definition is turned into its v2 form,
//! written, and dropped, because all of them together would take tens of megabytes.

use serde_json::{Map, Value, json};

use super::{downgrade, gnostic, paths, schemas};
use crate::kind::Kind;
use crate::schema::{Descriptions, kubernetes_version};

/// As JSON text.
#[must_use]
pub fn json(kinds: &[&Kind], descriptions: &Descriptions) -> Vec<u8> {
    let mut out = Vec::new();
    let mut next = b"{\"paths\":{".as_slice();
    for (name, item) in path_items(kinds) {
        member(&mut out, std::mem::replace(&mut next, b","), &name, &item);
    }
    out.extend_from_slice(b"}");
    next = b",\"definitions\":{";
    for (name, schema) in definitions(kinds, descriptions) {
        member(&mut out, std::mem::replace(&mut next, b","), &name, &schema);
    }
    out.extend_from_slice(b"}");
    for (name, value) in frame() {
        member(&mut out, b",", &name, &value);
    }
    out.push(b'}');
    out
}

fn member(out: &mut Vec<u8>, before: &[u8], name: &str, value: &Value) {
    out.extend_from_slice(before);
    out.extend_from_slice(format!("{}:{value}", Value::from(name)).as_bytes());
}

/// As the message `openapi.v2.Document`.
#[must_use]
pub fn protobuf(kinds: &[&Kind], descriptions: &Descriptions) -> Vec<u8> {
    let mut document = gnostic::Document::new(&frame());
    for (name, item) in path_items(kinds) {
        document.path(&name, &item);
    }
    for (name, schema) in definitions(kinds, descriptions) {
        document.definition(&name, &schema);
    }
    document.finish()
}

/// What stands in the document beside paths and definitions.
fn frame() -> Map<String, Value> {
    let token = json!({"description": "Bearer Token authentication", "type": "apiKey", "name": "authorization", "in": "header"});
    Map::from_iter([
        ("swagger".to_owned(), "2.0".into()),
        ("info".to_owned(), json!({"title": "Kubernetes", "version": format!("v{}", kubernetes_version())})),
        ("securityDefinitions".to_owned(), json!({"BearerToken": token})),
        ("security".to_owned(), json!([{"BearerToken": []}])),
    ])
}

fn path_items<'a>(kinds: &'a [&Kind]) -> impl Iterator<Item = (String, Value)> + use<'a> {
    kinds.iter().flat_map(|kind| {
        let mut items = Map::new();
        paths::add(kind, &mut items);
        items.into_iter().map(|(path, item)| (path, downgrade::path_item(item)))
    })
}

fn definitions<'a>(
    kinds: &'a [&Kind],
    descriptions: &'a Descriptions,
) -> impl Iterator<Item = (String, Value)> + use<'a> {
    schemas::reachable(kinds, descriptions).map(|(name, schema)| (name, downgrade::schema(schema)))
}

#[cfg(test)]
mod tests;
