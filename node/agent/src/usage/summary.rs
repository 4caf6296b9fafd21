//! `/stats/summary` in the kubelet's form. To what a kubelet tells of CPU it adds `usageWindowNanoSeconds`: over which time the
//! rate was measured.

use seam::Timestamp;
use serde_json::{Map, Value, json};

use super::board::{Board, Container, Disk, Measured, Node, Pod};
use super::network::Interface;

/// The whole document.
pub(super) fn of(board: &Board) -> Value {
    let pods: Vec<Value> = board.pods.iter().map(|(uid, one)| pod(uid, one)).collect();
    json!({"node": board.node.as_ref().map_or_else(|| json!({}), node), "pods": pods})
}

fn node(node: &Node) -> Value {
    let mut told = measured(&node.measured, node.booted);
    told["nodeName"] = node.name.as_str().into();
    told["memory"]["availableBytes"] = node.available.into();
    if let Some(disk) = &node.disk {
        told["fs"] = file_system(disk, node.measured.time);
    }
    told
}

fn file_system(disk: &Disk, time: Timestamp) -> Value {
    let (inodes, inodes_free) = disk.inodes;
    json!({
        "time": text(time), "capacityBytes": disk.capacity, "availableBytes": disk.available, "usedBytes": disk.used,
        "inodes": inodes, "inodesFree": inodes_free, "inodesUsed": inodes.saturating_sub(inodes_free),
    })
}

fn pod(uid: &str, pod: &Pod) -> Value {
    let mut told = measured(&pod.measured, pod.started);
    told["podRef"] = json!({"name": pod.name, "namespace": pod.namespace, "uid": uid});
    told["containers"] = pod.containers.values().map(container).collect();
    told["process_stats"] = json!({"process_count": pod.measured.usage.pids});
    if let Some((first, _)) = pod.interfaces.split_first() {
        let mut network = interface(first);
        network["time"] = text(pod.measured.time).into();
        network["interfaces"] = pod.interfaces.iter().map(interface).collect();
        told["network"] = network;
    }
    told
}

fn interface(interface: &Interface) -> Value {
    json!({
        "name": interface.name, "rxBytes": interface.received.bytes, "rxErrors": interface.received.errors,
        "txBytes": interface.sent.bytes, "txErrors": interface.sent.errors,
    })
}

fn container(container: &Container) -> Value {
    let mut told = measured(&container.measured, container.started);
    told["name"] = container.name.as_str().into();
    told
}

/// What is told of everything.
fn measured(of: &Measured, started: Option<Timestamp>) -> Value {
    let (time, usage) = (text(of.time), &of.usage);
    let mut cpu = json!({"time": time, "usageCoreNanoSeconds": usage.cpu_nanos});
    if let Some(rate) = of.rate {
        cpu["usageNanoCores"] = rate.nano_cores.into();
        cpu["usageWindowNanoSeconds"] = u64::try_from(rate.window.as_nanos()).unwrap_or(u64::MAX).into();
    }
    let memory = json!({
        "time": time, "usageBytes": usage.memory_usage, "workingSetBytes": usage.memory_working_set,
        "rssBytes": usage.rss, "pageFaults": usage.page_faults, "majorPageFaults": usage.major_page_faults,
    });
    let mut told = Map::from_iter([("cpu".to_owned(), cpu), ("memory".to_owned(), memory)]);
    told.extend(started.map(|started| ("startTime".to_owned(), text(started).into())));
    told.into()
}

fn text(time: Timestamp) -> String {
    api::time::text(time)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
