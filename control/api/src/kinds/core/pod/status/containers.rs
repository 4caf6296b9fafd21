//! What is reported of containers: one that ended for good does not run again.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::json;

/// Lists of statuses, and the list of the spec that each is about.
const LISTS: [(&str, &str); 3] = [
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
];
const HEALTHS: &[&str] = &["Healthy", "Unhealthy", "Unknown"];
/// Greatest id of a user or group.
const ID_MAX: i64 = i32::MAX as i64;

/// Everything wrong with how states of containers changed.
pub(super) fn transitions(status: &Field<'_>, old: &Value) -> Errors {
    let mut errors = Errors::new();
    for (name, of) in LISTS {
        let list = status.at(name);
        for (nth, before) in json::items(&old["status"], &format!("/{name}")).iter().enumerate() {
            if !has_ended(before) || may_restart(&old["spec"], of, before) {
                continue;
            }
            let now = json::items(list.value, "").iter().filter(|one| one["name"] == before["name"]);
            let again = now.filter(|one| !has_ended(one)).count();
            let state = list.nth(nth).at("state");
            errors.extend((0..again).map(|_| state.forbidden("may not be transitioned to non-terminated state")));
        }
    }
    errors
}

fn has_ended(status: &Value) -> bool {
    status.pointer("/state/terminated").is_some_and(|state| !state.is_null())
}

/// Whether a container that ended so is started again: as its own policy says, or else its pod's.
fn may_restart(spec: &Value, list: &str, status: &Value) -> bool {
    if list == "ephemeralContainers" {
        return false;
    }
    let containers = json::items(spec, &format!("/{list}"));
    let own = containers.iter().find(|one| one["name"] == status["name"]).unwrap_or(&Value::Null);
    if !json::is_empty(&own["restartPolicyRules"]) {
        return true;
    }
    let of_pod = json::text(spec, "/restartPolicy");
    let policy = own["restartPolicy"].as_str().unwrap_or(of_pod);
    let failed = json::integer(status, "/state/terminated/exitCode") != 0;
    policy == "Always" || of_pod == "Always" || policy == "OnFailure" && failed
}

/// Everything wrong with the users that containers are said to run as.
pub(super) fn users(status: &Field<'_>, os: &str) -> Errors {
    let mut errors = Errors::new();
    let lists = LISTS.iter().flat_map(|(name, _)| status.at(name).items());
    for (one, user) in lists.map(|one| (one.at("linux"), one.at("user").at("linux"))) {
        let user = user.told_at(&one);
        if os == "windows" {
            errors.extend(user.is_set().then(|| user.forbidden("cannot be set for a windows pod")));
        } else {
            let ids = [user.at("uid"), user.at("gid")].into_iter().chain(user.at("supplementalGroups").items());
            errors.extend(ids.filter_map(|id| id.within(0, ID_MAX)));
        }
    }
    errors
}

/// Everything wrong with the health of devices that containers got.
pub(super) fn devices(spec: &Field<'_>, status: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for (name, of) in LISTS {
        for one in status.at(name).items() {
            let list = one.at("allocatedResourcesStatus");
            if of == "ephemeralContainers" {
                let why = "must not be specified in container status";
                errors.extend((!list.is_empty()).then(|| list.forbidden(why)));
                continue;
            }
            let container = spec.at(of).items().find(|container| container.value["name"] == one.value["name"]);
            for resource in list.items() {
                errors.extend(container.as_ref().and_then(|container| unknown(&resource.at("name"), container.value)));
                errors.extend(healths(&resource.at("resources")));
            }
        }
    }
    errors
}

/// An error when the container asks for no resource, or claim, of that name.
fn unknown(name: &Field<'_>, container: &Value) -> Option<crate::validate::FieldError> {
    let (known, why) = if let Some(claim) = name.text().strip_prefix("claim:") {
        let why = "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or \
                   'claim:<claimName>' if request is empty";
        let asked = json::items(container, "/resources/claims").iter().map(|one| {
            let (name, request) = (json::text(one, "/name"), json::text(one, "/request"));
            if request.is_empty() { name.to_owned() } else { format!("{name}/{request}") }
        });
        (asked.into_iter().any(|asked| asked == claim), why)
    } else {
        let mut asked = json::entries(container, "/resources/requests");
        (asked.any(|(asked, _)| asked == name.text()), "must match one of the container's resource requests")
    };
    (!known).then(|| name.invalid_part(name.text(), why))
}

fn healths(resources: &Field<'_>) -> Errors {
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for resource in resources.items() {
        let (health, id) = (resource.at("health"), resource.at("resourceID"));
        errors.extend((!HEALTHS.contains(&health.text())).then(|| health.not_one_of(HEALTHS)));
        errors.extend((!seen.insert(id.text())).then(|| id.duplicate_of(&id.text().into())));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    /// What is said of a container that had ended with the code and runs now.
    fn restarted(policy: &str, own: &Value, code: i64) -> usize {
        let ended = json!([{"name": "c", "state": {"terminated": {"exitCode": code}}}]);
        let old =
            json!({"spec": {"restartPolicy": policy, "containers": [own]}, "status": {"containerStatuses": ended}});
        let now = json!({"status": {"containerStatuses": [{"name": "c", "state": {"running": {}}}]}});
        transitions(&Field::root(&now).at("status"), &old).len()
    }

    #[test]
    fn what_ended_for_good_does_not_run_again() {
        let plain = json!({"name": "c"});
        let codes = |policy: &str, own: &Value| (restarted(policy, own, 0), restarted(policy, own, 1));
        assert_eq!(codes("Always", &plain), (0, 0));
        assert_eq!(codes("OnFailure", &plain), (1, 0));
        assert_eq!(codes("Never", &plain), (1, 1));
        assert_eq!(codes("Never", &json!({"name": "c", "restartPolicy": "OnFailure"})), (1, 0));
        assert_eq!(codes("Never", &json!({"name": "c", "restartPolicy": "Always"})), (0, 0));
    }

    #[test]
    fn sidecars_run_again_and_debuggers_do_not() {
        let ended = json!([{"name": "c", "state": {"terminated": {"exitCode": 1}}}]);
        let sidecar = json!([{"name": "c", "restartPolicy": "Always"}]);
        let old = json!({"spec": {"restartPolicy": "Never", "initContainers": sidecar},
            "status": {"initContainerStatuses": ended, "ephemeralContainerStatuses": ended}});
        let running = json!([{"name": "c", "state": {"running": {}}}]);
        let now = json!({"status": {"initContainerStatuses": running, "ephemeralContainerStatuses": running}});
        expect![
            "status.ephemeralContainerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"
        ]
        .assert_eq(&told(&transitions(&Field::root(&now).at("status"), &old)));
    }

    #[test]
    fn users_and_devices_are_sound() {
        let spec = json!({"containers": [{"name": "c", "resources": {"requests": {"a.b/gpu": 1},
            "claims": [{"name": "x", "request": "r"}]}}]});
        let known = json!([{"resourceID": "0", "health": "Healthy"}, {"resourceID": "0", "health": "Ill"}]);
        let devices_of_c = json!([{"name": "a.b/gpu", "resources": known}, {"name": "claim:x/r"}, {"name": "claim:x"},
            {"name": "cpu"}]);
        let user = json!({"linux": {"uid": -1, "gid": 1, "supplementalGroups": [1, -2]}});
        let status = json!({"containerStatuses": [{"name": "c", "user": user, "allocatedResourcesStatus": devices_of_c}],
            "ephemeralContainerStatuses": [{"name": "d", "allocatedResourcesStatus": [{"name": "cpu"}]}]});
        let object = json!({"spec": spec, "status": status});
        let (spec, status) = (Field::root(&object).at("spec"), Field::root(&object).at("status"));
        expect![[r#"
            status.containerStatuses[0].linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive
            status.containerStatuses[0].linux.supplementalGroups[1]: Invalid value: -2: must be between 0 and 2147483647, inclusive"#]]
        .assert_eq(&told(&users(&status, "")));
        expect!["status.containerStatuses[0].linux: Forbidden: cannot be set for a windows pod"]
            .assert_eq(&told(&users(&status, "windows")));
        expect![[r#"
            status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].health: Unsupported value: "Ill": supported values: "Healthy", "Unhealthy", "Unknown"
            status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].resourceID: Duplicate value: "0"
            status.containerStatuses[0].allocatedResourcesStatus[2].name: Invalid value: "claim:x": must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty
            status.containerStatuses[0].allocatedResourcesStatus[3].name: Invalid value: "cpu": must match one of the container's resource requests
            status.ephemeralContainerStatuses[0].allocatedResourcesStatus: Forbidden: must not be specified in container status"#]]
        .assert_eq(&told(&devices(&spec, &status)));
    }
}
