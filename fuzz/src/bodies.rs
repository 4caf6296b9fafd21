//! Bodies of requests, and what the server does with the objects in them.

use api::decode::{self, Decoded, MediaType};
use api::kind::Kind;
use api::protobuf::encode;
use api::record::Body;
use api::schema::Schema;
use api::{header, kinds, metadata};
use serde_json::Value;

/// The kind that the first line names, and the rest.
fn of_kind(data: &[u8]) -> Option<(&'static Kind, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = data.split_at(end);
    let kind = kinds::all().iter().find(|kind| kind.kind.as_bytes() == line)?;
    Some((kind, rest.get(1..)?))
}

/// A body in JSON or YAML: the object in it, written as JSON, is read as itself with nothing to complain about.
pub(crate) fn text(data: &[u8]) {
    let Some((kind, body)) = of_kind(data) else { return };
    for media in [MediaType::Json, MediaType::Yaml] {
        if let Ok(decoded) = decode::decode(body, media, kind) {
            comes_back(&decoded.object, MediaType::Json, decoded.object.to_string().as_bytes(), kind);
        }
    }
}

/// A body in protobuf, without its envelope: the object in it comes back, written in either form.
pub(crate) fn protobuf(data: &[u8]) {
    let Some((kind, message)) = of_kind(data) else { return };
    let envelope = encode::envelope(&[encode::bytes(2, message)]);
    let Ok(Decoded { object, .. }) = decode::decode(&envelope, MediaType::Protobuf, kind) else { return };
    comes_back(&object, MediaType::Json, object.to_string().as_bytes(), kind);
    let Some(of) = Schema::of(kind.schema) else { return };
    let body = encode::body(of, &object);
    let again = decode::decode(&body, MediaType::Protobuf, kind).unwrap_or_else(|error| panic!("{object}: {error}"));
    assert_eq!(again.findings, []);
}

fn comes_back(object: &Value, media: MediaType, body: &[u8], kind: &Kind) {
    let again = decode::decode(body, media, kind).unwrap_or_else(|error| panic!("{object}: {error}"));
    assert_eq!((&again.object, again.findings), (object, Vec::new()));
}

/// The way of an object into the store: filled in, checked, encoded. What is filled in stays as it is when it is filled in
/// again.
pub(crate) fn object(data: &[u8]) {
    let Some((kind, body)) = of_kind(data) else { return };
    let Ok(Decoded { mut object, .. }) = decode::decode(body, MediaType::Json, kind) else { return };
    if !object["metadata"].is_object() {
        return;
    }
    let old = object.clone();
    kind.strategy.default(&mut object);
    let once = object.clone();
    kind.strategy.default(&mut object);
    assert_eq!(object, once);
    kind.strategy.prepare_create(&mut object);
    drop(metadata::validate(kind, &object));
    drop(kind.strategy.validate(&object));
    drop(kind.strategy.validate_create(&object));
    drop(metadata::validate_update(kind, &object, &old));
    kind.strategy.prepare_update(&mut object, &once);
    drop(kind.strategy.validate_update(&object, &once));
    drop(kind.strategy.warnings(&object));
    drop(header::extract(kind, &object));
    if let Ok(stored) = Body::encode(&object) {
        let mut again: Value = stored.decode().unwrap();
        let revision = object["metadata"].get("resourceVersion").cloned();
        if let (Some(meta), Some(revision)) = (again["metadata"].as_object_mut(), revision) {
            meta.insert("resourceVersion".into(), revision);
        }
        assert_eq!(again, object);
    }
}
