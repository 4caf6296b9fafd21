//! Pods whose resources change while they run.

use super::*;

const MEGA: u64 = 1 << 20;

/// A pod of one container at that generation, asking for that much.
fn asking(name: &str, generation: i64, cpu: &str, extra: Value) -> Pod {
    let mut container = json!({ "name": "c", "image": "r/linux",
        "resources": { "requests": { "cpu": cpu, "memory": "10Mi" }, "limits": { "memory": "100Mi" } } });
    container.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap());
    let mut pod = pod(json!({ "containers": [container] }));
    pod.metadata.name = Some(name.to_owned());
    pod.metadata.uid = Some(name.to_owned());
    pod.metadata.generation = Some(generation);
    pod
}

/// A condition: reason, message and generation.
fn told(status: &PodStatus, kind: &str) -> Option<(String, String, i64)> {
    let found = status.conditions.iter().flatten().find(|condition| condition.type_ == kind)?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Some((text(&found.reason), text(&found.message), found.observed_generation.unwrap_or_default()))
}

fn cpu(status: &PodStatus) -> [String; 2] {
    let container = container(status, "c").unwrap();
    let has = container.resources.as_ref().and_then(|resources| resources.requests.clone());
    [has, container.allocated_resources.clone()].map(|amounts| amounts.unwrap_or_default()["cpu"].0.clone())
}

async fn heard(node: &Node, reason: &str) {
    for _ in 0..1000 {
        if node.cluster.reasons.lock().unwrap().iter().any(|told| told == reason) {
            return;
        }
        node.seam.sleep(Duration::from_millis(2)).await;
    }
    panic!("no event {reason} among {:?}", node.cluster.reasons.lock().unwrap());
}

#[tokio::test]
async fn a_resize_is_given_and_told() {
    let node = Node::new(FakeRuntime::new()).await;
    node.pods.apply(asking("one", 1, "100m", json!({})));
    node.until("it runs", ready).await;
    node.pods.apply(asking("one", 2, "300m", json!({})));
    let status = node.until("it has more", |s| cpu(s) == ["300m", "300m"]).await;
    assert_eq!((told(&status, "PodResizePending"), container(&status, "c").unwrap().restart_count), (None, 0));
    heard(&node, "ResizeStarted").await;
    heard(&node, "ResizeCompleted").await;
    node.until("nothing is under way", |s| told(s, "PodResizeInProgress").is_none()).await;
}

#[tokio::test]
async fn what_the_node_never_has_is_infeasible_and_changes_nothing() {
    let node = Node::new(FakeRuntime::new()).await;
    node.pods.apply(asking("one", 1, "100m", json!({})));
    node.until("it runs", ready).await;
    node.pods.apply(asking("one", 2, "3", json!({})));
    let status = node.until("it is told", |s| told(s, "PodResizePending").is_some()).await;
    let message = "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000".to_owned();
    assert_eq!(told(&status, "PodResizePending"), Some(("Infeasible".to_owned(), message, 2)));
    assert_eq!(cpu(&status), ["100m", "100m"]);
    heard(&node, "ResizeInfeasible").await;
    assert!(!node.calls().iter().any(|call| call.starts_with("update")), "{:?}", node.calls());
}

#[tokio::test]
async fn a_deferred_resize_gets_its_room_when_another_pod_goes() {
    let node = Node::new(FakeRuntime::new()).await;
    let mut other = asking("other", 1, "1500m", json!({}));
    node.pods.apply(other.clone());
    node.until("the other runs", ready).await;
    node.pods.apply(asking("one", 1, "100m", json!({})));
    node.until("it runs", |s| ready(s) && cpu(s) == ["100m", "100m"]).await;
    node.pods.apply(asking("one", 2, "1", json!({})));
    let status = node.until("it waits", |s| told(s, "PodResizePending").is_some()).await;
    let message = "Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000".to_owned();
    assert_eq!(told(&status, "PodResizePending"), Some(("Deferred".to_owned(), message, 2)));
    heard(&node, "ResizeDeferred").await;
    other.metadata.deletion_timestamp = Some(crate::status::seconds(node.seam.now()));
    node.pods.apply(other);
    let status = node.until("it has more", |s| ready(s) && cpu(s) == ["1", "1"]).await;
    assert_eq!(told(&status, "PodResizePending"), None);
}

#[tokio::test]
async fn memory_in_use_is_not_taken_and_the_pod_says_so() {
    let runtime = FakeRuntime::new();
    *runtime.memory.lock().unwrap() = 60 * MEGA;
    let node = Node::new(runtime).await;
    let with = |limit: &str| json!({ "resources": { "requests": { "cpu": "1m" }, "limits": { "memory": limit } } });
    node.pods.apply(asking("one", 1, "", with("100Mi")));
    node.until("it runs", ready).await;
    node.pods.apply(asking("one", 2, "", with("50Mi")));
    let failed = |s: &PodStatus| told(s, "PodResizeInProgress").is_some_and(|(reason, ..)| reason == "Error");
    let status = node.until("it is told", failed).await;
    let (_, message, generation) = told(&status, "PodResizeInProgress").unwrap();
    let part = |whose: &str| {
        format!("attempting to set {whose} memory limit ({}) below current usage ({})", 50 * MEGA, 60 * MEGA)
    };
    assert_eq!(message, format!("cannot decrease memory limits: [{}, {}]", part("pod"), part("container \"c\"")));
    assert_eq!(generation, 2);
    heard(&node, "ResizeError").await;
    *node.runtime.memory.lock().unwrap() = 10 * MEGA;
    node.until("it is tried again", |s| told(s, "PodResizeInProgress").is_none()).await;
}

#[tokio::test]
async fn a_promise_outlives_the_agent() {
    let runtime = FakeRuntime::new();
    let first = Node::new(Arc::clone(&runtime)).await;
    first.pods.apply(asking("one", 1, "100m", json!({})));
    first.until("it runs", ready).await;
    first.pods.apply(asking("one", 2, "200m", json!({})));
    first.until("it has more", |s| cpu(s) == ["200m", "200m"]).await;
    first.pods.stop();

    // While no agent looks, the pod is asked to have more than there is.
    let second = Node::on(runtime, first.dir).await;
    second.pods.apply(asking("one", 3, "9", json!({})));
    let status = second.until("it is told", |s| told(s, "PodResizePending").is_some()).await;
    assert_eq!(cpu(&status), ["200m", "200m"], "what was promised is not forgotten");
    assert_eq!(container(&status, "c").unwrap().restart_count, 0);
}
