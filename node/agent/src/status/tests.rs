//! Statuses as a kubelet writes them.

use expect_test::{Expect, expect};
use k8s_openapi::api::core::v1::Pod;
use runtime::contract::{Container, ContainerId, ContainerState, Exit, SandboxId, SandboxKind};
use serde_json::json;

use super::*;
use crate::observed::{Attempt, SandboxLife};
use crate::plan;

const SECOND: i64 = 1_000_000_000;

fn container(state: ContainerState) -> Container {
    named("a", state)
}

fn named(name: &str, state: ContainerState) -> Container {
    Container {
        id: ContainerId("x1".into()),
        sandbox: SandboxId("u".into()),
        name: name.to_owned(),
        attempt: 0,
        image: "r/i@sha256:0".to_owned(),
        kind: SandboxKind::Wasm,
        state,
        user: None,
        log_path: "/l".into(),
    }
}

fn check(policy: &str, containers: Vec<Container>, expected: &Expect) {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": "p", "namespace": "ns", "uid": "u", "generation": 1 },
        "spec": { "restartPolicy": policy, "containers": [{ "name": "a", "image": "r/i" }] },
        "status": { "phase": "Pending", "qosClass": "BestEffort", "conditions": [
            { "type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-23T09:59:00Z" },
        ] },
    }))
    .unwrap();
    let now = "2026-11-23T10:00:00Z".parse().unwrap();
    let mut seen = Observed {
        start: Some(now),
        volumes: Attempt::already(now),
        making: Attempt::already(()),
        sandbox: SandboxLife::Ready,
        addresses: vec!["10.1.0.5".parse().unwrap()],
        ..Observed::default()
    };
    containers.into_iter().for_each(|container| seen.heard(container));
    let plan = plan::plan(&pod, &seen, now);
    let node = ["192.0.2.1".parse().unwrap()];
    let before = pod.status.clone().unwrap();
    let status = status(&Facts { pod: &pod, before: &before, seen: &seen, plan: &plan, node: &node, now });
    let conditions = status.conditions.iter().flatten().map(|c| {
        let why = c.reason.iter().chain(&c.message).cloned().collect::<Vec<_>>().join(": ");
        format!("{}={} {why}\n", c.type_, c.status)
    });
    let mut text =
        format!("{} {}\n", status.phase.clone().unwrap_or_default(), status.pod_ip.clone().unwrap_or_default());
    text.extend(conditions);
    text.push_str(&serde_json::to_string(&status.container_statuses).unwrap());
    text.push('\n');
    expected.assert_eq(&text);
}

#[test]
fn of_a_pod_that_is_made() {
    check(
        "Always",
        vec![],
        &expect![[r#"
        Pending 10.1.0.5
        PodReadyToStartContainers=True 
        Initialized=True 
        Ready=False ContainersNotReady: containers with unready status: [a]
        ContainersReady=False ContainersNotReady: containers with unready status: [a]
        PodScheduled=True 
        [{"image":"r/i","imageID":"","lastState":{},"name":"a","ready":false,"restartCount":0,"started":false,"state":{"waiting":{"reason":"ContainerCreating"}}}]
    "#]],
    );
}

#[test]
fn of_a_running_pod() {
    let running = container(ContainerState::Running { started_at: 1_795_428_000 * SECOND, pid: 1 });
    check(
        "Always",
        vec![running],
        &expect![[r#"
            Running 10.1.0.5
            PodReadyToStartContainers=True 
            Initialized=True 
            Ready=True 
            ContainersReady=True 
            PodScheduled=True 
            [{"containerID":"bireme://x1","image":"r/i","imageID":"r/i@sha256:0","lastState":{},"name":"a","ready":true,"resources":{},"restartCount":0,"started":true,"state":{"running":{"startedAt":"2026-11-23T10:00:00Z"}}}]
        "#]],
    );
}

#[test]
fn of_a_failed_pod() {
    let exit = Exit {
        started_at: 1_795_428_000 * SECOND,
        finished_at: 1_795_428_001 * SECOND,
        code: 134,
        signal: Some(6),
        oom_killed: false,
        message: "wasm trap: unreachable".to_owned(),
        reason: "WasmTrap".to_owned(),
    };
    check(
        "Never",
        vec![container(ContainerState::Exited(exit))],
        &expect![[r#"
            Failed 10.1.0.5
            PodReadyToStartContainers=True 
            Initialized=True 
            Ready=False PodFailed
            ContainersReady=False PodFailed
            PodScheduled=True 
            [{"containerID":"bireme://x1","image":"r/i","imageID":"r/i@sha256:0","lastState":{},"name":"a","ready":false,"resources":{},"restartCount":0,"started":false,"state":{"terminated":{"containerID":"bireme://x1","exitCode":134,"finishedAt":"2026-11-23T10:00:01Z","message":"wasm trap: unreachable","reason":"WasmTrap","startedAt":"2026-11-23T10:00:00Z"}}}]
        "#]],
    );
}

#[test]
fn of_a_pod_that_waits_after_it_took_too_much_memory() {
    let exit = Exit {
        started_at: 1_795_428_000 * SECOND,
        finished_at: 1_795_428_001 * SECOND,
        code: 137,
        signal: Some(9),
        oom_killed: true,
        message: String::new(),
        reason: String::new(),
    };
    check(
        "Always",
        vec![container(ContainerState::Exited(exit))],
        &expect![[r#"
        Running 10.1.0.5
        PodReadyToStartContainers=True 
        Initialized=True 
        Ready=False ContainersNotReady: containers with unready status: [a]
        ContainersReady=False ContainersNotReady: containers with unready status: [a]
        PodScheduled=True 
        [{"containerID":"bireme://x1","image":"r/i","imageID":"r/i@sha256:0","lastState":{"terminated":{"containerID":"bireme://x1","exitCode":137,"finishedAt":"2026-11-23T10:00:01Z","reason":"OOMKilled","startedAt":"2026-11-23T10:00:00Z"}},"name":"a","ready":false,"resources":{},"restartCount":0,"started":false,"state":{"waiting":{"message":"back-off 0s restarting failed container=a pod=p_ns(u)","reason":"CrashLoopBackOff"}}}]
    "#]],
    );
}

#[test]
fn last_words_share_what_a_pod_may_say() {
    let words = |others: usize, said: &str| {
        let all = (0..others).map(|nth| json!({"name": format!("x{nth}"), "image": "r/i"}));
        let all: Vec<_> = [json!({"name": "a", "image": "r/i"})].into_iter().chain(all).collect();
        let pod = json!({"metadata": {"name": "p"}, "spec": {"restartPolicy": "Never", "containers": all}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let Container { state: ContainerState::Exited(exit), .. } = exited("a", 1) else { unreachable!() };
        let mut seen = Observed::default();
        seen.heard(named("a", ContainerState::Exited(Exit { message: said.to_owned(), ..exit })));
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let (plan, before) = (plan::plan(&pod, &seen, now), PodStatus::default());
        let status = status(&Facts { pod: &pod, before: &before, seen: &seen, plan: &plan, node: &[], now });
        let ended = status.container_statuses.unwrap().remove(0).state.unwrap().terminated.unwrap();
        ended.message.unwrap()
    };
    assert_eq!(words(0, &"w".repeat(4096)).len(), 4096);
    assert_eq!(words(3, &"w".repeat(4096)).len(), 3072);
    assert_eq!(words(11, &"w".repeat(4096)).len(), 1024);
    // No letter is cut in two.
    assert_eq!(words(11, &format!("w{}", "ü".repeat(2000))).len(), 1023);
}

fn running(name: &str) -> Container {
    named(name, ContainerState::Running { started_at: SECOND, pid: 1 })
}

fn exited(name: &str, code: i32) -> Container {
    let exit = Exit {
        started_at: SECOND,
        finished_at: 1_795_428_000 * SECOND,
        code,
        signal: None,
        oom_killed: false,
        message: String::new(),
        reason: String::new(),
    };
    named(name, ContainerState::Exited(exit))
}

/// The phase, the conditions that do not simply hold, and each container as `name=state`, with `+` when it is ready.
fn summary(pod: &serde_json::Value, containers: Vec<Container>, change: impl FnOnce(&mut Observed)) -> String {
    let mut pod = pod.clone();
    pod["metadata"] = json!({ "name": "p", "namespace": "ns", "uid": "u" });
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let now = "2026-11-23T10:00:00Z".parse().unwrap();
    let mut seen = Observed { start: Some(now), sandbox: SandboxLife::Ready, ..Observed::default() };
    containers.into_iter().for_each(|container| seen.heard(container));
    change(&mut seen);
    let plan = plan::plan(&pod, &seen, now);
    let before = pod.status.clone().unwrap_or_default();
    let status = status(&Facts { pod: &pod, before: &before, seen: &seen, plan: &plan, node: &[], now });
    let mut text = status.phase.unwrap_or_default();
    text.extend(status.reason.map(|reason| format!(" ({reason})")));
    for condition in status.conditions.iter().flatten().filter(|c| c.status != "True" || c.reason.is_some()) {
        let why = [condition.reason.clone(), condition.message.clone()].into_iter().flatten().collect::<Vec<_>>();
        text.push_str(&format!("\n{}={} {}", condition.type_, condition.status, why.join(": ")));
    }
    let lists = [status.init_container_statuses, status.container_statuses, status.ephemeral_container_statuses];
    text.push('\n');
    for status in lists.into_iter().flatten().flatten() {
        let state = status.state.unwrap();
        let waits = state.waiting.and_then(|waiting| waiting.reason);
        let state = waits.unwrap_or_else(|| if state.running.is_some() { "running" } else { "ended" }.to_owned());
        text.push_str(&format!("{}={state}{} ", status.name, if status.ready { "+" } else { "" }));
    }
    text.trim_end().to_owned()
}

fn spec(policy: &str) -> serde_json::Value {
    json!({ "spec": {
        "restartPolicy": policy,
        "initContainers": [{ "name": "side", "restartPolicy": "Always" }, { "name": "init" }],
        "containers": [{ "name": "b" }, { "name": "a" }],
    } })
}

#[test]
fn of_a_pod_on_its_way_through_its_init_containers() {
    let always = spec("Always");
    let text = [
        summary(&always, vec![], |_| {}),
        summary(&always, vec![running("side")], |_| {}),
        summary(&always, vec![running("side"), running("init")], |_| {}),
        summary(&always, vec![running("side"), exited("init", 0)], |_| {}),
        summary(&always, vec![running("side"), exited("init", 0), running("a"), running("b")], |_| {}),
    ];
    expect![[r#"
        Pending
        Initialized=False ContainersNotInitialized: containers with incomplete status: [side init]
        Ready=False ContainersNotReady: containers with unready status: [side b a]
        ContainersReady=False ContainersNotReady: containers with unready status: [side b a]
        side=PodInitializing init=PodInitializing a=PodInitializing b=PodInitializing

        Pending
        Initialized=False ContainersNotInitialized: containers with incomplete status: [init]
        Ready=False ContainersNotReady: containers with unready status: [b a]
        ContainersReady=False ContainersNotReady: containers with unready status: [b a]
        side=running+ init=PodInitializing a=PodInitializing b=PodInitializing

        Pending
        Initialized=False ContainersNotInitialized: containers with incomplete status: [init]
        Ready=False ContainersNotReady: containers with unready status: [b a]
        ContainersReady=False ContainersNotReady: containers with unready status: [b a]
        side=running+ init=running a=PodInitializing b=PodInitializing

        Pending
        Ready=False ContainersNotReady: containers with unready status: [b a]
        ContainersReady=False ContainersNotReady: containers with unready status: [b a]
        side=running+ init=ended+ a=PodInitializing b=PodInitializing

        Running
        side=running+ init=ended+ a=running+ b=running+"#]]
    .assert_eq(&text.join("\n\n"));
}

#[test]
fn of_a_pod_whose_init_container_failed() {
    let both = || vec![running("side"), exited("init", 1)];
    let ended = || vec![exited("side", 0), exited("init", 1)];
    let text = [summary(&spec("Never"), both(), |_| {}), summary(&spec("Never"), ended(), |_| {})];
    expect![[r#"
        Pending
        Initialized=False ContainersNotInitialized: containers with incomplete status: [init]
        Ready=False ContainersNotReady: containers with unready status: [b a]
        ContainersReady=False ContainersNotReady: containers with unready status: [b a]
        side=running+ init=ended a=PodInitializing b=PodInitializing

        Failed
        Initialized=False ContainersNotInitialized: containers with incomplete status: [side init]
        Ready=False PodFailed
        ContainersReady=False PodFailed
        side=ended init=ended a=PodInitializing b=PodInitializing"#]]
    .assert_eq(&text.join("\n\n"));
}

#[test]
fn of_a_pod_whose_work_is_done_while_a_sidecar_runs() {
    let done = || vec![exited("init", 0), exited("a", 0), exited("b", 0)];
    let with = |side: Container| {
        let mut all = done();
        all.push(side);
        all
    };
    let text = [
        summary(&spec("Never"), with(running("side")), |_| {}),
        summary(&spec("Never"), with(exited("side", 137)), |_| {}),
    ];
    expect![[r#"
        Running
        Ready=False ContainersNotReady: containers with unready status: [b a]
        ContainersReady=False ContainersNotReady: containers with unready status: [b a]
        side=running+ init=ended+ a=ended b=ended

        Succeeded
        Initialized=True PodCompleted
        Ready=False PodCompleted
        ContainersReady=False PodCompleted
        side=ended init=ended+ a=ended b=ended"#]]
    .assert_eq(&text.join("\n\n"));
}

#[test]
fn of_a_pod_whose_sidecar_restarts() {
    let all = vec![exited("side", 1), exited("init", 0), running("a"), running("b")];
    expect![[r#"
        Running
        Ready=False ContainersNotReady: containers with unready status: [side]
        ContainersReady=False ContainersNotReady: containers with unready status: [side]
        side=ended init=ended+ a=running+ b=running+"#]]
    .assert_eq(&summary(&spec("Always"), all, |_| {}));
}

#[test]
fn of_a_pod_that_somebody_looks_into_and_one_in_its_hook() {
    let pod = json!({ "spec": {
        "containers": [{ "name": "a" }],
        "ephemeralContainers": [{ "name": "z" }, { "name": "look" }],
    } });
    let text = [
        summary(&pod, vec![running("a"), running("look")], |_| {}),
        summary(&pod, vec![running("a")], |seen| seen.life_mut("a").hooking = true),
    ];
    expect![[r#"
        Running
        a=running+ look=running z=ContainerCreating

        Pending
        Ready=False ContainersNotReady: containers with unready status: [a]
        ContainersReady=False ContainersNotReady: containers with unready status: [a]
        a=ContainerCreating look=ContainerCreating z=ContainerCreating"#]]
    .assert_eq(&text.join("\n\n"));
}

#[test]
fn of_a_pod_with_gates() {
    let gates = json!([{ "conditionType": "x" }, { "conditionType": "y" }, { "conditionType": "z" }]);
    let held = json!([{ "type": "x", "status": "True" }, { "type": "y", "status": "False" }]);
    let pod = json!({ "spec": { "containers": [{ "name": "a" }], "readinessGates": gates }, "status": { "conditions": held } });
    expect![[r#"
        Running
        y=False 
        Ready=False ReadinessGatesNotReady: the status of pod readiness gate "y" is not "True", but False, corresponding condition of pod readiness gate "z" does not exist.
        a=running+"#]].assert_eq(&summary(&pod, vec![running("a")], |_| {}));
}

#[test]
fn of_a_pod_that_the_node_ends() {
    let pod = json!({ "spec": { "restartPolicy": "Never", "activeDeadlineSeconds": 5, "containers": [{ "name": "a" }] }, "status": { "phase": "Running" } });
    let long_ago = |seen: &mut Observed| seen.start = Some("2026-11-23T09:00:00Z".parse().unwrap());
    let text = [summary(&pod, vec![running("a")], long_ago), summary(&pod, vec![exited("a", 143)], long_ago)];
    expect![[r#"
        Running
        a=running+

        Failed (DeadlineExceeded)
        Ready=False PodFailed
        ContainersReady=False PodFailed
        a=ended"#]]
    .assert_eq(&text.join("\n\n"));
}

#[test]
fn of_a_pod_that_is_deleted() {
    let mut pod = json!({ "spec": { "containers": [{ "name": "a" }] }, "status": { "phase": "Running" } });
    let deleted = |pod: &serde_json::Value, containers, sandbox| {
        let mut pod: Pod = serde_json::from_value(pod.clone()).unwrap();
        pod.metadata.deletion_timestamp = Some(seconds("2026-11-23T10:00:30Z".parse().unwrap()));
        let mut seen = Observed { sandbox, ..Observed::default() };
        Vec::<Container>::into_iter(containers).for_each(|container| seen.heard(container));
        let (before, now) = (pod.status.clone().unwrap(), "2026-11-23T10:00:00Z".parse().unwrap());
        let plan = plan::plan(&pod, &seen, now);
        status(&Facts { pod: &pod, before: &before, seen: &seen, plan: &plan, node: &[], now }).phase.unwrap()
    };
    assert_eq!(deleted(&pod, vec![running("a")], SandboxLife::Ready), "Running");
    assert_eq!(deleted(&pod, vec![exited("a", 0)], SandboxLife::Ready), "Succeeded");
    assert_eq!(deleted(&pod, vec![exited("a", 137)], SandboxLife::Removed), "Failed");
    pod["status"]["phase"] = json!("Pending");
    assert_eq!(deleted(&pod, vec![], SandboxLife::Absent), "Pending");
    assert_eq!(deleted(&pod, vec![], SandboxLife::Removed), "Failed", "what never ran has not succeeded");
}
