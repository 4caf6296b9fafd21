//! The kind that a body names, against the kind that is wanted.

use serde_json::{Map, Value};

use super::Target;
use super::words::{Mismatch, type_word};

/// Why a body cannot be of the endpoint's kind.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// Its kind cannot be read at all.
    #[error("couldn't get version/kind; json parse error: {0}")]
    NoTypeMeta(Mismatch),
    /// It is of another kind or version; the whole message.
    #[error("{0}")]
    Other(String),
}

/// Sets what the body leaves open and refuses what contradicts the target.
///
/// A custom resource must name its kind. Kinds that share one type are one here: a client sends the `DeleteOptions` of
/// whatever group it talks to.
pub(super) fn reconcile(object: &mut Value, target: Target<'_>) -> Result<(), Refused> {
    let Value::Object(fields) = object else {
        return Err(Refused::NoTypeMeta(Mismatch::new(type_word(object), TYPE_META)));
    };
    if target.schema.is_none() && text(fields, "kind")?.is_none() {
        let Target { kind, version, .. } = target;
        let start = format!("{kind} in version \"{version}\" cannot be handled as a {kind}");
        return Err(Refused::Other(format!("{start}: Object 'Kind' is missing in '{object}'")));
    }
    let expected = target.api_version();
    let kind = text(fields, "kind")?.unwrap_or(target.kind).to_owned();
    let api_version = text(fields, "apiVersion")?.unwrap_or(&expected).to_owned();
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
    let given = Target::of(group, version, &kind);
    let same_type = given.schema.is_some() && given.schema == target.schema;
    if !same_type && (kind != target.kind || api_version != expected) {
        return Err(Refused::Other(contradiction(given, target)));
    }
    fields.insert("apiVersion".into(), api_version.into());
    fields.insert("kind".into(), kind.into());
    Ok(())
}

/// The Go type that Kubernetes reads first, to learn the kind of a body.
const TYPE_META: &str = concat!(
    r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; "#,
    r#"Kind string "json:\"kind,omitempty\"" }"#
);

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refused> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty()).map(String::as_str)),
        Some(other) => Err(Refused::NoTypeMeta(Mismatch::new(type_word(other), "string").below(name, ""))),
    }
}

/// The message about a body of another kind, of another version, or of something that nobody knows.
fn contradiction(given: Target<'_>, target: Target<'_>) -> String {
    let Target { version, kind, .. } = given;
    let (api_version, wanted) = (given.api_version(), target.kind);
    if given.schema.is_some() && given.group == target.group && kind == wanted {
        let expected = target.api_version();
        return format!(
            "the API version in the data ({api_version}) does not match the expected API version ({expected})"
        );
    }
    let why = if given.schema.is_some() {
        let package = internal_package(target.group);
        format!("converting ({version}.{kind}) to ({package}.{wanted}): unknown conversion")
    } else {
        let scheme = "pkg/api/legacyscheme/scheme.go:30";
        format!("no kind \"{kind}\" is registered for version \"{api_version}\" in scheme \"{scheme}\"")
    };
    format!("{kind} in version \"{version}\" cannot be handled as a {wanted}: {why}")
}

/// Name of the Go package of a group's types, which that message shows.
fn internal_package(group: &str) -> &str {
    if group.is_empty() { "core" } else { group.split('.').next().unwrap_or(group) }
}
