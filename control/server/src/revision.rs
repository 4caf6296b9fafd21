//! What `resourceVersion` and `resourceVersionMatch` of a list or watch mean.

use std::time::Duration;

use api::meta::Revision;
use api::status::{Cause, Details, Status};
use api::validate::FieldError;
use api::view::View;

use crate::query::Query;
use crate::verbs::Core;

/// How long a list waits for a revision that this member has not applied yet; as kube-apiserver.
const WAIT: Duration = Duration::from_secs(3);

/// Which state a reader asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The newest acknowledged anywhere.
    Newest,
    /// Whatever is here.
    Any,
    /// That revision or a later one.
    NotOlderThan(Revision),
    /// That very revision.
    Exact(Revision),
}

/// Reads what a list wants to see.
///
/// # Errors
/// 422 for parameters that exclude each other, all of them at once, in the order in which kube-apiserver looks at them.
pub(crate) fn of_list(query: &Query) -> Result<Wanted, Status> {
    let field = "resourceVersionMatch";
    let (text, matching) = (query.get("resourceVersion"), query.get(field));
    let mut errors = Vec::new();
    if let Some(matching) = matching {
        if text.is_none() {
            errors.push(forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
        }
        if query.get("continue").is_some() {
            errors.push(forbidden(field, "resourceVersionMatch is forbidden when continue is provided"));
        }
        if !matches!(matching, "Exact" | "NotOlderThan") {
            errors.push(FieldError::not_supported(field, matching, &["Exact", "NotOlderThan", ""]));
        }
        if (matching, text) == ("Exact", Some("0")) {
            let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            errors.push(forbidden(field, why));
        }
    }
    if query.has("sendInitialEvents") {
        errors.push(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    }
    if !errors.is_empty() {
        return Err(invalid(&errors));
    }
    let paged = limit(query)?.is_some();
    Ok(match parse(text)? {
        None => Wanted::Newest,
        Some(Revision::ZERO) => Wanted::Any,
        // The first page of a list without a word on how to match is of that very revision; as kube-apiserver has it.
        Some(revision) if matching == Some("Exact") || (matching.is_none() && paged) => Wanted::Exact(revision),
        Some(revision) => Wanted::NotOlderThan(revision),
    })
}

/// Objects of one page, at most; `None` for all of them. Whoever takes any state gets all of it, as from kube-apiserver.
pub(crate) fn limit(query: &Query) -> Result<Option<usize>, Status> {
    let whole = query.get("resourceVersion") == Some("0") && query.get("continue").is_none();
    let limit = query.number("limit")?.filter(|limit| *limit > 0 && !whole);
    Ok(limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)))
}

/// A parameter that another one excludes.
pub(crate) fn forbidden(field: &str, why: &str) -> FieldError {
    FieldError::forbidden(field, why)
}

/// 422 about `ListOptions`.
pub(crate) fn invalid(errors: &[FieldError]) -> Status {
    Status::invalid("meta.k8s.io", "ListOptions", "", errors)
}

/// A revision as clients send it.
pub(crate) fn parse(text: Option<&str>) -> Result<Option<Revision>, Status> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |_| {
        let message = format!(
            "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        );
        Status::new(500, "", message)
    };
    text.parse().map(|number| Some(Revision(number))).map_err(wrong)
}

impl Core {
    /// The state that a reader asks for.
    pub(crate) async fn state(&self, wanted: Wanted) -> Result<View, Status> {
        match wanted {
            Wanted::Any => Ok(self.store.view()),
            Wanted::Newest => {
                let barrier = self.store.read_barrier().await;
                barrier.map_err(|error| Status::unavailable(error.to_string(), 1))?;
                Ok(self.store.view())
            }
            Wanted::NotOlderThan(revision) => {
                self.reach(revision).await?;
                Ok(self.store.view())
            }
            Wanted::Exact(revision) => {
                self.reach(revision).await?;
                self.store.view_at(revision).ok_or_else(gone)
            }
        }
    }

    /// Waits a little until this member has applied a revision.
    pub(crate) async fn reach(&self, revision: Revision) -> Result<(), Status> {
        let mut newest = self.store.subscribe();
        let reached = self.seam.timeout(WAIT, newest.wait_for(|newest| *newest >= revision)).await;
        if matches!(reached, Ok(Ok(_))) {
            return Ok(());
        }
        let current = self.store.view().revision();
        let message = format!("Timeout: Too large resource version: {revision}, current: {current}");
        let mut status = Status::new(504, "Timeout", message);
        let cause = Cause {
            reason: "ResourceVersionTooLarge".into(),
            message: "Too large resource version".into(),
            field: String::new(),
        };
        status.details = Some(Box::new(Details { causes: vec![cause], retry_after_seconds: 1, ..Details::default() }));
        Err(status)
    }
}

/// 410: the state of that revision is not kept any more.
fn gone() -> Status {
    Status::new(410, "Expired", "The resourceVersion for the provided list is too old.")
}

/// 410: what happened after that revision is not all kept any more.
pub(crate) fn expired(asked: Revision, oldest: Revision) -> Status {
    Status::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
}
