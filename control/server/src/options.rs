//! Options of writes: dry run, field validation, preconditions of deletion.

use api::change::Propagation;
use api::decode::FieldValidation;
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
        let dry: Vec<&str> = query.all("dryRun").filter(|value| !value.is_empty()).collect();
        let dry_run = check_dry_run(&dry, kind)?;
        let field_validation = FieldValidation::parse(query.get("fieldValidation"))
            .map_err(|error| Status::invalid("meta.k8s.io", kind, "", &[error]))?;
        Ok(Self { dry_run, field_validation })
    }
}

fn check_dry_run(values: &[&str], kind: &str) -> Result<bool, Status> {
    if values.iter().any(|value| *value != "All") {
        let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let value = format!("[]string{{{}}}", quoted.join(", "));
        let problem = FieldProblem::NotSupported(value, vec!["All".to_owned()]);
        return Err(Status::invalid("meta.k8s.io", kind, "", &[FieldError { path: "dryRun".into(), problem }]));
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
            options.dry_run |= check_dry_run(&dry, kind)?;
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
    fn a_deletion_reads_body_and_query() {
        let body = json!({"propagationPolicy": "Foreground", "preconditions": {"uid": "u"}});
        let options = DeleteOptions::of(&query("gracePeriodSeconds=3"), Some(&body)).unwrap();
        assert_eq!((options.grace, options.propagation), (Some(3), Some(Propagation::Foreground)));
        assert_eq!(options.uid, Some(Uid::new("u")));
        let status = DeleteOptions::of(&query(""), Some(&json!({"propagationPolicy": "X"}))).unwrap_err();
        assert!(status.message.ends_with("supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""));
    }
}
