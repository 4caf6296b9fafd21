//! Services whose addresses are of a range that came later, seen through the real kubectl and reached by real traffic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert")]

mod support;

use std::time::Duration;

use support::cluster::Cluster;
use support::images::Images;

/// Until everybody has heard of something, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// The same for kubectl.
const TIMEOUT: &str = "--timeout=60s";
/// A range of the network that is kept for benchmarks (RFC 2544): no machine is on it.
const RANGE: &str = "198.18.77.0/29";
/// An address of it.
const ADDRESS: &str = "198.18.77.2";

#[test]
fn a_service_of_an_added_range_is_reached_and_holds_the_range() {
    let images = Images::serve();
    let mut cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    let (busybox, http) = (images.busybox(), images.guest("http-cases"));
    kubectl.create(&format!(
        "
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {{name: more}}
spec: {{cidrs: ['{RANGE}']}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  clusterIP: {ADDRESS}
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: 8080}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: web, labels: {{app: web}}}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: wasm
    image: '{http}'
    ports: [{{containerPort: 8080}}]
    readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client}}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: '{busybox}'
    args: [sh, -c, 'until wget -q -O - http://{ADDRESS}/from-a-pod; do sleep 0.2; done']
"
    ));
    kubectl.ok(&["wait", "--for=condition=Ready", "servicecidr/more", TIMEOUT]);
    kubectl.ok(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/client", TIMEOUT]);
    assert!(kubectl.ok(&["logs", "client"]).contains("/from-a-pod"));
    assert!(route().contains("dev lo"), "the node has a way of its own: {}", route());
    let answer = support::http::get(ADDRESS, 80, "/from-the-node");
    assert!(answer.contains("/from-the-node\r\n"), "{answer}");

    kubectl.ok(&["delete", "servicecidr", "more", "--wait=false"]);
    let held = "--for=jsonpath={.status.conditions[0].reason}=Terminating";
    kubectl.ok(&["wait", held, "servicecidr/more", TIMEOUT]);
    let message = kubectl.ok(&["get", "servicecidr", "more", "-o", "jsonpath={.status.conditions[0].message}"]);
    let why = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
    assert_eq!(message, why);
    let answer = support::http::get(ADDRESS, 80, "/while-it-goes");
    assert!(answer.contains("/while-it-goes\r\n"), "{answer}");
    kubectl.ok(&["delete", "service", "web"]);
    kubectl.ok(&["wait", "--for=delete", "servicecidr/more", TIMEOUT]);
    if support::wait::poll(LIMIT, || (!route().contains("dev lo")).then_some(())).is_none() {
        cluster.fail(&format!("the node keeps its route to {RANGE}: {}", route()));
    }
}

#[test]
fn what_somebody_breaks_by_hand_is_repaired() {
    let mut cluster = Cluster::start();
    let kubectl = cluster.kubectl();
    kubectl.ok(&["create", "service", "clusterip", "web", "--tcp=80"]);
    let address = kubectl.ok(&["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
    let whose = "jsonpath={.spec.parentRef.resource}/{.spec.parentRef.namespace}/{.spec.parentRef.name}";
    kubectl.ok(&["delete", "ipaddress", &address]);
    let events = ["get", "events", "-o", "jsonpath={.items[*].message}"];
    let told = format!("Cluster IP [IPv4]: {address} is not allocated; repairing");
    let repaired = support::wait::poll(LIMIT, || {
        let whose = kubectl.run(&["get", "ipaddress", &address, "-o", whose]);
        (whose.stdout == "services/default/web" && kubectl.ok(&events).contains(&told)).then_some(())
    });
    if repaired.is_none() {
        cluster.fail(&format!("{address} leads to nobody\n{}", kubectl.ok(&["get", "events,ipaddresses"])));
    }
    // The range of the configuration comes back when somebody takes it away, its addresses in a wider one.
    let range = kubectl.ok(&["get", "servicecidr", "kubernetes", "-o", "jsonpath={.spec.cidrs[0]} {.metadata.uid}"]);
    let (text, uid) = range.split_once(' ').unwrap();
    let twin = format!(
        "{{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {{name: twin}}, spec: {{cidrs: ['{text}']}}}}"
    );
    kubectl.create(&twin);
    kubectl.ok(&["delete", "servicecidr", "kubernetes", TIMEOUT]);
    let again = support::wait::poll(LIMIT, || {
        let now = kubectl.run(&["get", "servicecidr", "kubernetes", "-o", "jsonpath={.metadata.uid}"]);
        (now.code == Some(0) && now.stdout != uid).then_some(())
    });
    if again.is_none() {
        cluster.fail("the default ServiceCIDR was not made again");
    }
}

/// Where this machine would send a packet for the range.
fn route() -> String {
    let answer = std::process::Command::new("ip").args(["route", "show", "to", "exact", RANGE]).output().unwrap();
    String::from_utf8(answer.stdout).unwrap()
}
