//! Pods of Linux processes and Wasm code, seen through the real kubectl.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::time::Duration;

use support::cluster::Cluster;
use support::debian_registry::{DebianRegistry, PASSWORD, USER};
use support::images::{self, Images};
use support::tarball::{Entry, image_of};

/// Until a pod of small images has done what it should, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// The same for kubectl.
const TIMEOUT: &str = "--timeout=60s";

/// A pod that runs once; the containers are YAML of one line each.
fn pod(name: &str, containers: &[&str]) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec:\n  restartPolicy: Never\n  \
         terminationGracePeriodSeconds: 1\n  containers:\n  - {}\n",
        containers.join("\n  - ")
    )
}

/// Waits until a field of an object has that value.
#[track_caller]
fn becomes(cluster: &mut Cluster, object: &str, field: &str, wanted: &str) {
    let kubectl = cluster.kubectl();
    let path = format!("jsonpath={{{field}}}");
    let mut last = String::new();
    let reached = support::wait::poll(LIMIT, || {
        last = kubectl.ok(&["get", object, "-o", &path]);
        (last == wanted).then_some(())
    });
    if reached.is_none() {
        let all = kubectl.run(&["describe", object]);
        cluster.fail(&format!("{object}: {field} is {last:?}, not {wanted:?} within {LIMIT:?}\n{all}"));
    }
}

#[test]
fn exit_codes_and_logs_reach_the_user() {
    let images = Images::serve();
    let mut cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    let (busybox, module) = (images.busybox(), images.guest("hello-module"));
    let linux = format!("{{name: linux, image: '{busybox}', args: [sh, -c, 'echo out; echo err >&2; exit 4']}}");
    let wasm = format!("{{name: wasm, image: '{module}'}}");
    kubectl.create(&pod("once", &[&linux, &wasm]));
    becomes(&mut cluster, "pod/once", ".status.phase", "Failed");
    let code = |name: &str| {
        let path = format!("jsonpath={{.status.containerStatuses[?(@.name=='{name}')].state.terminated.exitCode}}");
        kubectl.ok(&["get", "pod", "once", "-o", &path])
    };
    assert_eq!((code("linux").as_str(), code("wasm").as_str()), ("4", "3"));
    let logs = kubectl.ok(&["logs", "once", "-c", "linux"]);
    assert!(logs == "out\nerr\n" || logs == "err\nout\n", "{logs}");
    assert_eq!(kubectl.ok(&["logs", "once", "-c", "wasm"]), "hello from a module\n");
    let table = kubectl.ok(&["get", "pods"]);
    let words: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words[..4], ["once", "0/2", "Error", "0"]);
    let wide = kubectl.ok(&["get", "pods", "-o", "wide"]);
    assert!(wide.lines().nth(1).unwrap().contains(" node "), "{wide}");
}

#[test]
fn a_pod_that_succeeds_is_followed_to_its_end() {
    let images = Images::serve();
    let cluster = Cluster::ephemeral();
    let kubectl = cluster.kubectl();
    let script = "for i in 1 2 3; do echo line $i; sleep 0.3; done";
    let container = format!("{{name: main, image: '{}', args: [sh, -c, '{script}']}}", images.busybox());
    kubectl.create(&pod("talker", &[&container]));
    kubectl.ok(&["wait", "--for=jsonpath={.status.containerStatuses[0].containerID}", "pod/talker", TIMEOUT]);
    assert_eq!(kubectl.ok(&["logs", "--follow", "talker"]), "line 1\nline 2\nline 3\n");
    kubectl.ok(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/talker", TIMEOUT]);
    assert_eq!(kubectl.ok(&["logs", "--tail=1", "talker"]), "line 3\n");
    kubectl.ok(&["delete", "pod", "talker", TIMEOUT]);
    assert_eq!(kubectl.ok(&["get", "pods", "-o", "name"]), "");
}

#[test]
fn a_deployment_of_both_kinds_is_reached_through_its_service() {
    let images = Images::serve();
    let cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    let (busybox, http) = (images.busybox(), images.guest("http-cases"));
    let manifest = format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {{name: linux, image: '{busybox}', args: [sh, -c, 'exec sleep 1000']}}
      - name: wasm
        image: '{http}'
        ports: [{{name: http, containerPort: 8080}}]
        readinessProbe: {{httpGet: {{path: /ready, port: http}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: http}}]
"
    );
    kubectl.run_with(&["apply", "-f", "-"], &manifest).ok();
    kubectl.ok(&["rollout", "status", "deployment/web", TIMEOUT]);
    kubectl.ok(&["wait", "--for=condition=Ready", "pod", "-l", "app=web", TIMEOUT]);
    let table = kubectl.ok(&["get", "deployment", "web"]);
    let words: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words[..4], ["web", "2/2", "2", "2"]);
    let address = kubectl.ok(&["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
    let script = format!("until wget -q -O - http://{address}/from-a-pod; do sleep 0.2; done");
    kubectl.create(&pod("client", &[&format!("{{name: main, image: '{busybox}', args: [sh, -c, '{script}']}}")]));
    kubectl.ok(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/client", TIMEOUT]);
    let answer = kubectl.ok(&["logs", "client"]);
    assert!(answer.contains("/from-a-pod"), "{answer}");
    for turn in 1..=20 {
        let answer = support::http::get(&address, 80, &format!("/turn-{turn}"));
        assert!(answer.contains(&format!("/turn-{turn}\r\n")), "from the node, turn {turn}: {answer}");
    }
}

#[test]
fn sockets_of_wasm_reach_what_the_pod_grants() {
    let images = Images::serve();
    let mut cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    let guest = images.guest("hello-cli");
    // Nothing listens there: who may connect is refused by the kernel, who may not by the sandbox.
    let container = |name: &str| format!("{{name: {name}, image: '{guest}', args: [connect=9]}}");
    let names = ["none", "other", "range", "unreadable"];
    let manifest = pod("reach", &names.map(container).each_ref().map(String::as_str));
    let grants = "annotations: {wasm.bireme.dev/sockets.other: '127.0.0.1:8', \
                  wasm.bireme.dev/sockets.range: '127.0.0.0/8:9', wasm.bireme.dev/sockets.unreadable: 'localhost:9'}, ";
    kubectl.create(&manifest.replace("metadata: {", &format!("metadata: {{{grants}")));
    becomes(&mut cluster, "pod/reach", ".status.phase", "Failed");
    for (name, said) in [("none", "access-denied"), ("other", "access-denied"), ("range", "connection-refused")] {
        let logs = kubectl.ok(&["logs", "reach", "-c", name]);
        assert!(logs.contains(&format!("connect: {said}\n")), "{name}: {logs}");
    }
    let ended = "{.status.containerStatuses[?(@.name=='unreadable')].state.terminated}";
    let ended = kubectl.ok(&["get", "pod", "reach", "-o", &format!("jsonpath={ended}")]);
    assert!(ended.contains("StartError") && ended.contains("`localhost:9` grants no sockets"), "{ended}");
}

#[test]
fn memory_limits_hold_for_both_kinds() {
    let images = Images::serve();
    let mut cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    let limit = "resources: {limits: {memory: 16Mi}}";
    let (busybox, grow) = (images.busybox(), images.guest("grow"));
    let eat = "[sh, -c, 'exec dd if=/dev/zero of=/dev/null bs=64M count=1']";
    let linux = format!("{{name: linux, image: '{busybox}', args: {eat}, {limit}}}");
    let wasm = format!("{{name: wasm, image: '{grow}', {limit}}}");
    kubectl.create(&pod("hungry", &[&linux, &wasm]));
    let ended =
        |name: &str, field: &str| format!(".status.containerStatuses[?(@.name=='{name}')].state.terminated.{field}");
    becomes(&mut cluster, "pod/hungry", &ended("linux", "reason"), "OOMKilled");
    becomes(&mut cluster, "pod/hungry", &ended("linux", "exitCode"), "137");
    // The guest is told that there is no more memory, and says so by its exit code.
    becomes(&mut cluster, "pod/hungry", &ended("wasm", "exitCode"), "7");
}

#[test]
fn a_layer_removes_what_is_below_it() {
    let images = Images::serve();
    let mut cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    let busybox = std::fs::read(images::BUSYBOX).unwrap();
    let file = |path: &str| Entry::file(path, path.as_bytes());
    let below =
        [Entry::file("bin/sh", &busybox), file("files/kept"), file("files/gone"), file("folder/a"), file("folder/b")];
    // Whiteouts as the OCI image specification has them: of one file, and of all that is below in a folder.
    let above = [file("files/.wh.gone"), file("folder/.wh..wh..opq"), file("folder/c")];
    let image = images.publish("layers", &image_of(&images.blobs, &[&below, &above]));
    let script = "cat /files/kept; echo; ls -A /files /folder";
    kubectl.create(&pod("layers", &[&format!("{{name: main, image: '{image}', args: [sh, -c, '{script}']}}")]));
    becomes(&mut cluster, "pod/layers", ".status.phase", "Succeeded");
    assert_eq!(kubectl.ok(&["logs", "layers"]), "files/kept\n/files:\nkept\n\n/folder:\nc\n");
}

#[test]
fn an_image_behind_a_password_needs_its_secret() {
    let images = Images::serve();
    let registry = DebianRegistry::closed();
    let image = registry.hold("busybox", &images.blobs, &images::busybox(&images.blobs));
    let mut cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    let manifest = pod("shy", &[&format!("{{name: main, image: '{image}', args: [sh, -c, 'echo seen']}}")]);
    kubectl.create(&manifest);
    let reason = ".status.containerStatuses[0].state.waiting.reason";
    becomes(&mut cluster, "pod/shy", reason, "ImagePullBackOff");
    let described = kubectl.ok(&["describe", "pod", "shy"]);
    assert!(described.contains("Failed") && described.contains(&image), "{described}");
    kubectl.ok(&["delete", "pod", "shy", TIMEOUT]);
    let server = registry.address;
    let door = format!("{{auths: {{'{server}': {{username: {USER}, password: {PASSWORD}}}}}}}");
    let door: serde_json::Value = serde_yaml_ng::from_str(&door).unwrap();
    kubectl.create(&format!(
        "{{apiVersion: v1, kind: Secret, metadata: {{name: door}}, type: kubernetes.io/dockerconfigjson, stringData: \
         {{.dockerconfigjson: '{door}'}}}}"
    ));
    kubectl.create(&manifest.replace("spec:\n", "spec:\n  imagePullSecrets: [{name: door}]\n"));
    kubectl.ok(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/shy", TIMEOUT]);
    assert_eq!(kubectl.ok(&["logs", "shy"]), "seen\n");
}

#[test]
fn an_image_from_another_registry_runs() {
    let images = Images::serve();
    let registry = DebianRegistry::open();
    let image = registry.hold("hello-cli", &images.blobs, &images::guest(&images.blobs, "hello-cli"));
    let cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    kubectl.create(&pod("guest", &[&format!("{{name: main, image: '{image}', args: [one, two]}}")]));
    kubectl.ok(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/guest", TIMEOUT]);
    let logs = kubectl.ok(&["logs", "guest"]);
    assert!(logs.contains("one") && logs.contains("two"), "{logs}");
}
