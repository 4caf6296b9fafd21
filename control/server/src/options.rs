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
        let dry_run = is_dry_run(&dry).map_err(|error| errors.push(error));
        let validation = FieldValidation::parse(query.get("fieldValidation")).map_err(|error| errors.push(error));
        match (dry_run, validation) {
            (Ok(dry_run), Ok(field_validation)) if errors.is_empty() => Ok(Self { dry_run, field_validation }),
            _ => Err(Status::invalid("meta.k8s.io", kind, "", &errors)),
        }
    }
}

fn is_dry_run(values: &[&str]) -> Result<bool, FieldError> {
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
    /// An object that is only marked is answered with 202 (the old way to ask for dependents to go, `orphanDependents=false`).
    pub(crate) accepts: bool,
}

impl DeleteOptions {
    /// Reads them from the body or, when there is none, from the query: as in Kubernetes a body speaks alone. Only a dry run
    /// counts wherever it stands, since who asks for one must not lose an object.
    pub(crate) fn of(query: &Query, body: Option<&Value>) -> Result<Self, Status> {
        let kind = "DeleteOptions";
        let dry_run = WriteOptions::of(query, kind)?.dry_run;
        let Some(body) = body else {
            let orphan = query.get("orphanDependents").map(|_| query.flag("orphanDependents"));
            let fate = Fate::of(query.get("propagationPolicy"), orphan)?;
            let grace = query.number("gracePeriodSeconds")?.map(seconds);
            return Ok(Self { dry_run, grace, ..Self::default() }.with(fate));
        };
        let dry: Vec<&str> = body["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let refused = |error| Status::invalid("meta.k8s.io", kind, "", &[error]);
        let fate = Fate::of(body["propagationPolicy"].as_str(), body["orphanDependents"].as_bool())?;
        let text = |field: &str| body["preconditions"][field].as_str();
        let options = Self {
            dry_run: is_dry_run(&dry).map_err(refused)? || dry_run,
            grace: body["gracePeriodSeconds"].as_i64().map(seconds),
            uid: text("uid").map(Uid::new),
            revision: text("resourceVersion").map(str::to_owned),
            ..Self::default()
        };
        Ok(options.with(fate))
    }

    fn with(self, fate: Fate) -> Self {
        Self { propagation: fate.propagation, accepts: fate.accepts, ..self }
    }
}

/// A grace period. One below zero means one second, as in Kubernetes.
fn seconds(grace: i64) -> u32 {
    if grace < 0 { 1 } else { u32::try_from(grace).unwrap_or(u32::MAX) }
}

/// What becomes of dependents, by the option of today and by the one before it.
#[derive(Clone, Copy)]
struct Fate {
    propagation: Option<Propagation>,
    accepts: bool,
}

impl Fate {
    fn of(policy: Option<&str>, orphan: Option<bool>) -> Result<Self, Status> {
        let invalid = |error: FieldError| Status::invalid("meta.k8s.io", "DeleteOptions", "", &[error]);
        let policy = policy.filter(|policy| !policy.is_empty());
        if let (Some(policy), Some(_)) = (policy, orphan) {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            return Err(invalid(FieldError::invalid("propagationPolicy", &policy.into(), why)));
        }
        let old = |orphan| if orphan { Propagation::Orphan } else { Propagation::Background };
        let accepts = orphan == Some(false);
        Ok(Self { propagation: propagation(policy)?.or(orphan.map(old)), accepts })
    }
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
    fn a_body_speaks_alone_but_for_a_dry_run() {
        let body = json!({"propagationPolicy": "Foreground", "preconditions": {"uid": "u"}, "gracePeriodSeconds": -1});
        let options = DeleteOptions::of(&query("gracePeriodSeconds=3&dryRun=All"), Some(&body)).unwrap();
        assert_eq!((options.grace, options.propagation), (Some(1), Some(Propagation::Foreground)));
        assert_eq!((options.uid, options.dry_run), (Some(Uid::new("u")), true));
        let options = DeleteOptions::of(&query("gracePeriodSeconds=3&orphanDependents=false"), None).unwrap();
        assert_eq!(
            (options.grace, options.propagation, options.accepts),
            (Some(3), Some(Propagation::Background), true)
        );
        let status = DeleteOptions::of(&query(""), Some(&json!({"propagationPolicy": "X"}))).unwrap_err();
        assert!(status.message.ends_with("supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""));
        let both = DeleteOptions::of(&query("propagationPolicy=Orphan&orphanDependents=true"), None).unwrap_err();
        let why = "Invalid value: \"Orphan\": orphanDependents and deletionPropagation cannot be both set";
        assert!(both.message.ends_with(why), "{both}");
    }
}
