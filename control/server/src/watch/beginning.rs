//! Where a watch begins.

use api::meta::Revision;
use api::status::Status;
use api::validate::FieldError;

use crate::query::Query;
use crate::revision::{self, Wanted, forbidden};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// With what happens after a revision.
    After(Revision),
    /// With what happens from now on.
    Now,
    /// With a state, whose end a bookmark marks for those who take bookmarks (KEP-3157).
    State(Wanted),
}

impl Beginning {
    /// Reads the parameters of a watch.
    ///
    /// # Errors
    /// 422 for parameters that exclude each other, all of them at once, in the order in which kube-apiserver looks at them.
    pub(super) fn of(query: &Query) -> Result<Self, Status> {
        let field = "resourceVersionMatch";
        let (matching, initial) = (query.get(field), query.has("sendInitialEvents"));
        let mut errors = Vec::new();
        if initial && matching != Some("NotOlderThan") {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            errors.push(forbidden(field, why));
        }
        if let Some(matching) = matching {
            if !initial {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                errors.push(forbidden(field, why));
            }
            if matching != "NotOlderThan" {
                errors.push(FieldError::not_supported(field, matching, &["NotOlderThan"]));
            }
            if query.get("continue").is_some() {
                errors.push(forbidden(field, "resourceVersionMatch is forbidden when continue is provided"));
            }
        }
        if !errors.is_empty() {
            return Err(revision::invalid(&errors));
        }
        let revision = revision::parse(query.get("resourceVersion"))?.filter(|revision| *revision != Revision::ZERO);
        let any = query.get("resourceVersion").is_some();
        // Without a word about it, a watch without a revision begins with the state, as it always has.
        let wants_state = if initial { query.flag("sendInitialEvents") } else { revision.is_none() };
        Ok(match (wants_state, revision) {
            (true, Some(revision)) => Self::State(Wanted::NotOlderThan(revision)),
            (true, None) if any => Self::State(Wanted::Any),
            (true, None) => Self::State(Wanted::Newest),
            (false, Some(revision)) => Self::After(revision),
            (false, None) => Self::Now,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, want: Result<Beginning, &str>) {
        let parsed = Query::of(&format!("http://x/?{query}").parse().unwrap()).unwrap();
        let got = Beginning::of(&parsed).map_err(|status| status.message);
        let want = want.map_err(|why| format!("ListOptions.meta.k8s.io \"\" is invalid: {why}"));
        assert_eq!(got, want, "{query}");
    }

    #[test]
    fn parameters_say_where_a_watch_begins() {
        check("", Ok(Beginning::State(Wanted::Newest)));
        check("resourceVersion=0", Ok(Beginning::State(Wanted::Any)));
        check("resourceVersion=7", Ok(Beginning::After(Revision(7))));
        let list = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        check(list, Ok(Beginning::State(Wanted::Newest)));
        check(&format!("{list}&resourceVersion=0"), Ok(Beginning::State(Wanted::Any)));
        check(&format!("{list}&resourceVersion=7"), Ok(Beginning::State(Wanted::NotOlderThan(Revision(7)))));
        let none = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
        check(none, Ok(Beginning::Now));
        check(&format!("{none}&resourceVersion=0"), Ok(Beginning::Now));
        check(&format!("{none}&resourceVersion=7"), Ok(Beginning::After(Revision(7))));
    }

    #[test]
    fn parameters_that_exclude_each_other_are_told_together() {
        let requires = "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to \
                        NotOlderThan";
        let unless = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless \
                      sendInitialEvents is provided";
        let exact = "resourceVersionMatch: Unsupported value: \"Exact\": supported values: \"NotOlderThan\"";
        let next = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided";
        check("sendInitialEvents=true", Err(requires));
        check("sendInitialEvents=false", Err(requires));
        check("resourceVersionMatch=NotOlderThan", Err(unless));
        check("sendInitialEvents=1&resourceVersionMatch=Exact", Err(&format!("[{requires}, {exact}]")));
        check("resourceVersionMatch=Exact&continue=x", Err(&format!("[{unless}, {exact}, {next}]")));
    }
}
