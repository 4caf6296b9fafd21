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
    Container {
        id: ContainerId("x1".into()),
        sandbox: SandboxId("u".into()),
        name: "a".to_owned(),
        attempt: 0,
        image: "r/i@sha256:0".to_owned(),
        kind: SandboxKind::Wasm,
        state,
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
        [{"containerID":"bireme://x1","image":"r/i","imageID":"r/i@sha256:0","lastState":{},"name":"a","ready":true,"restartCount":0,"started":true,"state":{"running":{"startedAt":"2026-11-23T10:00:00Z"}}}]
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
        [{"containerID":"bireme://x1","image":"r/i","imageID":"r/i@sha256:0","lastState":{},"name":"a","ready":false,"restartCount":0,"started":false,"state":{"terminated":{"containerID":"bireme://x1","exitCode":134,"finishedAt":"2026-11-23T10:00:01Z","message":"wasm trap: unreachable","reason":"WasmTrap","startedAt":"2026-11-23T10:00:00Z"}}}]
    "#]],
    );
}
