//! An APIService for every group and version that the server serves itself, as clients that list them expect.

use std::collections::BTreeSet;

use api::kinds;
use api::meta::Timestamp;
use api::status::Status;
use api::time;
use serde_json::{Value, json};

use super::given::Given;

/// The group of APIServices, which is served whether or not anything is registered.
const REGISTRATION: &str = "apiregistration.k8s.io";
/// Label of what the server registers when it starts.
const AUTOMANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

/// How early a group is asked for a kind whose group nobody names, as kube-apiserver orders its own.
const PRIORITIES: &[(&str, i32)] = &[
    ("", 18_000),
    ("apps", 17_800),
    ("events.k8s.io", 17_750),
    ("authentication.k8s.io", 17_700),
    ("authorization.k8s.io", 17_600),
    ("autoscaling", 17_500),
    ("batch", 17_400),
    ("certificates.k8s.io", 17_300),
    ("networking.k8s.io", 17_200),
    ("policy", 17_100),
    ("rbac.authorization.k8s.io", 17_000),
    ("storage.k8s.io", 16_800),
    ("admissionregistration.k8s.io", 16_700),
    ("apiextensions.k8s.io", 16_700),
    ("scheduling.k8s.io", 16_600),
    ("coordination.k8s.io", 16_500),
    ("node.k8s.io", 16_300),
    ("discovery.k8s.io", 16_200),
    ("flowcontrol.apiserver.k8s.io", 16_100),
    ("metrics.k8s.io", 100),
];
/// Of groups that are younger than the list.
const PRIORITY_OF_OTHERS: i32 = 15_000;
/// How early a version is asked among those of its group.
const VERSION_PRIORITY: i32 = 15;

/// An APIService for each.
pub(crate) fn all(now: Timestamp) -> Result<Vec<Given>, Status> {
    let one = |(group, version)| Given::of(REGISTRATION, "apiservices", api_service(group, version), status(now));
    served().into_iter().map(one).collect()
}

fn served() -> BTreeSet<(&'static str, &'static str)> {
    let all = kinds::all().iter().map(|kind| (&*kind.group, &*kind.version));
    all.filter(|(group, _)| *group != REGISTRATION).collect()
}

fn api_service(group: &str, version: &str) -> Value {
    let priority =
        PRIORITIES.iter().find(|(one, _)| *one == group).map_or(PRIORITY_OF_OTHERS, |(_, priority)| *priority);
    let mut spec = json!({"version": version, "groupPriorityMinimum": priority, "versionPriority": VERSION_PRIORITY});
    if !group.is_empty() {
        spec["group"] = group.into();
    }
    json!({"metadata": {"name": format!("{version}.{group}"), "labels": {AUTOMANAGED: "onstart"}}, "spec": spec})
}

/// Status of what this server serves itself.
pub(crate) fn status(now: Timestamp) -> Value {
    json!({"conditions": [{"type": "Available", "status": "True", "reason": "Local",
        "message": "Local APIServices are always available", "lastTransitionTime": time::text(now)}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_registered_is_sound() {
        for given in all(Timestamp::UNIX_EPOCH).unwrap() {
            assert_eq!(given.errors(), [], "{given:?}");
        }
        assert!(served().contains(&("", "v1")) && !served().contains(&(REGISTRATION, "v1")));
    }
}
