//! Decisions about endpoints, from plain Services and pods.

use serde_json::{Value, json};

use crate::make::{NOW, at, key, time, view};

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "labels": {"team": "a"}},
        "spec": {"clusterIP": "10.0.0.1", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    })
}

fn pod(name: &str, ip: &str, ready: bool, port: i32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": port}]}]},
        "status": {
            "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": time(NOW)}],
        },
    })
}

/// Slices that are created: ports and endpoints as `address ready/serving/terminating`.
fn check(objects: Vec<Value>, expected: &[(&[i64], &[&str])]) {
    let decision = super::decide(&view(objects), &key("", "services", "default", "web"), at(NOW)).unwrap();
    let slices: Vec<(Vec<i64>, Vec<String>)> = decision
        .steps
        .iter()
        .map(|step| {
            let api::change::Change::Create { object, .. } = &step.change else { panic!("{:?}", step.change) };
            assert_eq!(object["metadata"]["labels"]["kubernetes.io/service-name"], json!("web"));
            let ports = object["ports"].as_array().unwrap().iter().map(|port| port["port"].as_i64().unwrap()).collect();
            let endpoints = object["endpoints"].as_array().unwrap().iter().map(|endpoint| {
                let is = |name: &str| if endpoint["conditions"][name] == json!(true) { 'y' } else { 'n' };
                format!(
                    "{} {}{}{}",
                    endpoint["addresses"][0].as_str().unwrap(),
                    is("ready"),
                    is("serving"),
                    is("terminating")
                )
            });
            (ports, endpoints.collect())
        })
        .collect();
    let expected: Vec<(Vec<i64>, Vec<String>)> = expected
        .iter()
        .map(|(ports, endpoints)| (ports.to_vec(), endpoints.iter().map(|one| (*one).to_owned()).collect()))
        .collect();
    assert_eq!(slices, expected);
}

#[test]
fn endpoints_tell_who_is_ready_and_named_ports_are_looked_up() {
    let mut ending = pod("c", "10.1.0.3", true, 8080);
    ending["metadata"]["deletionTimestamp"] = json!(time(NOW));
    check(
        vec![service(), pod("a", "10.1.0.1", true, 8080), pod("b", "10.1.0.2", false, 8080), ending],
        &[(&[8080], &["10.1.0.1 yyn", "10.1.0.2 nnn", "10.1.0.3 nyy"])],
    );
    check(
        vec![service(), pod("a", "10.1.0.1", true, 8080), pod("b", "10.1.0.2", true, 9090)],
        &[(&[8080], &["10.1.0.1 yyn"]), (&[9090], &["10.1.0.2 yyn"])],
    );
}

#[test]
fn a_service_without_pods_has_an_empty_slice_and_one_without_selector_none() {
    check(vec![service()], &[(&[], &[])]);
    let mut plain = service();
    plain["spec"].as_object_mut().unwrap().remove("selector");
    check(vec![plain], &[]);
}

#[test]
fn ended_pods_are_no_endpoints() {
    let mut ended = pod("a", "10.1.0.1", false, 8080);
    ended["status"]["phase"] = json!("Succeeded");
    check(vec![service(), ended], &[(&[], &[])]);
}
