//! Kinds of the cluster as clients meet them: what is counted, what is warned about, what tables show.
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

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use support::{Client, Cluster};

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
const HOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

async fn warnings(client: &Client, path: &str, body: &Value) -> Vec<String> {
    let answer = client.send(Method::POST, path, &[], body.to_string()).await;
    assert_eq!(answer.status(), 201, "{path}");
    answer.headers().get_all("warning").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_not_in_force_is_told_and_roles_may_be_put_where_none_was() {
    let cluster = Cluster::start().await;
    let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let role = json!({"metadata": {"name": "a:b"}, "rules": rules});
    let told = "299 - \"roles.rbac.authorization.k8s.io are stored, but this server grants nothing by them yet\"";
    assert_eq!(warnings(&cluster.admin, ROLES, &role).await, [told]);
    let hook = json!({"metadata": {"name": "h"}});
    assert!(warnings(&cluster.admin, HOOKS, &hook).await[0].contains("does not enforce them yet"));
    let put = json!({"metadata": {"name": "new"}, "rules": rules}).to_string();
    let (status, _) = cluster.admin.ask(Method::PUT, &format!("{ROLES}/new"), &[], put).await;
    assert_eq!(status, 201);
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let (_, table) = cluster.admin.ask(Method::GET, ROLES, &table, "").await;
    let columns: Vec<&Value> = table["columnDefinitions"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(columns, ["Name", "Created At"]);
    assert_eq!(table["rows"][0]["cells"][0], "a:b");
    cluster.stop().await;
}

#[tokio::test]
async fn changes_of_what_has_no_spec_are_counted_too() {
    let cluster = Cluster::start().await;
    let (_, made) = cluster.admin.post(HOOKS, &json!({"metadata": {"name": "h"}})).await;
    assert_eq!(made["metadata"]["generation"], 1);
    let hook = json!({"name": "a.b.c", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://a.b"}});
    let path = format!("{HOOKS}/h");
    let (_, changed) = cluster.admin.merge(&path, &json!({"webhooks": [hook]})).await;
    assert_eq!(changed["metadata"]["generation"], 2);
    let (_, labelled) = cluster.admin.merge(&path, &json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!(labelled["metadata"]["generation"], 2);
    let (status, blind) =
        cluster.admin.ask(Method::PUT, &path, &[], json!({"metadata": {"name": "h"}}).to_string()).await;
    assert_eq!(status, 422);
    assert!(blind["message"].as_str().unwrap().contains("metadata.resourceVersion: Invalid value"), "{blind}");
    cluster.stop().await;
}

#[tokio::test]
async fn an_ingress_names_its_class_once_when_it_is_made_and_its_status_is_apart() {
    let cluster = Cluster::start().await;
    let ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
    let backend = json!({"service": {"name": "s", "port": {"number": 80}}});
    let mut ingress = json!({"metadata": {"name": "i", "annotations": {"kubernetes.io/ingress.class": "a"}},
        "spec": {"ingressClassName": "b", "defaultBackend": backend}});
    let (status, refused) = cluster.admin.post(ingresses, &ingress).await;
    let why = "Ingress.networking.k8s.io \"i\" is invalid: annotations.kubernetes.io/ingress.class: Invalid value: \"a\": must \
               match `ingressClassName` when both are specified";
    assert_eq!((status, refused["message"].as_str().unwrap()), (422, why));
    ingress["metadata"].as_object_mut().unwrap().remove("annotations");
    let (status, made) = cluster.admin.post(ingresses, &ingress).await;
    assert_eq!((status, &made["status"]), (201, &json!({"loadBalancer": {}})));
    let path = format!("{ingresses}/i");
    let late = json!({"metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}}});
    assert_eq!(cluster.admin.merge(&path, &late).await.0, 200);
    let balanced = json!({"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}});
    assert_eq!(cluster.admin.merge(&format!("{path}/status"), &balanced).await.1["status"], balanced["status"]);
    cluster.stop().await;
}

fn request(organization: &str) -> String {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, organization);
    let request = params.serialize_request(&rcgen::KeyPair::generate().unwrap()).unwrap();
    STANDARD.encode(request.pem().unwrap())
}

#[tokio::test]
async fn a_certificate_request_is_of_who_asks_and_is_decided_once() {
    let cluster = Cluster::start().await;
    let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let asking = |organization: &str, signer: &str| {
        let spec = json!({"request": request(organization), "signerName": signer, "usages": ["client auth"],
            "username": "somebody-else"});
        json!({"metadata": {"name": "c"}, "spec": spec})
    };
    let client = "kubernetes.io/kube-apiserver-client";
    let (status, refused) = cluster.admin.post(requests, &asking("system:masters", client)).await;
    let why = "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: use of \
               kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed";
    assert_eq!((status, refused["message"].as_str().unwrap()), (403, why));
    let mut broken = asking("team", "a.b/c");
    broken["spec"]["request"] = STANDARD.encode("x").into();
    let (status, refused) = cluster.admin.post(requests, &broken).await;
    assert_eq!(status, 422);
    assert_eq!(refused["details"]["causes"][0]["field"], "spec.request", "{refused}");
    let (status, made) = cluster.admin.post(requests, &asking("team", "a.b/c")).await;
    assert_eq!((status, made["metadata"].get("generation")), (201, None));
    assert_ne!(made["spec"]["username"], "somebody-else");
    assert!(made["spec"]["groups"].as_array().unwrap().contains(&json!("system:masters")));
    let approve = json!({"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "Fine"}]}});
    let (status, refused) = cluster.admin.merge(&format!("{requests}/c/status"), &approve).await;
    let why = "updates may not add a condition of type \"Approved\"";
    assert!(status == 422 && refused["message"].as_str().unwrap().contains(why), "{refused}");
    let (status, approved) = cluster.admin.merge(&format!("{requests}/c/approval"), &approve).await;
    assert_eq!(status, 200, "{approved}");
    assert!(approved["status"]["conditions"][0]["lastUpdateTime"].is_string());
    let (status, _) = cluster.admin.merge(&format!("{requests}/c/approval"), &json!({"status": null})).await;
    assert_eq!(status, 422);
    let (_, selected) = cluster.admin.get(&format!("{requests}?fieldSelector=spec.signerName%3Da.b/c")).await;
    assert_eq!(selected["items"].as_array().unwrap().len(), 1);
    cluster.stop().await;
}

#[tokio::test]
async fn every_group_that_is_served_is_registered() {
    let cluster = Cluster::start().await;
    let (_, list) = cluster.admin.get("/apis/apiregistration.k8s.io/v1/apiservices").await;
    let registered: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|one| one["metadata"]["name"].as_str().unwrap()).collect();
    let (_, groups) = cluster.admin.get("/apis").await;
    for group in groups["groups"].as_array().unwrap().iter().filter(|one| one["name"] != "apiregistration.k8s.io") {
        for version in group["versions"].as_array().unwrap() {
            let name = format!("{}.{}", version["version"].as_str().unwrap(), group["name"].as_str().unwrap());
            assert!(registered.contains(&name.as_str()), "{name}");
        }
    }
    assert!(registered.contains(&"v1."));
    assert_eq!(list["items"][0]["status"]["conditions"][0]["reason"], "Local");
    cluster.stop().await;
}

#[tokio::test]
async fn an_expression_that_names_what_there_is_not_is_refused() {
    let cluster = Cluster::start().await;
    let policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
    let policy = |expression: &str| {
        let spec = json!({"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": expression}]});
        json!({"metadata": {"name": "p"}, "spec": spec})
    };
    let (status, refused) = cluster.admin.post(policies, &policy("objct.spec.hostNetwork == false")).await;
    let why = "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: spec.validations[0].expression: Invalid \
               value: \"objct.spec.hostNetwork == false\": compilation failed: ERROR: <input>:1:1: undeclared reference to \
               'objct' (in container '')\n | objct.spec.hostNetwork == false\n | ^";
    assert_eq!((status, refused["message"].as_str().unwrap()), (422, why));
    // As deep as a reader can go, on a thread with little room.
    assert_eq!(cluster.admin.post(policies, &policy(&"(".repeat(5_000))).await.0, 422);
    assert_eq!(cluster.admin.post(policies, &policy("object.spec.hostNetwork == false")).await.0, 201);
    cluster.stop().await;
}

#[tokio::test]
async fn what_nodes_report_is_judged() {
    let cluster = Cluster::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({"metadata": {"name": "a"}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
    cluster.admin.post(pods, &pod).await;
    let part = format!("{pods}/a/status");
    let state = |state: Value| {
        json!({"status": {"containerStatuses": [{"name": "c", "image": "i", "imageID": "", "ready": false,
        "restartCount": 0, "state": state}]}})
    };
    let (status, _) = cluster.admin.merge(&part, &state(json!({"terminated": {"exitCode": 0}}))).await;
    assert_eq!(status, 200);
    let (status, refused) = cluster.admin.merge(&part, &state(json!({"terminated": null, "running": {}}))).await;
    let why = "Pod \"a\" is invalid: status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state";
    assert_eq!((status, refused["message"].as_str().unwrap()), (422, why));
    let (status, refused) = cluster.admin.merge(&part, &json!({"status": {"qosClass": "Guaranteed"}})).await;
    let why = "Pod \"a\" is invalid: status.qosClass: Invalid value: \"Guaranteed\": field is immutable";
    assert_eq!((status, refused["message"].as_str().unwrap()), (422, why));
    let (_, cleared) = cluster.admin.merge(&part, &json!({"status": {"qosClass": null, "podIP": "10.0.0.1"}})).await;
    assert_eq!(
        (&cleared["status"]["qosClass"], &cleared["status"]["podIPs"]),
        (&json!("BestEffort"), &json!([{"ip": "10.0.0.1"}]))
    );
    let phase = json!({"status": {"phase": "Terminating"}});
    let (status, refused) = cluster.admin.merge("/api/v1/namespaces/default/status", &phase).await;
    let why = "Namespace \"default\" is invalid: status.Phase: Invalid value: \"Terminating\": may only be 'Active' if \
               `deletionTimestamp` is empty";
    assert_eq!((status, refused["message"].as_str().unwrap()), (422, why));
    cluster.stop().await;
}

#[tokio::test]
async fn a_pod_is_as_important_as_its_class_says() {
    const CLASSES: &str = "/apis/scheduling.k8s.io/v1/priorityclasses";
    const PODS: &str = "/api/v1/namespaces/default/pods";
    let cluster = Cluster::start().await;
    let pod = |name: &str, more: &Value| {
        let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"metadata": {"name": name}, "spec": spec})
    };
    let said = |made: &Value| {
        let spec = &made["spec"];
        (spec["priority"].clone(), spec["priorityClassName"].clone(), spec["preemptionPolicy"].clone())
    };
    let (_, listed) = cluster.admin.ask(Method::GET, CLASSES, &[], "").await;
    let names: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|one| &one["metadata"]["name"]).collect();
    assert_eq!(names, ["system-cluster-critical", "system-node-critical"]);
    let (_, plain) = cluster.admin.post(PODS, &pod("plain", &json!({}))).await;
    assert_eq!(said(&plain), (json!(0), Value::Null, json!("PreemptLowerPriority")));
    let (_, critical) =
        cluster.admin.post(PODS, &pod("critical", &json!({"priorityClassName": "system-node-critical"}))).await;
    assert_eq!(said(&critical).0, 2_000_001_000);
    let (status, unknown) = cluster.admin.post(PODS, &pod("unknown", &json!({"priorityClassName": "high"}))).await;
    assert_eq!(status, 403);
    assert_eq!(unknown["message"], "pods \"unknown\" is forbidden: no PriorityClass with name high was found");
    let (status, _) = cluster.admin.post(PODS, &pod("own", &json!({"priority": 7}))).await;
    assert_eq!(status, 403);
    let class = |name: &str| json!({"metadata": {"name": name}, "value": 5, "globalDefault": true, "preemptionPolicy": "Never"});
    let (status, _) = cluster.admin.post(CLASSES, &class("usual")).await;
    assert_eq!(status, 201);
    let (_, second) = cluster.admin.post(CLASSES, &class("other")).await;
    let why = "PriorityClass usual is already marked as default. Only one default can exist";
    assert!(second["message"].as_str().unwrap().ends_with(why), "{second}");
    let (_, usual) = cluster.admin.post(PODS, &pod("usual", &json!({}))).await;
    assert_eq!(said(&usual), (json!(5), json!("usual"), json!("Never")));
    let (status, kept) =
        cluster.admin.merge(&format!("{PODS}/usual"), &json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!((status, said(&kept)), (200, (json!(5), json!("usual"), json!("Never"))));
    cluster.stop().await;
}
