//! Parts of objects that are written apart from the rest.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_debug_implementations,
    dead_code,
    reason = "tests assert"
)]

mod support;

use http::Method;
use serde_json::{Value, json};
use support::{Cluster, pod};

const PODS: &str = "/api/v1/namespaces/default/pods";
const SETS: &str = "/apis/apps/v1/namespaces/default/replicasets";
const STRATEGIC: (&str, &str) = ("content-type", "application/strategic-merge-patch+json");

/// The message of a refusal, after its code.
fn refusal((code, status): (u16, Value)) -> String {
    format!("{code} {}", status["message"].as_str().unwrap_or_default())
}

async fn strategic(cluster: &Cluster, path: &str, patch: &Value) -> (u16, Value) {
    cluster.admin.ask(Method::PATCH, path, &[STRATEGIC], &patch.to_string()).await
}

#[tokio::test]
async fn a_pod_that_no_budget_protects_is_evicted() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    admin.post(PODS, &pod("a")).await;
    let other = json!({"metadata": {"name": "b"}});
    let wrong = admin.post(&format!("{PODS}/a/eviction"), &other).await;
    assert_eq!(refusal(wrong), "400 name in URL does not match name in Eviction object");
    let own = json!({"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "a"}});
    let dry = admin.post(&format!("{PODS}/a/eviction?dryRun=All"), &own).await;
    assert_eq!((dry.0, &dry.1["status"]), (201, &json!("Success")));
    assert_eq!(admin.get(&format!("{PODS}/a")).await.0, 200, "nothing went for a dry run");
    let uid = json!({"metadata": {"name": "a"}, "deleteOptions": {"preconditions": {"uid": "x"}}});
    assert_eq!(admin.post(&format!("{PODS}/a/eviction"), &uid).await.1["reason"], "Conflict");
    let done = admin.post(&format!("{PODS}/a/eviction"), &own).await;
    let success = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    assert_eq!(done, (201, success));
    assert_eq!(refusal(admin.post(&format!("{PODS}/a/eviction"), &own).await), "404 pods \"a\" not found");
    let unknown = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}});
    assert_eq!(admin.post(&format!("{PODS}/a/eviction"), &unknown).await.0, 400);
    cluster.stop().await;
}

#[tokio::test]
async fn an_evicted_pod_that_runs_says_why_it_goes() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    admin.post(PODS, &pod("a")).await;
    let binding = json!({"metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n1"}});
    admin.post(&format!("{PODS}/a/binding"), &binding).await;
    let eviction = json!({"metadata": {"name": "a"}, "deleteOptions": {"gracePeriodSeconds": 7}});
    assert_eq!(admin.post(&format!("{PODS}/a/eviction"), &eviction).await.0, 201);
    let (_, going) = admin.get(&format!("{PODS}/a")).await;
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 7);
    let conditions = going["status"]["conditions"].as_array().unwrap();
    assert!(conditions.iter().any(|one| one["type"] == "DisruptionTarget" && one["reason"] == "EvictionByEvictionAPI"));
    cluster.stop().await;
}

#[tokio::test]
async fn a_budget_is_spent_by_an_eviction_and_refuses_the_next() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let spec = json!({"minAvailable": 1, "selector": {"matchLabels": {"tier": "web"}}});
    let (code, made) = admin.post(budgets, &json!({"metadata": {"name": "b"}, "spec": spec})).await;
    assert_eq!(code, 201, "{made}");
    for name in ["a", "b"] {
        let mut pod = pod(name);
        pod["metadata"]["labels"] = json!({"tier": "web"});
        admin.post(PODS, &pod).await;
        let binding = json!({"metadata": {"name": name}, "target": {"kind": "Node", "name": "n1"}});
        admin.post(&format!("{PODS}/{name}/binding"), &binding).await;
        let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": null});
        let running = json!({"status": {"phase": "Running", "conditions": [ready]}});
        assert_eq!(admin.merge(&format!("{PODS}/{name}/status"), &running).await.0, 200);
    }
    let evict =
        async |name: &str| admin.post(&format!("{PODS}/{name}/eviction"), &json!({"metadata": {"name": name}})).await;
    let (code, behind) = evict("a").await;
    let cause = |status: &Value| status["details"]["causes"][0]["message"].as_str().unwrap().to_owned();
    assert_eq!((code, cause(&behind)), (429, "The disruption budget b is still being processed by the server.".into()));
    let known = json!({"status": {"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2,
        "disruptionsAllowed": 1}});
    assert_eq!(admin.merge(&format!("{budgets}/b/status"), &known).await.0, 200);
    let (first, second) = futures::future::join(evict("a"), evict("b")).await;
    let mut codes = [first.0, second.0];
    codes.sort_unstable();
    assert_eq!(codes, [201, 429], "two at once spend one disruption: {first:?} {second:?}");
    let (_, spent) = admin.get(&format!("{budgets}/b")).await;
    assert_eq!(spent["status"]["disruptionsAllowed"], 0);
    assert_eq!(spent["status"]["disruptedPods"].as_object().unwrap().len(), 1);
    assert_eq!(spent["status"]["conditions"][0]["reason"], "InsufficientPods");
    let refused = if first.0 == 429 { first.1 } else { second.1 };
    assert_eq!(refused["message"], "Cannot evict pod as it would violate the pod's disruption budget.");
    assert!(cause(&refused).starts_with("The disruption budget b "), "{refused}");
    cluster.stop().await;
}

#[tokio::test]
async fn ephemeral_containers_come_and_stay() {
    let cluster = Cluster::start().await;
    let one = format!("{PODS}/a");
    let part = format!("{one}/ephemeralcontainers");
    let mut early = pod("a");
    early["spec"]["ephemeralContainers"] = json!([{"name": "d", "image": "i"}]);
    let refused = "422 Pod \"a\" is invalid: spec.ephemeralContainers: Forbidden: cannot be set on create";
    assert_eq!(refusal(cluster.admin.post(PODS, &early).await), refused);
    cluster.admin.post(PODS, &pod("a")).await;
    let debugger = json!({"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox", "targetContainerName": "c"}],
        "hostname": "ignored"}});
    let (code, added) = strategic(&cluster, &part, &debugger).await;
    assert_eq!((code, &added["spec"]["ephemeralContainers"][0]["imagePullPolicy"]), (200, &json!("Always")), "{added}");
    assert!(added["spec"].get("hostname").is_none(), "the part takes nothing else");
    assert_eq!(added["metadata"]["generation"], 2);
    assert_eq!(cluster.admin.get(&part).await, (200, added.clone()));
    let (code, both) =
        strategic(&cluster, &part, &json!({"spec": {"ephemeralContainers": [{"name": "e", "image": "i"}]}})).await;
    assert_eq!((code, both["spec"]["ephemeralContainers"].as_array().unwrap().len()), (200, 2));
    let mut fewer = both.clone();
    fewer["spec"]["ephemeralContainers"].as_array_mut().unwrap().pop();
    let gone = cluster.admin.ask(Method::PUT, &part, &[], &fewer.to_string()).await;
    let name = both["spec"]["ephemeralContainers"][1]["name"].to_string();
    assert_eq!(
        refusal(gone),
        format!(
            "422 Pod \"a\" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers {name} may not be removed\n"
        )
    );
    cluster.stop().await;
}

#[tokio::test]
async fn a_resize_changes_cpu_and_memory_and_nothing_else() {
    let cluster = Cluster::start().await;
    let mut sized = pod("a");
    sized["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}});
    cluster.admin.post(PODS, &sized).await;
    let part = format!("{PODS}/a/resize");
    let ask = |resources: Value| json!({"spec": {"containers": [{"name": "c", "image": "x", "resources": resources}]}});
    let (code, grown) = strategic(&cluster, &part, &ask(json!({"requests": {"cpu": "150m"}}))).await;
    let container = &grown["spec"]["containers"][0];
    assert_eq!(
        (code, &container["resources"]["requests"]["cpu"], &container["image"]),
        (200, &json!("150m"), &json!("i:1"))
    );
    let beyond = strategic(&cluster, &part, &ask(json!({"requests": {"ephemeral-storage": "1Gi"}}))).await;
    let why = "422 Pod \"a\" is invalid: spec: Forbidden: only cpu and memory resources are mutable";
    assert_eq!(refusal(beyond), why);
    let main = strategic(&cluster, &format!("{PODS}/a"), &ask(json!({"requests": {"cpu": "160m"}}))).await;
    assert_eq!(main.0, 422, "the pod itself refuses what its part takes");
    cluster.stop().await;
}

#[tokio::test]
async fn a_scale_is_read_and_written_in_every_form() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let template = json!({"metadata": {"labels": {"app": "x", "tier": "web"}}, "spec": pod("x")["spec"]});
    let selector = json!({"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["web", "db"]}]});
    let set = json!({"metadata": {"name": "x"}, "spec": {"replicas": 2, "selector": selector, "template": template}});
    let (code, made) = admin.post(SETS, &set).await;
    assert_eq!(code, 201, "{made}");
    let part = format!("{SETS}/x/scale");
    let (_, scale) = admin.get(&part).await;
    assert_eq!(
        (&scale["spec"]["replicas"], &scale["status"]["selector"]),
        (&json!(2), &json!("app=x,tier in (db,web)"))
    );
    let json_patch = ("content-type", "application/json-patch+json");
    let operations = r#"[{"op": "replace", "path": "/spec/replicas", "value": 3}]"#;
    let (code, three) = admin.ask(Method::PATCH, &part, &[json_patch], operations).await;
    assert_eq!((code, &three["spec"]["replicas"]), (200, &json!(3)));
    let (code, four) = strategic(&cluster, &part, &json!({"spec": {"replicas": 4}})).await;
    assert_eq!((code, &four["spec"]["replicas"]), (200, &json!(4)));
    let stale = admin.ask(Method::PUT, &part, &[], &scale.to_string()).await;
    assert_eq!(
        refusal(stale),
        "409 Operation cannot be fulfilled on replicasets.apps \"x\": the object has been modified; \
         please apply your changes to the latest version and try again"
    );
    let mut free = scale.clone();
    free["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    assert_eq!(admin.ask(Method::PUT, &part, &[], &free.to_string()).await.1["spec"]["replicas"], 2);
    let negative = admin.merge(&part, &json!({"spec": {"replicas": -1}})).await;
    assert_eq!(
        refusal(negative),
        "422 Scale.autoscaling \"x\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    );
    cluster.stop().await;
}

#[tokio::test]
async fn a_replication_controller_scales_and_orphans_as_it_always_did() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let controllers = "/api/v1/namespaces/default/replicationcontrollers";
    let template = json!({"metadata": {"labels": {"app": "x"}}, "spec": pod("x")["spec"]});
    let made =
        json!({"metadata": {"name": "x"}, "spec": {"replicas": 2, "selector": {"app": "x"}, "template": template}});
    let (code, made) = admin.post(controllers, &made).await;
    assert_eq!(code, 201, "{made}");
    let one = format!("{controllers}/x");
    let (code, scale) = admin.merge(&format!("{one}/scale"), &json!({"spec": {"replicas": 5}})).await;
    assert_eq!((code, &scale["spec"]["replicas"], &scale["status"]["selector"]), (200, &json!(5), &json!("app=x")));
    let (code, marked) = admin.ask(Method::DELETE, &one, &[], "").await;
    assert_eq!(
        (code, &marked["metadata"]["finalizers"]),
        (200, &json!(["orphan"])),
        "nobody said what becomes of its pods"
    );
    let (code, gone) = admin.ask(Method::DELETE, &one, &[], r#"{"propagationPolicy": "Background"}"#).await;
    assert_eq!((code, &gone["status"]), (200, &json!("Success")), "{gone}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_pod_is_bound_once_and_by_its_own_name() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    admin.post(PODS, &pod("a")).await;
    let (own, any) = (format!("{PODS}/a/binding"), "/api/v1/namespaces/default/bindings");
    let to = |name: &str, node: &str| json!({"metadata": {"name": name}, "target": {"kind": "Node", "name": node}});
    let nameless = json!({"target": {"kind": "Node", "name": "n1"}});
    assert_eq!(refusal(admin.post(&own, &nameless).await), "400 name in URL does not match name in Binding object");
    assert_eq!(refusal(admin.post(any, &to("nope", "n1")).await), "404 pods \"nope\" not found");
    let wrong = json!({"metadata": {"name": "a"}, "target": {"kind": "Service"}});
    assert_eq!(
        refusal(admin.post(&own, &wrong).await),
        "422 Binding \"a\" is invalid: [target.kind: Unsupported value: \"Service\": supported values: \"Node\", \"<empty>\", \
         target.name: Required value]"
    );
    assert_eq!(admin.post(any, &to("a", "n1")).await.0, 201);
    assert_eq!(
        refusal(admin.post(&own, &to("a", "n2")).await),
        "409 Operation cannot be fulfilled on pods/binding \"a\": pod a is already assigned to node \"n1\""
    );
    cluster.stop().await;
}
