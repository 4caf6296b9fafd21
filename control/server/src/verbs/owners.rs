//! Who owns what an object says: the manager of a request, and what each part of an object means for ownership.

use api::kind::{Kind, StatusKeeps, Subresource};
use api::kinds;
use api::managed::{self, Reach, Version, Write};
use api::requester::Requester;
use http::HeaderMap;
use http::header::USER_AGENT;
use seam::Seam;
use serde_json::Value;

use super::Ask;
use super::modify::Part;
use crate::query::Query;

/// Manager of what node agents write.
const AGENT: &str = "bireme-agent";
/// Manager of what the scheduler writes.
const SCHEDULER: &str = "bireme-scheduler";
/// Manager of what the server itself makes at its start.
const SERVER: &str = "bireme-server";
/// Manager of what controllers write, all of them: one name keeps the list of managers short.
const CONTROLLERS: &str = "bireme-controller-manager";

/// Whether managers are still to be told what a write gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Owners {
    /// They are; any write but an apply.
    #[default]
    Tell,
    /// An apply has told them.
    Told,
}

/// The manager of a request: the one it names, else its client.
pub(crate) fn of_request(query: &Query, headers: &HeaderMap, requester: &Requester) -> String {
    if let Some(manager) = query.get("fieldManager") {
        return manager.to_owned();
    }
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if agent.is_empty() && requester.node().is_some() { AGENT.to_owned() } else { managed::name::of_user_agent(agent) }
}

/// The manager of one of our own components.
pub(crate) fn of_component(requester: &Requester) -> &'static str {
    match requester.user.strip_prefix("system:bireme:") {
        Some("scheduler") => SCHEDULER,
        Some("bootstrap") => SERVER,
        _ => CONTROLLERS,
    }
}

/// Runs with the write that a request makes to a part of an object.
pub(crate) fn with_write<T>(ask: &Ask<'_>, part: Part, seam: &Seam, run: impl FnOnce(&Write<'_>) -> T) -> T {
    let kind = ask.kind;
    let served: Vec<Version> = kinds::versions(kind).map(Version::of).collect();
    let (subresource, reach) = reach(kind, part);
    run(&Write {
        version: &Version::of(kind),
        kind: &kind.kind,
        manager: ask.manager,
        subresource,
        reach,
        served: &served,
        now: seam.now(),
    })
}

/// The name of the subresource behind a part, and what it may change.
fn reach(kind: &Kind, part: Part) -> (&'static str, Reach) {
    match part {
        Part::Whole if kind.has(Subresource::Status) => ("", Reach::But(&[&["status"]])),
        Part::Whole => ("", Reach::Whole),
        Part::Status => ("status", Reach::But(beside_status(kind.flags.status_keeps))),
        Part::Finalizers => ("finalize", Reach::Only(&["spec", "finalizers"])),
        Part::Section(Subresource::EphemeralContainers) => {
            ("ephemeralcontainers", Reach::Only(&["spec", "ephemeralContainers"]))
        }
        Part::Section(Subresource::Resize) => ("resize", Reach::Only(&["spec"])),
        Part::Section(_) => ("", Reach::Whole),
    }
}

/// Where a write of the status does not reach.
fn beside_status(keeps: StatusKeeps) -> &'static [&'static [&'static str]] {
    match keeps {
        StatusKeeps::Nothing => &[&["spec"]],
        StatusKeeps::Labels => &[&["spec"], &["metadata", "labels"]],
        StatusKeeps::Owners => &[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]],
        StatusKeeps::Metadata => &[&["spec"], &["metadata"]],
    }
}

/// Says in a new object who owns it.
pub(crate) fn of_new(ask: &Ask<'_>, object: &mut Value, seam: &Seam) {
    with_write(ask, Part::Whole, seam, |write| managed::update(write, None, object));
}

/// Says in a changed object who owns what.
pub(super) fn of_changed(ask: &Ask<'_>, part: Part, old: &Value, object: &mut Value, seam: &Seam) {
    with_write(ask, part, seam, |write| managed::update(write, Some(old), object));
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::requester::NODES;

    #[test]
    fn a_manager_is_named_or_is_the_client() {
        let manager = |query: &str, agent: &str, requester: &Requester| {
            let query = Query::of(&format!("http://x/?{query}").parse().unwrap()).unwrap();
            let mut headers = HeaderMap::new();
            if !agent.is_empty() {
                headers.insert(USER_AGENT, agent.parse().unwrap());
            }
            of_request(&query, &headers, requester)
        };
        let (user, node) = (Requester::new("u", &[]), Requester::new("system:node:n", &[NODES]));
        assert_eq!(manager("fieldManager=a+b", "kubectl/v1", &user), "a b");
        assert_eq!(manager("fieldManager=", "kubectl/v1.37 (linux)", &node), "kubectl");
        assert_eq!((manager("", "", &user).as_str(), manager("", "", &node).as_str()), ("", AGENT));
        assert_eq!(of_component(&Requester::component("deployment")), CONTROLLERS);
        assert_eq!(of_component(&Requester::component("scheduler")), SCHEDULER);
    }
}
