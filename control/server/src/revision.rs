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

/// Reads the two parameters of a list.
pub(crate) fn of_list(query: &Query) -> Result<Wanted, Status> {
    let forbidden = |why: &str| Err(invalid(&[FieldError::forbidden("resourceVersionMatch", why)]));
    if query.has("sendInitialEvents") {
        let error = FieldError::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        return Err(invalid(&[error]));
    }
    let revision = parse(query.get("resourceVersion"))?;
    let matching = query.get("resourceVersionMatch");
    if matching.is_some() && query.get("continue").is_some() {
        return forbidden("resourceVersionMatch is forbidden when continue is provided");
    }
    match (matching, revision) {
        (None, None) => Ok(Wanted::Newest),
        (None | Some("NotOlderThan"), Some(Revision::ZERO)) => Ok(Wanted::Any),
        (None | Some("NotOlderThan"), Some(revision)) => Ok(Wanted::NotOlderThan(revision)),
        (Some(_), None) => forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"),
        (Some("Exact"), Some(Revision::ZERO)) => {
            forbidden("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"")
        }
        (Some("Exact"), Some(revision)) => Ok(Wanted::Exact(revision)),
        (Some(other), Some(_)) => {
            let allowed = ["Exact", "NotOlderThan"];
            Err(invalid(&[FieldError::not_supported("resourceVersionMatch", other, &allowed)]))
        }
    }
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
                self.store.view_at(revision).ok_or_else(|| expired(revision, self.store.view().revision()))
            }
        }
    }

    /// Waits a little until this member has applied a revision.
    async fn reach(&self, revision: Revision) -> Result<(), Status> {
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

/// 410: that revision is not kept any more.
pub(crate) fn expired(asked: Revision, oldest: Revision) -> Status {
    Status::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
}
