//! Plans as tables: a pod, what is seen, and what follows.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use runtime::contract::{Container, ContainerId, ContainerState, Exit, SandboxKind};
use seam::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::backoff::{Backoff, Pace, later};
use crate::observed::{Attempt, Farewell, Life, Observed, Probed, SandboxLife, nanoseconds};

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn pod(spec: Value) -> Pod {
    let metadata = json!({ "name": "p", "namespace": "ns", "uid": "u" });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
}

fn simple() -> Pod {
    pod(json!({ "containers": [{ "name": "a", "image": "i" }] }))
}

fn container(name: &str, attempt: u32, state: ContainerState) -> Container {
    Container {
        id: ContainerId(format!("{name}{attempt}").into()),
        sandbox: runtime::contract::SandboxId("u".into()),
        name: name.to_owned(),
        attempt,
        image: "i@sha256:0".to_owned(),
        kind: SandboxKind::Linux,
        state,
        user: None,
        log_path: "/l".into(),
    }
}

fn running(name: &str) -> Container {
    container(name, 0, ContainerState::Running { started_at: 1, pid: 1 })
}

fn exited(name: &str, attempt: u32, code: i32) -> Container {
    let finished_at = nanoseconds(now());
    let exit = Exit {
        started_at: 1,
        finished_at,
        code,
        signal: None,
        oom_killed: false,
        message: String::new(),
        reason: String::new(),
    };
    container(name, attempt, ContainerState::Exited(exit))
}

/// A pod whose sandbox runs and whose images are there.
fn seen(containers: Vec<Container>) -> Observed {
    let mut seen = Observed {
        start: Some(now()),
        volumes: Attempt::already(now()),
        making: Attempt::already(()),
        sandbox: SandboxLife::Ready,
        ..Observed::default()
    };
    for name in ["a", "b", "init", "side"] {
        let image = Attempt::already(crate::fake::image("i"));
        seen.containers.insert(name.to_owned(), Life { image, ..Life::default() });
    }
    containers.into_iter().for_each(|container| seen.heard(container));
    seen
}

/// The steps as short words.
fn check(pod: &Pod, seen: &Observed, expected: &[&str]) -> Plan {
    let plan = plan(pod, seen, now());
    let words: Vec<String> = plan
        .steps
        .iter()
        .map(|step| match step {
            Step::Image { container } => format!("image {container}"),
            Step::Start { container, attempt } => format!("start {container}#{attempt}"),
            Step::Resume { container, .. } => format!("resume {container}"),
            Step::Stop { container, grace, hooked: true, .. } => {
                format!("stop {container} {}s, hooked", grace.as_secs())
            }
            Step::Stop { container, grace, .. } => format!("stop {container} {}s", grace.as_secs()),
            Step::Farewell { container, grace, .. } => format!("farewell {container} {}s", grace.as_secs()),
            other => format!("{other:?}").to_lowercase(),
        })
        .collect();
    assert_eq!(words, expected);
    plan
}

#[test]
fn begins_with_volumes_and_image_then_sandbox_then_container() {
    let mut seen = Observed::default();
    check(&simple(), &seen, &["volumes", "image a"]);
    seen.volumes = Attempt::already(now());
    check(&simple(), &seen, &["sandbox", "image a"]);
    check(&simple(), &self::seen(vec![]), &["start a#0"]);
    check(&simple(), &self::seen(vec![running("a")]), &[]);
    check(&simple(), &self::seen(vec![container("a", 0, ContainerState::Created)]), &["resume a"]);
}

#[test]
fn a_failure_is_shown_until_the_next_attempt_has_ended() {
    let mut seen = seen(vec![]);
    let failure = ("CreateContainerConfigError".to_owned(), "secret \"s\" not found".to_owned());
    let long_ago = "2026-11-23T09:00:00Z".parse().unwrap();
    let life = seen.containers.get_mut("a").unwrap();
    life.making.end(Err(failure), Pace::SOON, long_ago);
    let shown = |seen: &Observed, steps: &[&str]| check(&simple(), seen, steps).waiting["a"].reason.clone();
    assert_eq!(shown(&seen, &["start a#0"]), "CreateContainerConfigError");
    seen.containers.get_mut("a").unwrap().making.begin();
    assert_eq!(shown(&seen, &[]), "CreateContainerConfigError");
}

#[test]
fn restarts_by_policy_and_backs_off() {
    let with = |policy: &str| pod(json!({ "restartPolicy": policy, "containers": [{ "name": "a", "image": "i" }] }));
    for (policy, code, expected) in [
        ("Always", 0, &["start a#1"][..]),
        ("OnFailure", 1, &["start a#1"]),
        ("OnFailure", 0, &["retire"]),
        ("Never", 1, &["retire"]),
    ] {
        check(&with(policy), &seen(vec![exited("a", 0, code)]), expected);
    }
    let mut seen = seen(vec![exited("a", 1, 1)]);
    seen.life_mut("a").restarts = Some(Backoff::next(None, Pace::CRASH, now(), now()));
    let plan = check(&with("Always"), &seen, &[]);
    assert_eq!(plan.look_at, Some(later(now(), Duration::from_secs(10))));
    let message = "back-off 10s restarting failed container=a pod=p_ns(u)".to_owned();
    assert_eq!(plan.waiting["a"], Waiting { reason: "CrashLoopBackOff".to_owned(), message });
}

#[test]
fn initialises_in_order() {
    let pod = pod(json!({
        "initContainers": [{ "name": "side", "image": "i", "restartPolicy": "Always" }, { "name": "init", "image": "i" }],
        "containers": [{ "name": "a", "image": "i" }],
    }));
    check(&pod, &seen(vec![]), &["start side#0"]);
    check(&pod, &seen(vec![running("side")]), &["start init#0"]);
    check(&pod, &seen(vec![running("side"), running("init")]), &[]);
    check(&pod, &seen(vec![running("side"), exited("init", 0, 1)]), &["start init#1"]);
    check(&pod, &seen(vec![running("side"), exited("init", 0, 0)]), &["start a#0"]);
    // Once the pod proper began, only the sidecar is restarted.
    check(&pod, &seen(vec![exited("side", 0, 0), exited("init", 0, 0), running("a")]), &["start side#1"]);
}

#[test]
fn a_sidecar_holds_back_the_next_until_its_startup_probe_succeeds() {
    let pod = pod(json!({
        "initContainers": [{ "name": "side", "image": "i", "restartPolicy": "Always",
                             "startupProbe": { "exec": { "command": ["up"] } } }],
        "containers": [{ "name": "a", "image": "i" }],
    }));
    let mut seen = seen(vec![running("side")]);
    check(&pod, &seen, &[]);
    seen.life_mut("side").probed.started = true;
    check(&pod, &seen, &["start a#0"]);
    seen.life_mut("side").probed = Probed { failed: Some("startup"), ..Probed::default() };
    let plan = check(&pod, &seen, &["stop side 30s"]);
    assert!(format!("{:?}", plan.steps).contains("\"Init container side failed startup probe\""));
}

#[test]
fn a_container_waits_for_the_hook_of_the_one_before() {
    let pod = pod(json!({ "containers": [
        { "name": "a", "image": "i", "lifecycle": { "postStart": { "sleep": { "seconds": 1 } } } },
        { "name": "b", "image": "i" },
    ] }));
    check(&pod, &seen(vec![]), &["start a#0"]);
    let mut hooking = seen(vec![running("a")]);
    hooking.life_mut("a").hooking = true;
    check(&pod, &hooking, &[]);
    check(&pod, &seen(vec![running("a")]), &["start b#0"]);
    // One that cannot be had holds up nobody.
    let mut failed = seen(vec![]);
    let life = failed.life_mut("a");
    life.image = Attempt::default();
    life.image.end(Err(("ErrImagePull".to_owned(), String::new())), Pace::CRASH, now());
    check(&pod, &failed, &["start b#0"]);
}

#[test]
fn who_looks_into_a_pod_is_made_once_and_ends_with_it() {
    let mut pod = pod(json!({
        "initContainers": [{ "name": "init", "image": "i" }],
        "containers": [{ "name": "a", "image": "i" }],
        "ephemeralContainers": [{ "name": "b", "image": "i", "targetContainerName": "init" }],
    }));
    check(&pod, &seen(vec![running("init")]), &["start b#0"]);
    check(&pod, &seen(vec![running("init"), exited("b", 0, 1)]), &[]);
    pod.metadata.deletion_timestamp = Some(crate::status::seconds(later(now(), Duration::from_secs(9))));
    check(&pod, &seen(vec![exited("init", 0, 0), running("a"), running("b")]), &["stop a 9s", "stop b 9s"]);
}

#[test]
fn a_rule_of_its_own_restarts_a_container() {
    let codes = json!({ "operator": "In", "values": [42] });
    let pod =
        pod(json!({ "restartPolicy": "Never", "containers": [{ "name": "a", "image": "i", "restartPolicy": "Never",
        "restartPolicyRules": [{ "action": "Restart", "exitCodes": codes }] }] }));
    check(&pod, &seen(vec![exited("a", 0, 42)]), &["start a#1"]);
    check(&pod, &seen(vec![exited("a", 1, 1)]), &["retire"]);
}

#[test]
fn ends_by_force_of_deletion_within_the_grace_that_is_left() {
    let mut pod = pod(json!({
        "initContainers": [{ "name": "side", "image": "i", "restartPolicy": "Always" }],
        "containers": [{ "name": "a", "image": "i" }, { "name": "b", "image": "i" }],
    }));
    let until = later(now(), Duration::from_secs(20));
    pod.metadata.deletion_timestamp = Some(crate::status::seconds(until));
    let all = || vec![running("side"), running("a"), running("b")];
    check(&pod, &seen(all()), &["stop a 20s", "stop b 20s"]);
    let mut stopping = seen(all());
    stopping.life_mut("a").stopping = Some(until);
    stopping.life_mut("b").stopping = Some(until);
    check(&pod, &stopping, &[]);
    check(&pod, &seen(vec![running("side"), exited("a", 0, 0), exited("b", 0, 0)]), &["stop side 20s"]);
    let mut seen = seen(vec![exited("a", 0, 0), exited("b", 0, 0)]);
    check(&pod, &seen, &["remove"]);
    seen.sandbox = SandboxLife::Removed;
    check(&pod, &seen, &["confirmdeletion"]);
    seen.gone = true;
    check(&pod, &seen, &["forget"]);
}

#[test]
fn a_sidecar_says_farewell_before_its_turn_to_end() {
    let hook = json!({ "preStop": { "sleep": { "seconds": 5 } } });
    let mut pod = pod(json!({
        "initContainers": [{ "name": "side", "image": "i", "restartPolicy": "Always", "lifecycle": hook }],
        "containers": [{ "name": "a", "image": "i" }],
    }));
    pod.metadata.deletion_timestamp = Some(crate::status::seconds(later(now(), Duration::from_secs(20))));
    let mut seen = seen(vec![running("side"), running("a")]);
    check(&pod, &seen, &["stop a 20s", "farewell side 20s"]);
    seen.life_mut("side").farewell = Farewell::Underway;
    seen.heard(exited("a", 0, 0));
    check(&pod, &seen, &[]);
    let mut hurried = pod.clone();
    hurried.metadata.deletion_timestamp = Some(crate::status::seconds(now()));
    check(&hurried, &seen, &["stop side 1s, hooked"]);
    seen.life_mut("side").farewell = Farewell::Said;
    check(&pod, &seen, &["stop side 20s, hooked"]);
}

#[test]
fn stops_what_its_probe_gave_up() {
    let mut seen = seen(vec![running("a")]);
    seen.life_mut("a").probed.failed = Some("liveness");
    let plan = check(&simple(), &seen, &["stop a 30s"]);
    assert!(format!("{:?}", plan.steps).contains("\"Container a failed liveness probe, will be restarted\""));
}

#[test]
fn replaces_a_container_whose_image_changed_whatever_its_policy() {
    let never = pod(json!({ "restartPolicy": "Never", "containers": [{ "name": "a", "image": "new" }] }));
    let mut changed = seen(vec![running("a")]);
    changed.life_mut("a").asked = Some("new".to_owned());
    check(&never, &changed, &[]);
    changed.life_mut("a").asked = Some("old".to_owned());
    let plan = check(&never, &changed, &["stop a 30s"]);
    assert!(format!("{:?}", plan.steps).contains("\"Container a definition changed, will be restarted\""));
    let mut stopped = seen(vec![exited("a", 0, 143)]);
    check(&never, &stopped, &["retire"]);
    stopped.life_mut("a").replaced = true;
    check(&never, &stopped, &["start a#1"]);
}

#[test]
fn renews_a_lost_sandbox_with_its_containers() {
    let mut seen = seen(vec![running("a")]);
    seen.lost(now());
    check(&simple(), &seen, &["renew"]);
}

#[test]
fn ends_at_its_deadline() {
    let mut pod = simple();
    pod.spec.as_mut().unwrap().active_deadline_seconds = Some(5);
    let mut seen = seen(vec![running("a")]);
    assert_eq!(check(&pod, &seen, &[]).look_at, Some(later(now(), Duration::from_secs(5))));
    seen.start = Some(now().checked_sub(Duration::from_secs(6)).unwrap());
    check(&pod, &seen, &["stop a 30s"]);
}

#[test]
fn counts_on_from_what_the_api_remembers() {
    let mut pod = simple();
    pod.status = serde_json::from_value(json!({ "containerStatuses": [{
        "name": "a", "image": "i", "imageID": "", "ready": false, "restartCount": 4, "containerID": "bireme://x",
    }] }))
    .unwrap();
    check(&pod, &seen(vec![]), &["start a#5"]);
}

#[test]
fn a_rule_makes_all_containers_begin_again_in_order() {
    let codes = json!({ "operator": "In", "values": [42] });
    let rules = json!([{ "action": "RestartAllContainers", "exitCodes": codes }]);
    let pod = pod(json!({
        "restartPolicy": "Never", "terminationGracePeriodSeconds": 7,
        "initContainers": [{ "name": "init", "image": "i" }],
        "containers": [
            { "name": "a", "image": "i", "restartPolicy": "Never", "restartPolicyRules": rules },
            { "name": "b", "image": "i" },
        ],
    }));
    let done = || exited("init", 0, 0);
    check(&pod, &seen(vec![done(), exited("a", 0, 1), running("b")]), &[]);
    let mut seen = seen(vec![done(), exited("a", 0, 42), running("b")]);
    check(&pod, &seen, &["stop b 7s, hooked"]);
    seen.heard(exited("b", 0, 137));
    check(&pod, &seen, &["startover { because: \"a\" }"]);
    seen.start_over(&pod, "a", now());
    check(&pod, &seen, &["start init#1"]);
    seen.heard(exited("init", 1, 0));
    check(&pod, &seen, &["start a#1", "start b#1"]);
    // The second time it waits, as any other restart does.
    seen.heard(exited("a", 1, 42));
    let plan = check(&pod, &seen, &[]);
    assert_eq!(plan.waiting["a"].reason, "CrashLoopBackOff");
    assert_eq!(plan.look_at, Some(later(now(), Duration::from_secs(10))));
}
