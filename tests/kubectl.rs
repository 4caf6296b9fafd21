//! The real kubectl, old and new, against the real binary: objects that run nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::io::{BufRead, BufReader};

use support::cluster::Cluster;
use support::kubectl::{Kubectl, Version};

/// Runs a check once per version of kubectl, each in a namespace of its own, in one cluster.
#[track_caller]
fn check(look: fn(&Kubectl)) {
    let cluster = Cluster::start();
    for version in Version::ALL {
        let namespace = format!("{version:?}").to_lowercase().replace('_', "-");
        cluster.kubectl_of(version, "default").create_namespace(&namespace);
        look(&cluster.kubectl_of(version, &namespace));
    }
}

/// A manifest of a ConfigMap with that value.
fn settings(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, labels: {{app: web}}}}\ndata: {{key: {value}}}\n"
    )
}

/// A Deployment that asks for no pod.
const IDLE: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle}
spec:
  replicas: 0
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: idle}}
    spec: {containers: [{name: main, image: 'nowhere.invalid/idle:1'}]}
";

/// A Service that selects nothing yet.
const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
";

#[test]
fn apply_creates_changes_and_leaves_alone() {
    check(|kubectl| {
        let apply = |text: &str| kubectl.run_with(&["apply", "-f", "-"], text).ok();
        assert_eq!(apply(&settings("old")), "configmap/settings created\n");
        assert_eq!(apply(&settings("old")), "configmap/settings unchanged\n");
        assert_eq!(apply(&settings("new")), "configmap/settings configured\n");
        assert_eq!(kubectl.ok(&["get", "cm", "settings", "-o", "jsonpath={.data.key}"]), "new");
        let again = kubectl.run_with(&["create", "-f", "-"], &settings("x")).refused(1);
        assert!(again.contains("AlreadyExists") && again.contains("\"settings\""), "{again}");
        assert_eq!(
            kubectl.run_with(&["delete", "-f", "-"], &settings("x")).ok(),
            said("configmap", "settings", kubectl)
        );
    });
}

#[test]
fn diff_shows_what_apply_would_change() {
    check(|kubectl| {
        kubectl.run_with(&["apply", "-f", "-"], &settings("old")).ok();
        assert_eq!(kubectl.run_with(&["diff", "-f", "-"], &settings("old")).ok(), "");
        let diff = kubectl.run_with(&["diff", "-f", "-"], &settings("new"));
        assert!(diff.code == Some(1) && diff.stdout.contains("\n-  key: old\n+  key: new\n"), "{diff}");
        assert_eq!(kubectl.ok(&["get", "cm", "settings", "-o", "jsonpath={.data.key}"]), "old");
    });
}

#[test]
fn get_prints_every_form() {
    check(|kubectl| {
        kubectl.create(&settings("old"));
        kubectl.create(IDLE);
        let table = kubectl.ok(&["get", "configmaps", "settings"]);
        let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0], ["NAME", "DATA", "AGE"]);
        assert_eq!(words[1][..2], ["settings", "1"]);
        let wide = kubectl.ok(&["get", "deployments", "-o", "wide"]);
        let words: Vec<Vec<&str>> = wide.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0], ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]);
        assert_eq!(words[1][5..], ["main", "nowhere.invalid/idle:1", "app=idle"]);
        assert!(wide.contains(" 0/0 "), "{wide}");
        let json: serde_json::Value =
            serde_json::from_str(&kubectl.ok(&["get", "cm", "settings", "-o", "json"])).unwrap();
        assert_eq!(json["data"]["key"], "old");
        let yaml: serde_json::Value =
            serde_yaml_ng::from_str(&kubectl.ok(&["get", "cm", "settings", "-o", "yaml"])).unwrap();
        assert_eq!(yaml, json);
        assert_eq!(kubectl.ok(&["get", "cm", "-l", "app=web", "-o", "name"]), "configmap/settings\n");
        assert_eq!(kubectl.ok(&["get", "cm", "-l", "app notin (web),app", "-o", "name"]), "");
        let all = kubectl.ok(&["get", "namespaces", "-o", "name"]);
        assert!(all.contains("namespace/default\n") && all.contains("namespace/kube-system\n"), "{all}");
        let missing = kubectl.run(&["get", "cm", "absent"]).refused(1);
        assert_eq!(missing, "Error from server (NotFound): configmaps \"absent\" not found\n");
    });
}

#[test]
fn a_watch_shows_what_happens() {
    check(|kubectl| {
        let mut watch = kubectl.spawn(&["get", "configmaps", "-l", "app=web", "-o", "name", "--watch"]);
        let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map(Result::unwrap);
        kubectl.run_with(&["apply", "-f", "-"], &settings("old")).ok();
        assert_eq!(lines.next().as_deref(), Some("configmap/settings"));
        let mut told = kubectl.spawn(&["get", "cm", "settings", "--watch", "--output-watch-events"]);
        let mut told_lines = BufReader::new(told.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut event = || told_lines.next().map(|line| line.split_whitespace().next().unwrap().to_owned());
        assert_eq!(event().as_deref(), Some("EVENT"));
        assert_eq!(event().as_deref(), Some("ADDED"));
        kubectl.run_with(&["apply", "-f", "-"], &settings("new")).ok();
        assert_eq!(lines.next().as_deref(), Some("configmap/settings"));
        assert_eq!(event().as_deref(), Some("MODIFIED"));
        kubectl.ok(&["delete", "cm", "settings"]);
        assert_eq!(event().as_deref(), Some("DELETED"));
        for mut process in [watch, told] {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    });
}

#[test]
fn describe_tells_what_people_look_for() {
    check(|kubectl| {
        kubectl.create(IDLE);
        kubectl.create(SERVICE);
        let deployment = kubectl.ok(&["describe", "deployment", "idle"]);
        for text in
            ["Name:                   idle", "Selector:               app=idle", "0 desired", "nowhere.invalid/idle:1"]
        {
            assert!(deployment.contains(text), "{text}: {deployment}");
        }
        let service = kubectl.ok(&["describe", "service", "web"]);
        for text in [
            "Type:                     ClusterIP",
            "Port:                     http  80/TCP",
            "TargetPort:               8080/TCP",
        ] {
            assert!(service.contains(text), "{text}: {service}");
        }
        let node = kubectl.ok(&["describe", "node", "node"]);
        for text in ["Name:               node", "Ready", "Allocatable:", "kubernetes.io/os=linux"] {
            assert!(node.contains(text), "{text}: {node}");
        }
    });
}

#[test]
fn a_deployment_is_scaled_labelled_and_rolled_out() {
    check(|kubectl| {
        kubectl.create(IDLE);
        let done = kubectl.ok(&["rollout", "status", "deployment/idle", "--timeout=30s"]);
        // Asked soon enough, kubectl first says that it waits for the controller.
        assert!(done.ends_with("deployment \"idle\" successfully rolled out\n"), "{done}");
        kubectl.ok(&["wait", "--for=condition=Available", "deployment/idle", "--timeout=30s"]);
        assert_eq!(kubectl.ok(&["scale", "deployment/idle", "--replicas=2"]), "deployment.apps/idle scaled\n");
        assert_eq!(kubectl.ok(&["get", "deployment", "idle", "-o", "jsonpath={.spec.replicas}"]), "2");
        kubectl.ok(&["scale", "deployment/idle", "--replicas=0"]);
        assert_eq!(kubectl.ok(&["label", "deployment", "idle", "tier=back"]), "deployment.apps/idle labeled\n");
        assert_eq!(kubectl.ok(&["get", "deployments", "-l", "tier=back", "-o", "name"]), "deployment.apps/idle\n");
        kubectl.ok(&["set", "image", "deployment/idle", "main=nowhere.invalid/idle:2"]);
        kubectl.ok(&["rollout", "status", "deployment/idle", "--timeout=30s"]);
        let history = kubectl.ok(&["rollout", "history", "deployment/idle"]);
        assert!(history.contains("\n1 ") && history.contains("\n2 "), "{history}");
        kubectl.ok(&["rollout", "undo", "deployment/idle"]);
        let image = kubectl.ok(&["get", "deployment", "idle", "-o", "jsonpath={..image}"]);
        assert_eq!(image, "nowhere.invalid/idle:1");
        kubectl.ok(&["delete", "deployment", "idle", "--cascade=foreground", "--timeout=30s"]);
        assert_eq!(kubectl.ok(&["get", "replicasets", "-o", "name"]), "");
    });
}

#[test]
fn a_namespace_takes_its_objects_along() {
    check(|kubectl| {
        let namespace = format!("{}-more", kubectl.namespace);
        let inside = Kubectl { namespace: namespace.clone(), ..kubectl.clone() };
        kubectl.create_namespace(&namespace);
        inside.create(&settings("old"));
        kubectl.ok(&["delete", "namespace", &namespace, "--timeout=60s"]);
        kubectl.create_namespace(&namespace);
        assert_eq!(inside.ok(&["get", "cm", "-l", "app=web", "-o", "name"]), "");
    });
}

#[test]
fn wrong_input_is_refused_with_all_its_errors() {
    const WRONG: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: Not_A_Name}
spec:
  replicas: -1
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: main, image: ''}, {name: main, image: 'nowhere.invalid/a:1'}]}
";
    check(|kubectl| {
        let refusal = kubectl.run_with(&["create", "-f", "-"], WRONG).refused(1);
        let fields = [
            "metadata.name",
            "spec.replicas",
            "spec.template.metadata.labels",
            "containers[0].image",
            "containers[1].name",
        ];
        for field in fields {
            assert!(refusal.contains(field), "{field}: {refusal}");
        }
        let misspelt = kubectl.run_with(&["create", "-f", "-"], &settings("x").replace("data:", "dada:")).refused(1);
        assert!(misspelt.contains("unknown field \"dada\""), "{misspelt}");
        let unserved = kubectl.run(&["get", "nothings"]).refused(1);
        assert_eq!(unserved, "error: the server doesn't have a resource type \"nothings\"\n");
        let stray = kubectl.run_with(&["create", "-f", "-", "-n", "absent"], &settings("x")).refused(1);
        assert!(stray.contains("namespaces \"absent\" not found"), "{stray}");
    });
}

/// What `delete` says; newer versions also name the namespace.
fn said(kind: &str, name: &str, kubectl: &Kubectl) -> String {
    match kubectl.version {
        Version::V1_33 => format!("{kind} \"{name}\" deleted\n"),
        Version::V1_37 => format!("{kind} \"{name}\" deleted from {} namespace\n", kubectl.namespace),
    }
}
