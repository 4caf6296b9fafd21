//! `/metrics/cadvisor`: the figures of containers that dashboards are made of, under the names that cAdvisor gave them.

use super::board::{Board, Measured, Pod};
use super::exposition::{Exposition, Figure, Labels, Sort, count, seconds, since_1970};
use super::network::Interface;
use crate::config::Capacity;

const fn figure(
    name: &'static str,
    sort: Sort,
    help: &'static str,
    of: fn(&runtime::contract::Usage) -> f64,
) -> Figure {
    Figure { name, sort, help, of }
}

/// What is told of pods and containers alike.
const FIGURES: [Figure; 6] = [
    figure("container_cpu_usage_seconds_total", Sort::Counter, "Cumulative cpu time consumed in seconds.", |usage| {
        seconds(usage.cpu_nanos)
    }),
    figure("container_memory_rss", Sort::Gauge, "Size of RSS in bytes.", |usage| count(usage.rss)),
    figure(
        "container_memory_usage_bytes",
        Sort::Gauge,
        "Current memory usage in bytes, including all memory \
        regardless of when it was accessed",
        |usage| count(usage.memory_usage),
    ),
    figure("container_memory_working_set_bytes", Sort::Gauge, "Current working set in bytes.", |usage| {
        count(usage.memory_working_set)
    }),
    figure(
        "container_oom_events_total",
        Sort::Counter,
        "Count of out of memory events observed for the container",
        |usage| count(usage.oom_kills),
    ),
    figure("container_processes", Sort::Gauge, "Number of processes running inside the container.", |usage| {
        count(usage.pids)
    }),
];

/// A figure of each direction of an interface.
struct Counter {
    name: &'static str,
    help: &'static str,
    of: fn(&Interface) -> u64,
}

const fn counter(name: &'static str, help: &'static str, of: fn(&Interface) -> u64) -> Counter {
    Counter { name, help, of }
}

const NETWORK: [Counter; 8] = [
    counter("container_network_receive_bytes_total", "Cumulative count of bytes received", |one| one.received.bytes),
    counter(
        "container_network_receive_errors_total",
        "Cumulative count of errors encountered while receiving",
        |one| one.received.errors,
    ),
    counter(
        "container_network_receive_packets_dropped_total",
        "Cumulative count of packets dropped while receiving",
        |one| one.received.dropped,
    ),
    counter("container_network_receive_packets_total", "Cumulative count of packets received", |one| {
        one.received.packets
    }),
    counter("container_network_transmit_bytes_total", "Cumulative count of bytes transmitted", |one| one.sent.bytes),
    counter(
        "container_network_transmit_errors_total",
        "Cumulative count of errors encountered while transmitting",
        |one| one.sent.errors,
    ),
    counter(
        "container_network_transmit_packets_dropped_total",
        "Cumulative count of packets dropped while transmitting",
        |one| one.sent.dropped,
    ),
    counter("container_network_transmit_packets_total", "Cumulative count of packets transmitted", |one| {
        one.sent.packets
    }),
];

/// The whole text.
pub(super) fn text(board: &Board, capacity: Capacity) -> String {
    let mut out = Exposition::default();
    let rows: Vec<Row<'_>> = all(board).collect();
    for (index, figure) in FIGURES.iter().enumerate() {
        // The first could tell of each CPU, and so says that it tells of all of them.
        let more: &[_] = if index == 0 { &[("cpu", "total")] } else { &[] };
        out.figure(figure, rows.iter().map(|row| (row.labels(more), row.measured)));
    }
    faults(board, &mut out);
    started(board, &mut out);
    network(board, &mut out);
    out.family("machine_cpu_cores", Sort::Gauge, "Number of logical CPU cores.");
    out.value("machine_cpu_cores", &[], count(capacity.cpu_milli) / 1e3, None);
    out.family("machine_memory_bytes", Sort::Gauge, "Amount of memory installed on the machine.");
    out.value("machine_memory_bytes", &[], count(capacity.memory), None);
    out.text()
}

/// A pod or one of its containers.
struct Row<'a> {
    id: String,
    pod: &'a Pod,
    /// Name, id and image; empty for the pod as a whole.
    container: [&'a str; 3],
    started: Option<seam::Timestamp>,
    measured: &'a Measured,
}

impl Row<'_> {
    /// The labels that cAdvisor gives everything, and more, in order of name.
    fn labels<'a>(&'a self, more: &[(&'static str, &'static str)]) -> Labels<'a> {
        let [container, name, image] = self.container;
        let own = [("container", container), ("id", &self.id), ("image", image), ("name", name)];
        let pod = [("namespace", self.pod.namespace.as_str()), ("pod", &self.pod.name)];
        let mut labels: Labels<'a> = own.into_iter().chain(pod).chain(more.iter().copied()).collect();
        labels.sort_by_key(|(name, _)| *name);
        labels
    }
}

fn all(board: &Board) -> impl Iterator<Item = Row<'_>> {
    board.pods.iter().flat_map(|(uid, pod)| {
        let whole =
            Row { id: format!("/pod{uid}"), pod, container: [""; 3], started: pod.started, measured: &pod.measured };
        let containers = pod.containers.iter().map(move |(id, one)| Row {
            id: format!("/pod{uid}/{id}"),
            pod,
            container: [&one.name, id, &one.image],
            started: one.started,
            measured: &one.measured,
        });
        std::iter::once(whole).chain(containers)
    })
}

fn faults(board: &Board, out: &mut Exposition) {
    let name = "container_memory_failures_total";
    out.family(name, Sort::Counter, "Cumulative count of memory allocation failures.");
    for row in all(board) {
        let usage = &row.measured.usage;
        for (sort, number) in [("pgfault", usage.page_faults), ("pgmajfault", usage.major_page_faults)] {
            let labels = row.labels(&[("failure_type", sort), ("scope", "container")]);
            out.value(name, &labels, count(number), Some(row.measured.time));
        }
    }
}

fn started(board: &Board, out: &mut Exposition) {
    let name = "container_start_time_seconds";
    out.family(name, Sort::Gauge, "Start time of the container since unix epoch in seconds.");
    for row in all(board) {
        if let Some(started) = row.started {
            out.value(name, &row.labels(&[]), since_1970(started), Some(row.measured.time));
        }
    }
}

/// The pod's interfaces, which are its containers' as well, are told once.
fn network(board: &Board, out: &mut Exposition) {
    for counter in &NETWORK {
        out.family(counter.name, Sort::Counter, counter.help);
        for row in all(board).filter(|row| row.container == [""; 3]) {
            for interface in &row.pod.interfaces {
                let mut labels = row.labels(&[]);
                labels.push(("interface", &interface.name));
                labels.sort_by_key(|(name, _)| *name);
                out.value(counter.name, &labels, count((counter.of)(interface)), Some(row.measured.time));
            }
        }
    }
}
