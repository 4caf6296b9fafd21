//! From a request's body to an object of a kind: read, matched with the endpoint, checked against the schema.
//!
//! The words of every refusal are those of kube-apiserver, because people search for them. What a body holds beyond the
//! schema is pruned and reported; the request's `fieldValidation` decides what the reports do.

mod finding;
mod gvk;
mod read;
mod shapes;
mod target;
mod words;

use std::fmt;

use serde_json::Value;

pub use finding::{FINDINGS_MAX, FieldValidation, Finding};
pub use target::Target;

use crate::schema::{Schema, Shape};
use crate::status::Status;
use crate::validate::FieldError;
use words::Mismatch;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`, and what a body is when nothing is said.
    Json,
    /// `application/yaml`.
    Yaml,
}

impl MediaType {
    /// The type that a `Content-Type` names; parameters are ignored. `None` for one that bodies may not have.
    #[must_use]
    pub fn parse(content_type: Option<&str>) -> Option<Self> {
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "" | "application/json" => Some(Self::Json),
            "application/yaml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// A body read as an object of its target's kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The object, pruned to the schema, with `apiVersion` and `kind`.
    pub object: Value,
    /// What was pruned; at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
}

/// Reads a request's body as an object of the target's kind.
///
/// Fields that are null are absent; `apiVersion` and `kind` are the target's when absent; values are kept as written, except
/// that amounts become canonical (`1000m` is `1`), times move to UTC and base64 loses its line breaks, as in Kubernetes.
///
/// # Errors
/// 400 when the body is no JSON or YAML, names another kind or version, or holds a value of a wrong type.
pub fn decode<'a>(body: &[u8], media: MediaType, target: impl Into<Target<'a>>) -> Result<Decoded, Status> {
    let target = target.into();
    let unrecognized = |why: &dyn fmt::Display| {
        let text = summary(body);
        let must = target.kind;
        Status::bad_request(format!("the object provided is unrecognized (must be of type {must}): {why} ({text})"))
    };
    let mut duplicates = Vec::new();
    let mut object = read::value(body, media, &mut duplicates).map_err(|error| unrecognized(&error))?;
    gvk::reconcile(&mut object, target).map_err(|error| match error {
        gvk::Refused::NoTypeMeta(_) => unrecognized(&error),
        gvk::Refused::Other(message) => Status::bad_request(message),
    })?;
    let mut findings: Vec<_> = duplicates.into_iter().map(Finding::Duplicate).collect();
    conform(&mut object, target, &mut findings).map_err(|error| cannot_be_handled(target, &error))?;
    Ok(Decoded { object, findings })
}

/// Checks the outcome of a patch as [`decode`] checks a body. `patch` is the patch's text, for the message; fields that stand
/// twice in it are reported too, unless it is a list of operations.
///
/// # Errors
/// 422 naming `patch`, as in Kubernetes, when the patched object has a value of a wrong type; 400 when it names another
/// kind or version.
pub fn patched<'a>(mut object: Value, target: impl Into<Target<'a>>, patch: &[u8]) -> Result<Decoded, Status> {
    let target = target.into();
    gvk::reconcile(&mut object, target).map_err(|error| Status::bad_request(error.to_string()))?;
    let mut duplicates = Vec::new();
    if !patch.trim_ascii_start().starts_with(b"[") {
        read::value(patch, MediaType::Json, &mut duplicates).map_err(|error| bad_patch(patch, &error))?;
    }
    let mut findings: Vec<_> = duplicates.into_iter().map(Finding::Duplicate).collect();
    conform(&mut object, target, &mut findings).map_err(|error| bad_patch(patch, &error))?;
    Ok(Decoded { object, findings })
}

impl Decoded {
    /// The object and the warnings to send, as `fieldValidation` asks.
    ///
    /// # Errors
    /// 400 under [`FieldValidation::Strict`] when there is any finding.
    pub fn judge<'a>(
        self,
        validation: FieldValidation,
        target: impl Into<Target<'a>>,
    ) -> Result<(Value, Vec<String>), Status> {
        self.judge_with(validation, |error| cannot_be_handled(target.into(), error))
    }

    /// [`Decoded::judge`] for the outcome of a patch, whose text is given.
    ///
    /// # Errors
    /// 422 naming `patch` under [`FieldValidation::Strict`] when there is any finding.
    pub fn judge_patch(self, validation: FieldValidation, patch: &[u8]) -> Result<(Value, Vec<String>), Status> {
        self.judge_with(validation, |error| bad_patch(patch, error))
    }

    fn judge_with(
        self,
        validation: FieldValidation,
        refuse: impl FnOnce(&dyn fmt::Display) -> Status,
    ) -> Result<(Value, Vec<String>), Status> {
        let texts = || self.findings.iter().map(ToString::to_string).collect::<Vec<_>>();
        match validation {
            FieldValidation::Strict if !self.findings.is_empty() => {
                Err(refuse(&format_args!("strict decoding error: {}", texts().join(", "))))
            }
            FieldValidation::Ignore | FieldValidation::Strict => Ok((self.object, Vec::new())),
            FieldValidation::Warn => {
                let warnings = texts();
                Ok((self.object, warnings))
            }
        }
    }
}

/// Prunes to the schema, drops nulls, checks types.
fn conform(object: &mut Value, target: Target<'_>, findings: &mut Vec<Finding>) -> Result<(), Mismatch> {
    let mut unknown = Vec::new();
    match target.schema {
        Some(of) => shapes::conform(object, &Shape::Type(of), &mut unknown)?,
        None => {
            let meta = Schema::of("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
            if let (Some(meta), Some(value)) = (meta, object.get_mut("metadata")) {
                shapes::conform(value, &Shape::Type(meta), &mut unknown)
                    .map_err(|error| error.below("metadata", target.kind))?;
                unknown.iter_mut().for_each(|path| path.insert_str(0, "metadata."));
            }
        }
    }
    findings.extend(unknown.into_iter().map(Finding::Unknown));
    findings.truncate(FINDINGS_MAX);
    Ok(())
}

fn cannot_be_handled(target: Target<'_>, why: &dyn fmt::Display) -> Status {
    let Target { kind: name, version, .. } = target;
    Status::bad_request(format!("{name} in version \"{version}\" cannot be handled as a {name}: {why}"))
}

fn bad_patch(patch: &[u8], why: &dyn fmt::Display) -> Status {
    let text = Value::String(String::from_utf8_lossy(patch).into_owned());
    Status::invalid("", "", "", &[FieldError::invalid("patch", &text, why.to_string())])
}

/// The first characters of a body, for a message.
fn summary(body: &[u8]) -> String {
    const SHOWN: usize = 30;
    let text = String::from_utf8_lossy(body);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests;
