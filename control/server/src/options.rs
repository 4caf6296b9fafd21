//! Options of writes: dry run, field validation, preconditions of deletion.

use api::change::Propagation;
use api::decode::FieldValidation;
use api::managed;
use api::meta::Uid;
use api::status::Status;
use api::validate::{FieldError, FieldProblem};
use serde_json::Value;

use crate::query::Query;

/// Options of every write.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WriteOptions {
    /// Do all but persist.
    pub(crate) dry_run: bool,
    /// About unknown fields.
    pub(crate) field_validation: FieldValidation,
}

impl WriteOptions {
    /// Reads them from the query; `kind` is that of the options, such as `CreateOptions`, and stands in errors.
    pub(crate) fn of(query: &Query, kind: &str) -> Result<Self, Status> {
        Self::read(query, kind, None)
    }

    /// Those of a patch; `apply` says whether it is a configuration to apply.
    pub(crate) fn of_patch(query: &Query, apply: bool) -> Result<Self, Status> {
        let wrong = if apply && query.get("fieldManager").is_none() {
            Some(FieldError::required("fieldManager", "is required for apply patch"))
        } else if !apply && query.get("force").is_some() {
            Some(FieldError::forbidden("force", "may not be specified for non-apply patch"))
        } else {
            None
        };
        Self::read(query, "PatchOptions", wrong)
    }

    fn read(query: &Query, kind: &str, wrong: Option<FieldError>) -> Result<Self, Status> {
        let mut errors: Vec<_> = wrong.into_iter().collect();
        errors.extend(query.get("fieldManager").into_iter().flat_map(managed::name::validate));
        let dry: Vec<&str> = query.all("dryRun").filter(|value| !value.is_empty()).collect();
        let dry_run = dry_run(&dry).map_err(|error| errors.push(error));
        let validation = FieldValidation::parse(query.get("fieldValidation")).map_err(|error| errors.push(error));
        match (dry_run, validation) {
            (Ok(dry_run), Ok(field_validation)) if errors.is_empty() => Ok(Self { dry_run, field_validation }),
            _ => Err(Status::invalid("meta.k8s.io", kind, "", &errors)),
        }
    }
}

fn dry_run(values: &[&str]) -> Result<bool, FieldError> {
    if values.iter().any(|value| *value != "All") {
        let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let value = format!("[]string{{{}}}", quoted.join(", "));
        let problem = FieldProblem::NotSupported(value, vec!["All".to_owned()]);
        return Err(FieldError { path: "dryRun".into(), problem });
    }
    Ok(!values.is_empty())
}

/// `meta/v1 DeleteOptions`, from body and query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    /// Do all but persist.
    pub(crate) dry_run: bool,
    /// Seconds of grace asked for.
    pub(crate) grace: Option<u32>,
    /// What becomes of dependents; `None` means the kind's default and keeps finalizers as they are.
    pub(crate) propagation: Option<Propagation>,
    /// The object must be this one.
    pub(crate) uid: Option<Uid>,
    /// The object must be at this revision.
    pub(crate) revision: Option<String>,
}

impl DeleteOptions {
    /// Reads them; the body wins, as in Kubernetes, where it is given.
    pub(crate) fn of(query: &Query, body: Option<&Value>) -> Result<Self, Status> {
        let kind = "DeleteOptions";
        let mut options = Self { dry_run: WriteOptions::of(query, kind)?.dry_run, ..Self::default() };
        if let Some(grace) = query.number("gracePeriodSeconds")? {
            options.grace = Some(seconds(grace)?);
        }
        options.propagation = propagation(query.get("propagationPolicy"))?;
        if query.flag("orphanDependents") {
            options.propagation = Some(Propagation::Orphan);
        }
        let Some(body) = body else { return Ok(options) };
        if let Some(dry) = body["dryRun"].as_array() {
            let dry: Vec<&str> = dry.iter().filter_map(Value::as_str).collect();
            options.dry_run |= dry_run(&dry).map_err(|error| Status::invalid("meta.k8s.io", kind, "", &[error]))?;
        }
        if let Some(grace) = body["gracePeriodSeconds"].as_i64() {
            options.grace = Some(seconds(grace)?);
        }
        if let Some(given) = propagation(body["propagationPolicy"].as_str())? {
            options.propagation = Some(given);
        }
        if body["orphanDependents"].as_bool() == Some(true) {
            options.propagation = Some(Propagation::Orphan);
        }
        options.uid = body["preconditions"]["uid"].as_str().map(Uid::new);
        options.revision = body["preconditions"]["resourceVersion"].as_str().map(str::to_owned);
        Ok(options)
    }
}

/// A grace period.
fn seconds(grace: i64) -> Result<u32, Status> {
    let wrong = |_| {
        let error = FieldError::invalid("gracePeriodSeconds", &grace.into(), "must be greater than or equal to 0");
        Status::invalid("meta.k8s.io", "DeleteOptions", "", &[error])
    };
    u32::try_from(grace).map_err(wrong)
}

fn propagation(text: Option<&str>) -> Result<Option<Propagation>, Status> {
    Ok(Some(match text {
        None | Some("") => return Ok(None),
        Some("Background") => Propagation::Background,
        Some("Foreground") => Propagation::Foreground,
        Some("Orphan") => Propagation::Orphan,
        Some(other) => {
            let allowed = ["Foreground", "Background", "Orphan", "nil"];
            let error = FieldError::not_supported("propagationPolicy", other, &allowed);
            return Err(Status::invalid("meta.k8s.io", "DeleteOptions", "", &[error]));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn query(text: &str) -> Query {
        Query::of(&format!("http://x/?{text}").parse().unwrap()).unwrap()
    }

    #[test]
    fn only_a_whole_dry_run_is_known() {
        assert!(WriteOptions::of(&query("dryRun=All"), "CreateOptions").unwrap().dry_run);
        let status = WriteOptions::of(&query("dryRun=foo"), "CreateOptions").unwrap_err();
        assert_eq!(
            status.message,
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: []string{\"foo\"}: supported values: \"All\""
        );
    }

    #[test]
    fn an_apply_names_its_manager_and_alone_uses_force() {
        let told = |text: &str, apply| WriteOptions::of_patch(&query(text), apply).unwrap_err().message;
        let start = "PatchOptions.meta.k8s.io \"\" is invalid: ";
        assert_eq!(told("", true), format!("{start}fieldManager: Required value: is required for apply patch"));
        let force = "force: Forbidden: may not be specified for non-apply patch";
        assert_eq!(told("force=true", false), format!("{start}{force}"));
        let dry = "dryRun: Unsupported value: []string{\"x\"}: supported values: \"All\"";
        assert_eq!(told("force=true&dryRun=x", false), format!("{start}[{force}, {dry}]"));
        let long = format!("fieldManager={}", "m".repeat(129));
        assert_eq!(told(&long, true), format!("{start}fieldManager: Too long: may not be more than 128 bytes"));
        assert!(WriteOptions::of_patch(&query("fieldManager=m&force=true"), true).is_ok());
    }

    #[test]
    fn a_deletion_reads_body_and_query() {
        let body = json!({"propagationPolicy": "Foreground", "preconditions": {"uid": "u"}});
        let options = DeleteOptions::of(&query("gracePeriodSeconds=3"), Some(&body)).unwrap();
        assert_eq!((options.grace, options.propagation), (Some(3), Some(Propagation::Foreground)));
        assert_eq!(options.uid, Some(Uid::new("u")));
        let status = DeleteOptions::of(&query(""), Some(&json!({"propagationPolicy": "X"}))).unwrap_err();
        assert!(status.message.ends_with("supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""));
    }
}
