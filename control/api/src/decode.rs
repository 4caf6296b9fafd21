//! From a request's body to an object of a kind: read, matched with the endpoint, checked against the schema.
//!
//! The words of every refusal are those of kube-apiserver, because people search for them. What a body holds beyond the
//! schema is pruned and reported; the request's `fieldValidation` decides what the reports do.

mod configuration;
mod finding;
mod go;
mod gvk;
mod message;
pub(crate) mod paths;
mod read;
mod shapes;
mod target;
mod words;

use std::fmt;

use serde_json::Value;

pub use configuration::{applied, configuration};
pub use finding::{FINDINGS_MAX, FieldValidation, Finding};
pub use target::Target;

use crate::patch::PatchType;
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
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
}

impl MediaType {
    /// Those that bodies of every built-in kind may have.
    pub const ALL: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
    /// Those that bodies of a custom resource may have: nobody knows numbers of its fields.
    pub const TEXTS: &str = "application/json, application/yaml";

    /// The type that a `Content-Type` names; parameters are ignored. `None` for one that bodies may not have.
    #[must_use]
    pub fn parse(content_type: Option<&str>) -> Option<Self> {
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "" | "application/json" => Some(Self::Json),
            "application/yaml" => Some(Self::Yaml),
            "application/vnd.kubernetes.protobuf" => Some(Self::Protobuf),
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
/// Fields that are null are absent, and so are those that Kubernetes does not write when they are empty; `apiVersion` and
/// `kind` are the target's when absent; values are kept as written, except
/// that amounts become canonical (`1000m` is `1`), times move to UTC and base64 loses its line breaks, as in Kubernetes.
///
/// # Errors
/// 400 when the body cannot be read, names another kind or version, or holds a value of a wrong type; 415 when it is protobuf
/// and the target a custom resource.
pub fn decode<'a>(body: &[u8], media: MediaType, target: impl Into<Target<'a>>) -> Result<Decoded, Status> {
    let target = target.into();
    let mut findings = Vec::new();
    let mut object = match media {
        MediaType::Json => text(read::json, body, target, &mut findings)?,
        MediaType::Yaml => text(read::yaml, body, target, &mut findings)?,
        MediaType::Protobuf => message::read(body, target, &mut findings)?,
    };
    conform(&mut object, target, &mut findings).map_err(|error| cannot_be_handled(target, &error))?;
    Ok(Decoded { object, findings })
}

/// Reads a body of text as an object that says it is of the target's kind.
fn text(
    read: impl Fn(&[u8], &mut Vec<String>) -> Result<Value, read::ReadError>,
    body: &[u8],
    target: Target<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Value, Status> {
    let unrecognized = |why: &dyn fmt::Display| unrecognized(target, why, &summary(body));
    let mut duplicates = Vec::new();
    let mut object = read(body, &mut duplicates).map_err(|error| unrecognized(&error))?;
    gvk::reconcile(&mut object, target).map_err(|error| match error {
        gvk::Refused::NoTypeMeta(_) => unrecognized(&error),
        gvk::Refused::Other(message) => Status::bad_request(message),
    })?;
    findings.extend(duplicates.into_iter().map(Finding::Duplicate));
    Ok(object)
}

/// A patch, for what is said of its outcome.
#[derive(Clone, Copy)]
pub struct Patched<'a> {
    /// How it is written.
    pub form: PatchType,
    /// Its text.
    pub text: &'a [u8],
    /// Makes the patched object again.
    pub again: &'a dyn Fn() -> Value,
}

impl fmt::Debug for Patched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patched").field("form", &self.form).finish_non_exhaustive()
    }
}

impl Patched<'_> {
    /// Checks the outcome of a patch as [`decode`] checks a body. Fields that stand twice in the patch are reported too,
    /// unless it is a list of operations.
    ///
    /// # Errors
    /// 422 naming `patch`, as in Kubernetes, when the patched object has a value of a wrong type; 400 when it names another
    /// kind or version.
    pub fn check<'t>(&self, mut object: Value, target: impl Into<Target<'t>>) -> Result<Decoded, Status> {
        let target = target.into();
        gvk::reconcile(&mut object, target).map_err(|error| Status::bad_request(error.to_string()))?;
        let mut duplicates = Vec::new();
        if self.form != PatchType::Json {
            read::json(self.text, &mut duplicates).map_err(|error| self.refuse(&error))?;
        }
        let mut findings: Vec<_> = duplicates.into_iter().map(Finding::Duplicate).collect();
        conform(&mut object, target, &mut findings).map_err(|error| match self.form {
            // Kubernetes makes a strategic patch of values, not of text, and has other words for what does not fit.
            PatchType::Strategic => self.refuse(&error.of_values()),
            PatchType::Json | PatchType::Merge => self.refuse(&error),
        })?;
        Ok(Decoded { object, findings })
    }

    fn refuse(&self, why: &dyn fmt::Display) -> Status {
        let subject = match self.form {
            // What Kubernetes prints is its own memory of the patch.
            PatchType::Strategic => {
                serde_json::from_slice(self.text).map_or_else(|_| String::new(), |patch| go::value(&patch))
            }
            PatchType::Json | PatchType::Merge => (self.again)().to_string(),
        };
        Status::invalid("", "", "", &[FieldError::invalid("patch", &subject.into(), why.to_string())])
    }
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

    /// [`Decoded::judge`] for the outcome of a patch.
    ///
    /// # Errors
    /// 422 naming `patch` under [`FieldValidation::Strict`] when there is any finding.
    pub fn judge_patch(self, validation: FieldValidation, patch: &Patched<'_>) -> Result<(Value, Vec<String>), Status> {
        self.judge_with(validation, |error| patch.refuse(error))
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

/// Whether a value is of that shape, after pruning; for values that come out of texts inside objects.
pub(crate) fn conforms(value: &mut Value, shape: &Shape) -> bool {
    shapes::conform(value, shape, &mut Vec::new()).is_ok()
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

fn unrecognized(target: Target<'_>, why: &dyn fmt::Display, summary: &str) -> Status {
    let must = target.kind;
    Status::bad_request(format!("the object provided is unrecognized (must be of type {must}): {why} ({summary})"))
}

fn cannot_be_handled(target: Target<'_>, why: &dyn fmt::Display) -> Status {
    let Target { kind: name, version, .. } = target;
    Status::bad_request(format!("{name} in version \"{version}\" cannot be handled as a {name}: {why}"))
}

/// Characters or bytes of a body that a message shows.
const SHOWN: usize = 30;

/// The first characters of a body.
fn summary(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests;
