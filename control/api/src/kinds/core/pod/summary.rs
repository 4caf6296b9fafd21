//! What a pod does, in one word: the Status column of `kubectl get pods`.

use serde_json::Value;

use crate::json::{boolean, integer, items, text};
use crate::meta::Timestamp;
use crate::time;

/// Reason that a node's controller writes when it cannot reach the node.
const NODE_LOST: &str = "NodeLost";

/// What the Table shows of a pod's containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// One word or two: `Running`, `CrashLoopBackOff`, `Init:0/1`, `Terminating`, …
    pub(super) status: String,
    /// Containers that are ready.
    pub(super) ready: usize,
    /// Containers that should be.
    pub(super) containers: usize,
    restarts: Restarts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    /// Adds those of one container.
    fn add(&mut self, status: &Value) {
        self.count = self.count.saturating_add(integer(status, "/restartCount"));
        self.last = self.last.max(time::at(status, "/lastState/terminated/finishedAt"));
    }
}

impl Summary {
    /// `0`, or `3 (5m ago)`.
    pub(super) fn restarts_text(&self, now: Timestamp) -> String {
        match self.restarts {
            Restarts { count: 1.., last: Some(last) } => {
                format!("{} ({} ago)", self.restarts.count, time::age(Some(last), now))
            }
            Restarts { count, .. } => count.to_string(),
        }
    }
}

/// Sums a pod up.
pub(super) fn of(pod: &Value) -> Summary {
    let sidecars = items(pod, "/spec/initContainers").iter().filter(|one| is_sidecar(one)).count();
    let mut seen = Summary {
        status: first_word(pod),
        ready: 0,
        containers: items(pod, "/spec/containers").len() + sidecars,
        restarts: Restarts::default(),
    };
    let (held, of_sidecars) = initialization(pod, &mut seen);
    if !held || condition(pod, "Initialized") {
        seen.restarts = of_sidecars;
        running(pod, &mut seen);
    }
    let deleting = !text(pod, "/metadata/deletionTimestamp").is_empty();
    let ended = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    if deleting && text(pod, "/status/reason") == NODE_LOST {
        "Unknown".clone_into(&mut seen.status);
    } else if deleting && !ended {
        "Terminating".clone_into(&mut seen.status);
    }
    seen
}

/// What is known before looking at containers: the reason of the pod itself, else its phase.
fn first_word(pod: &Value) -> String {
    const GATED: &str = "SchedulingGated";
    let conditions = items(pod, "/status/conditions");
    if conditions.iter().any(|one| one["type"] == "PodScheduled" && one["reason"] == GATED) {
        return GATED.to_owned();
    }
    let reason = text(pod, "/status/reason");
    if reason.is_empty() { text(pod, "/status/phase").to_owned() } else { reason.to_owned() }
}

fn is_sidecar(container: &Value) -> bool {
    text(container, "/restartPolicy") == "Always"
}

fn condition(pod: &Value, kind: &str) -> bool {
    items(pod, "/status/conditions").iter().any(|one| one["type"] == kind && one["status"] == "True")
}

/// Looks at init containers in turn. Returns whether one of them holds the pod back, and the restarts of sidecars.
fn initialization(pod: &Value, seen: &mut Summary) -> (bool, Restarts) {
    let containers = items(pod, "/spec/initContainers");
    let mut of_sidecars = Restarts::default();
    for (nth, status) in items(pod, "/status/initContainerStatuses").iter().enumerate() {
        let sidecar = containers.iter().any(|one| one["name"] == status["name"] && is_sidecar(one));
        seen.restarts.add(status);
        if sidecar {
            of_sidecars.add(status);
        }
        let state = &status["state"];
        let done = state["terminated"].is_object() && integer(state, "/terminated/exitCode") == 0;
        if done {
            continue;
        }
        if sidecar && boolean(status, "/started") {
            seen.ready += usize::from(boolean(status, "/ready"));
            continue;
        }
        let waiting = text(state, "/waiting/reason");
        seen.status = if state["terminated"].is_object() {
            format!("Init:{}", ending(&state["terminated"]))
        } else if waiting.is_empty() || waiting == "PodInitializing" {
            format!("Init:{nth}/{}", containers.len())
        } else {
            format!("Init:{waiting}")
        };
        return (true, of_sidecars);
    }
    (false, of_sidecars)
}

/// Looks at the containers proper; the first one that has something to tell names the status.
fn running(pod: &Value, seen: &mut Summary) {
    let mut any_running = false;
    for status in items(pod, "/status/containerStatuses").iter().rev() {
        seen.restarts.add(status);
        let state = &status["state"];
        let waiting = text(state, "/waiting/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut seen.status);
        } else if state["terminated"].is_object() {
            seen.status = ending(&state["terminated"]);
        } else if boolean(status, "/ready") && state["running"].is_object() {
            any_running = true;
            seen.ready += 1;
        }
    }
    if seen.status == "Completed" && any_running {
        let word = if condition(pod, "Ready") { "Running" } else { "NotReady" };
        word.clone_into(&mut seen.status);
    }
}

/// Why a container ended: its reason, else its signal, else its exit code.
fn ending(terminated: &Value) -> String {
    match (text(terminated, "/reason"), integer(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", integer(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(status: &Value, expected: &str) {
        check_pod(&json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}, "status": status}), expected);
    }

    fn check_pod(pod: &Value, expected: &str) {
        let seen = of(pod);
        let now = time::parse("2026-01-01T00:10:00Z").unwrap();
        let shown = format!("{}/{} {} {}", seen.ready, seen.containers, seen.status, seen.restarts_text(now));
        assert_eq!(shown, expected, "{pod}");
    }

    #[test]
    fn containers_name_the_status() {
        let running = json!({"ready": true, "state": {"running": {}}});
        let waiting = |reason: &str| json!({"state": {"waiting": {"reason": reason}}});
        let ended = |reason: &str, code: i64| json!({"state": {"terminated": {"reason": reason, "exitCode": code}}});
        check(&json!({"phase": "Pending"}), "0/2 Pending 0");
        check(&json!({"phase": "Running", "containerStatuses": [running, running]}), "2/2 Running 0");
        for reason in ["ContainerCreating", "CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull"] {
            check(
                &json!({"phase": "Pending", "containerStatuses": [waiting(reason), running]}),
                &format!("1/2 {reason} 0"),
            );
        }
        for reason in ["OOMKilled", "Error", "Completed"] {
            check(&json!({"phase": "Failed", "containerStatuses": [ended(reason, 1)]}), &format!("0/2 {reason} 0"));
        }
        check(&json!({"phase": "Failed", "containerStatuses": [ended("", 3)]}), "0/2 ExitCode:3 0");
        check(&json!({"phase": "Running", "containerStatuses": [ended("Completed", 0), running]}), "1/2 NotReady 0");
        check(&json!({"phase": "Failed", "reason": "Evicted"}), "0/2 Evicted 0");
        let gated = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]});
        check(&gated, "0/2 SchedulingGated 0");
    }

    #[test]
    fn restarts_say_when_the_last_was() {
        let last = json!({"terminated": {"finishedAt": "2026-01-01T00:05:00Z"}});
        let again = json!({"ready": true, "restartCount": 3, "state": {"running": {}}, "lastState": last});
        check(&json!({"phase": "Running", "containerStatuses": [again]}), "1/2 Running 3 (5m ago)");
        let unknown = json!({"restartCount": 3, "state": {"running": {}}});
        check(&json!({"phase": "Running", "containerStatuses": [unknown]}), "0/2 Running 3");
    }

    #[test]
    fn initialization_comes_first() {
        let pod = |statuses: Value| {
            json!({
                "spec": {"containers": [{"name": "a"}], "initContainers": [{"name": "s", "restartPolicy": "Always"},
                {"name": "i"}]},
                "status": {"phase": "Pending", "initContainerStatuses": statuses,
                    "containerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}]},
            })
        };
        let sidecar = json!({"name": "s", "started": true, "ready": true, "restartCount": 2, "state": {"running": {}}});
        check_pod(&pod(json!([{"name": "s", "state": {"waiting": {}}}])), "0/2 Init:0/2 0");
        check_pod(&pod(json!([sidecar, {"name": "i", "state": {"running": {}}}])), "1/2 Init:1/2 2");
        let failed =
            json!({"name": "i", "restartCount": 1, "state": {"terminated": {"exitCode": 1, "reason": "Error"}}});
        check_pod(&pod(json!([sidecar, failed])), "1/2 Init:Error 3");
        let done = json!({"name": "i", "restartCount": 1, "state": {"terminated": {"exitCode": 0}}});
        check_pod(&pod(json!([sidecar, done])), "1/2 PodInitializing 2");
    }

    #[test]
    fn deletion_overrides_until_the_pod_has_ended() {
        let pod = |status: Value| json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": status});
        check_pod(&pod(json!({"phase": "Running"})), "0/0 Terminating 0");
        check_pod(&pod(json!({"phase": "Running", "reason": "NodeLost"})), "0/0 Unknown 0");
        check_pod(&pod(json!({"phase": "Succeeded"})), "0/0 Succeeded 0");
    }
}
