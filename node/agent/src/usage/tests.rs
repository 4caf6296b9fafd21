//! The forms in which one measurement is told.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::expect;
use runtime::contract::Usage;
use seam::{Moment, Timestamp};

use super::super::board::{Board, Container, Measured, Node, Pod, Rate};
use super::super::network::{Interface, Traffic};
use super::super::{cadvisor, resource};
use super::*;
use crate::config::Capacity;

fn measured(cpu_nanos: u64, memory: u64) -> Measured {
    let usage = Usage {
        cpu_nanos,
        memory_working_set: memory,
        memory_usage: memory + 4096,
        rss: memory / 2,
        page_faults: 7,
        major_page_faults: 1,
        pids: 2,
        oom_kills: 0,
    };
    let rate = Rate { nano_cores: cpu_nanos / 10, window: Duration::from_secs(10) };
    let time = Timestamp::from_second(1_800_000_000).unwrap();
    Measured { time, moment: Moment::new(Duration::from_secs(20)), usage, rate: Some(rate) }
}

fn board() -> Board {
    let started = Timestamp::from_second(1_799_999_000).ok();
    let container = Container {
        name: "main".to_owned(),
        image: "registry/app:1".to_owned(),
        started,
        measured: measured(1_500_000_000, 1 << 20),
    };
    let traffic = |bytes| Traffic { bytes, packets: 3, errors: 0, dropped: 1 };
    let pod = Pod {
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        started,
        measured: measured(2_000_000_000, 2 << 20),
        containers: BTreeMap::from([("c1".to_owned(), container)]),
        interfaces: vec![Interface { name: "eth0".to_owned(), received: traffic(100), sent: traffic(200) }],
    };
    let node = Node {
        name: "n".to_owned(),
        booted: started,
        measured: measured(90_000_000_000, 1 << 30),
        available: 1 << 31,
        disk: None,
    };
    Board { node: Some(node), pods: BTreeMap::from([("uid-1".to_owned(), pod)]), failures: 0 }
}

#[test]
fn a_summary_is_a_kubelets() {
    let told = of(&board());
    expect![[r#"
        {
          "node": {
            "cpu": {
              "time": "2027-01-15T08:00:00Z",
              "usageCoreNanoSeconds": 90000000000,
              "usageNanoCores": 9000000000,
              "usageWindowNanoSeconds": 10000000000
            }
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&json!({"node": {"cpu": told["node"]["cpu"]}})).unwrap());
    let pod = &told["pods"][0];
    assert_eq!(pod["podRef"], json!({"name": "web", "namespace": "default", "uid": "uid-1"}));
    assert_eq!(pod["containers"][0]["memory"]["workingSetBytes"], 1 << 20);
    assert_eq!((&pod["network"]["name"], &pod["network"]["interfaces"][0]["txBytes"]), (&json!("eth0"), &json!(200)));
    assert_eq!(of(&Board::default()), json!({"node": {}, "pods": []}));
}

/// The lines that are values.
fn values(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn the_figures_of_resources_have_the_names_of_a_kubelet() {
    expect![[r#"
        container_cpu_usage_seconds_total{container="main",namespace="default",pod="web"} 1.5 1800000000000
        container_memory_working_set_bytes{container="main",namespace="default",pod="web"} 1048576 1800000000000
        container_start_time_seconds{container="main",namespace="default",pod="web"} 1799999000
        node_cpu_usage_seconds_total 90 1800000000000
        node_memory_working_set_bytes 1073741824 1800000000000
        pod_cpu_usage_seconds_total{namespace="default",pod="web"} 2 1800000000000
        pod_memory_working_set_bytes{namespace="default",pod="web"} 2097152 1800000000000
        resource_scrape_error 0"#]]
    .assert_eq(&values(&resource::text(&board())).join("\n"));
    assert_eq!(values(&resource::text(&Board::default())), ["resource_scrape_error 1"]);
}

#[test]
fn containers_are_told_of_as_by_cadvisor() {
    let capacity =
        Capacity { cpu_milli: 2000, memory: 1 << 34, ephemeral_storage: 0, pods: 110, huge_2mi: None, huge_1gi: None };
    let text = cadvisor::text(&board(), capacity);
    let has = |line: &str| assert!(values(&text).contains(&line), "{line}\nis not in\n{text}");
    has(
        r#"container_cpu_usage_seconds_total{container="main",cpu="total",id="/poduid-1/c1",image="registry/app:1",name="c1",namespace="default",pod="web"} 1.5 1800000000000"#,
    );
    has(
        r#"container_memory_failures_total{container="",failure_type="pgfault",id="/poduid-1",image="",name="",namespace="default",pod="web",scope="container"} 7 1800000000000"#,
    );
    has(
        r#"container_network_transmit_bytes_total{container="",id="/poduid-1",image="",interface="eth0",name="",namespace="default",pod="web"} 200 1800000000000"#,
    );
    has("machine_cpu_cores 2");
}
