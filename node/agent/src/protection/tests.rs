//! What settings mean, and what is said about those that mean nothing.

use serde_json::{Value, json};

use super::*;

fn parse(wishes: Value) -> Result<Protection, SettingError> {
    serde_json::from_value::<Wishes>(wishes).unwrap().parse()
}

fn refused(wishes: Value, expected: &str) {
    assert_eq!(parse(wishes).unwrap_err().to_string(), expected);
}

#[test]
fn without_settings_the_defaults_hold() {
    assert_eq!(parse(json!({})).unwrap(), Protection::default());
    let names: Vec<&str> = Protection::default().thresholds.iter().map(|threshold| threshold.signal.name()).collect();
    let expected =
        ["memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree"];
    assert_eq!(names, expected);
}

#[test]
fn settings_are_read_as_a_kubelet_reads_them() {
    let found = parse(json!({
        "kubeReserved": {"cpu": "100m", "memory": "100Mi"},
        "systemReserved": {"memory": "28Mi", "ephemeral-storage": "1Gi", "pid": "1000"},
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "100%", "nodefs.inodesFree": "5%"},
        "evictionSoft": {"memory.available": "1.5%"},
        "evictionSoftGracePeriod": {"memory.available": "1m30s"},
        "evictionMinimumReclaim": {"memory.available": "10Mi"},
        "evictionMaxPodGracePeriod": 60,
        "maxPods": 10,
        "podPidsLimit": 100,
    }))
    .unwrap();
    let reserved = Reserved { cpu_milli: 100, memory: 128 << 20, ephemeral_storage: 1 << 30, pids: 1000 };
    assert_eq!((found.reserved, found.pods, found.pod_pids), (reserved, 10, Some(100)));
    let memory = |amount, grace| Threshold {
        signal: Signal::MemoryAvailable,
        amount,
        grace: Duration::from_secs(grace),
        minimum_reclaim: Some(Amount::Units(10 << 20)),
        own_disk_only: false,
    };
    let inodes = Threshold {
        signal: Signal::NodefsInodesFree,
        amount: Amount::Share(5_000),
        grace: Duration::ZERO,
        minimum_reclaim: None,
        own_disk_only: false,
    };
    let expected = [memory(Amount::Units(200 << 20), 0), inodes, memory(Amount::Share(1_500), 90)];
    assert_eq!(found.thresholds, expected);
    assert_eq!(found.soft_grace_max, Duration::from_secs(60));
}

#[test]
fn a_setting_that_means_nothing_is_named_with_the_remedy() {
    refused(
        json!({"evictionHard": {"memory.free": "1Gi"}}),
        "evictionHard[memory.free]: there is no such signal: give one of memory.available, nodefs.available, \
         nodefs.inodesFree, imagefs.available, imagefs.inodesFree, pid.available",
    );
    refused(
        json!({"evictionHard": {"memory.available": "some"}}),
        "evictionHard[memory.available]: \"some\" is no amount: give a quantity such as 100Mi, or a share such as 10%",
    );
    refused(
        json!({"evictionSoft": {"memory.available": "1Gi"}}),
        "evictionSoftGracePeriod[memory.available]: every signal of evictionSoft needs a period: give one, e.g. 90s",
    );
    refused(
        json!({"kubeReserved": {"gpu": "1"}}),
        "kubeReserved[gpu]: there is no such resource: give cpu, memory, ephemeral-storage or pid",
    );
    refused(json!({"podPidsLimit": 0}), "podPidsLimit: 0 is no limit: give a number above 0, or -1 for none");
    refused(
        json!({"shutdownGracePeriod": "10s", "shutdownGracePeriodCriticalPods": "20s"}),
        "shutdownGracePeriodCriticalPods: it is a part of shutdownGracePeriod: give at most 10s",
    );
}

#[test]
fn shutdown_periods_become_groups_of_priorities() {
    let groups = |wishes| -> Vec<(i32, u64)> {
        let parsed: Protection = parse(wishes).unwrap();
        parsed.shutdown.iter().map(|group| (group.priority, group.grace.as_secs())).collect()
    };
    let simple = json!({"shutdownGracePeriod": "30s", "shutdownGracePeriodCriticalPods": "10s"});
    assert_eq!(groups(simple), [(0, 20), (2_000_000_000, 10)]);
    let listed = json!({"shutdownGracePeriodByPodPriority": [
        {"priority": 1000, "shutdownGracePeriodSeconds": 5}, {"priority": 0, "shutdownGracePeriodSeconds": 60},
    ]});
    assert_eq!(groups(listed), [(0, 60), (1000, 5)]);
}
