//! Who owns which field: what clients send back to us, and server-side apply.

use api::decode::{self, MediaType};
use api::kinds;
use api::managed::{self, Reach, Set, Version, Write};
use api::meta::Timestamp;
use serde_json::Value;

/// A set of fields is the same when it is read from what it is written as.
pub(crate) fn fields(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(set) = Set::decode(&value) else { return };
    let written = set.encode();
    let again = Set::decode(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!(again.encode(), written);
}

/// A Pod to which a configuration was applied is the same when it is applied again, unless nobody owned anything of it after the
/// first time: as in Kubernetes, all that it has then belongs to `before-first-apply`.
pub(crate) fn apply(data: &[u8]) {
    let Some((live, config)) = crate::two(data) else { return };
    let kind = kinds::find("", "v1", "pods").unwrap();
    let Ok(config) = decode::decode(config.as_bytes(), MediaType::Yaml, kind) else { return };
    let live = decode::decode(live.as_bytes(), MediaType::Json, kind).ok();
    let version = Version::of(kind);
    let write = Write {
        version: &version,
        kind: "Pod",
        manager: "m",
        subresource: "",
        reach: Reach::Whole,
        served: std::slice::from_ref(&version),
        now: Timestamp::UNIX_EPOCH,
    };
    let apply = |live: Option<&Value>| managed::apply(&write, live, &config.object, true);
    let Ok(once) = apply(live.as_ref().map(|live| &live.object)) else { return };
    if once["metadata"]["managedFields"].as_array().is_none_or(Vec::is_empty) {
        return;
    }
    let twice = apply(Some(&once)).unwrap_or_else(|error| panic!("{once}: {error}"));
    assert_eq!(twice, once);
}
