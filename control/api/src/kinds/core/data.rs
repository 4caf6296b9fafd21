//! Rules that ConfigMaps and Secrets share: keys, sizes, and data that may not change.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::field::{Errors, Field};
use crate::name;

/// Most bytes of all values together.
const SIZE_MAX: usize = 1024 * 1024;
/// Shown instead of a value that not everybody may see.
pub(super) const REDACTED: &str = "<redacted>";

/// Everything wrong with the maps of those names; all but a ConfigMap's `data` hold base64.
pub(super) fn validate(object: &Value, maps: &[&str]) -> Errors {
    let root = Field::root(object);
    let plain = |map: &str| map == "data" && maps.contains(&"binaryData");
    let mut errors = Errors::new();
    let mut size = 0;
    for map in maps {
        for (key, value) in root.at(map).entries() {
            errors.extend(name::config_key(key).into_iter().map(|why| value.invalid_part(key, why)));
            if plain(map) {
                let twice = root.at("binaryData").at(key).is_set();
                errors.extend(twice.then(|| value.invalid_part(key, "duplicate of key present in binaryData")));
                size += value.text().len();
                continue;
            }
            match STANDARD.decode(value.text()) {
                Ok(bytes) => size += bytes.len(),
                // Where decoding failed would tell a part of the value.
                Err(_) => errors.push(value.invalid_part(REDACTED, "must be base64 with padding")),
            }
        }
    }
    // A ConfigMap is too long as a whole, which Kubernetes tells of a field without a name.
    let whole = if maps.contains(&"binaryData") { root.clone().told_as("[]") } else { root.at("data") };
    errors.extend((size > SIZE_MAX).then(|| whole.too_long(SIZE_MAX)));
    errors
}

/// Everything wrong with a change of maps that may be immutable.
pub(super) fn validate_update(object: &Value, old: &Value, maps: &[&str]) -> Errors {
    const WHY: &str = "field is immutable when `immutable` is set";
    if old["immutable"] != true {
        return Errors::new();
    }
    let root = Field::root(object);
    let immutable = root.at("immutable");
    let mut errors: Errors = (!immutable.is_true()).then(|| immutable.forbidden(WHY)).into_iter().collect();
    let changed = maps.iter().map(|map| root.at(map)).zip(maps.iter().map(|map| &old[*map]));
    let changed = changed.filter(|(now, then)| now.value != *then);
    errors.extend(changed.map(|(now, _)| now.forbidden(WHY)));
    errors
}
