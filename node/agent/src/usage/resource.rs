//! `/metrics/resource`: the few figures from which metrics-server and autoscalers make theirs.

use super::board::{Board, Container, Measured};
use super::exposition::{Exposition, Figure, Labels, Sort, count, seconds, since_1970};

const CONTAINERS: [Figure; 2] = [
    Figure {
        name: "container_cpu_usage_seconds_total",
        sort: Sort::Counter,
        help: "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
        of: |usage| seconds(usage.cpu_nanos),
    },
    Figure {
        name: "container_memory_working_set_bytes",
        sort: Sort::Gauge,
        help: "[STABLE] Current working set of the container in bytes",
        of: |usage| count(usage.memory_working_set),
    },
];

const NODE: [Figure; 2] = [
    Figure {
        name: "node_cpu_usage_seconds_total",
        sort: Sort::Counter,
        help: "[STABLE] Cumulative cpu time consumed by the node in core-seconds",
        of: |usage| seconds(usage.cpu_nanos),
    },
    Figure {
        name: "node_memory_working_set_bytes",
        sort: Sort::Gauge,
        help: "[STABLE] Current working set of the node in bytes",
        of: |usage| count(usage.memory_working_set),
    },
];

const PODS: [Figure; 2] = [
    Figure {
        name: "pod_cpu_usage_seconds_total",
        sort: Sort::Counter,
        help: "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
        of: |usage| seconds(usage.cpu_nanos),
    },
    Figure {
        name: "pod_memory_working_set_bytes",
        sort: Sort::Gauge,
        help: "[STABLE] Current working set of the pod in bytes",
        of: |usage| count(usage.memory_working_set),
    },
];

/// The whole text, figures in order of name.
pub(super) fn text(board: &Board) -> String {
    let mut out = Exposition::default();
    for figure in &CONTAINERS {
        out.figure(figure, containers(board).map(|(labels, one)| (labels, &one.measured)));
    }
    let name = "container_start_time_seconds";
    out.family(name, Sort::Gauge, "[STABLE] Start time of the container since unix epoch in seconds");
    for (labels, one) in containers(board) {
        if let Some(started) = one.started {
            out.value(name, &labels, since_1970(started), None);
        }
    }
    for figure in &NODE {
        out.figure(figure, board.node.iter().map(|node| (Labels::new(), &node.measured)));
    }
    for figure in &PODS {
        out.figure(figure, pods(board));
    }
    let name = "resource_scrape_error";
    out.family(name, Sort::Gauge, "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise");
    let failed = board.failures > 0 || board.node.is_none();
    out.value(name, &[], f64::from(u8::from(failed)), None);
    out.text()
}

fn containers(board: &Board) -> impl Iterator<Item = (Labels<'_>, &Container)> {
    board.pods.values().flat_map(|pod| {
        pod.containers
            .values()
            .map(|one| (vec![("container", one.name.as_str()), ("namespace", &pod.namespace), ("pod", &pod.name)], one))
    })
}

fn pods(board: &Board) -> impl Iterator<Item = (Labels<'_>, &Measured)> {
    board.pods.values().map(|pod| (vec![("namespace", pod.namespace.as_str()), ("pod", &pod.name)], &pod.measured))
}
