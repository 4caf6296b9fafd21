//! Figures about what goes on: counted where things happen, read in one text.
//!
//! A component makes its counters once, registers them under a name, and keeps a clone to count with. The names are those of
//! Kubernetes where it has the figure, so that dashboards fit.

mod process;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::registry::{Metric, Registry};

/// Media type of [`Metrics::text`].
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Bounds of histograms of short work, in seconds: from a memory access to a lost leader.
pub const SHORT: [f64; 12] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0];

/// The figures of one world. Cheap to clone; all clones are the same figures.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Metrics {
    /// Nothing is counted yet.
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Nothing but what the system tells about this process.
    pub(crate) fn real() -> Self {
        let metrics = Self::new();
        metrics.collect(process::Process);
        metrics
    }

    /// Shows a figure under a name without the suffix `_total`, which counters get. Whoever counts keeps a clone.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).register(name, help, metric);
    }

    /// Shows figures that are looked up when somebody reads them.
    pub fn collect(&self, collector: impl Collector) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).register_collector(Box::new(collector));
    }

    /// All figures in the text form of Prometheus, version 0.0.4.
    ///
    /// # Errors
    /// When a collector cannot say its figures.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut open = String::new();
        text::encode_registry(&mut open, &self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(classic(&open))
    }
}

/// OpenMetrics as the older form, which every reader knows: there a counter's suffix is part of its name everywhere.
fn classic(open: &str) -> String {
    let counters: Vec<&str> =
        open.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut out = String::with_capacity(open.len() + counters.len() * 2 * "_total".len());
    for line in open.lines() {
        let described = ["# HELP ", "# TYPE "].iter().find_map(|start| Some((*start, line.strip_prefix(*start)?)));
        match described.and_then(|(start, rest)| Some((start, rest.split_once(' ')?))) {
            Some((start, (name, rest))) if counters.contains(&name) => {
                out.extend([start, name, "_total ", rest]);
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;

    use super::*;

    #[test]
    fn figures_read_as_prometheus_reads_them() {
        let metrics = Metrics::new();
        let requests = Family::<[(&str, &str); 1], Counter>::default();
        metrics.register("apiserver_request", "Requests answered", requests.clone());
        requests.get_or_create(&[("verb", "GET")]).inc_by(2);
        let depth = Gauge::<i64>::default();
        metrics.register("workqueue_depth", "Keys that wait", depth.clone());
        depth.set(3);
        let took = Histogram::new([0.5]);
        metrics.register("took_seconds", "Time taken", took.clone());
        took.observe(0.25);
        let want = "# HELP apiserver_request_total Requests answered.\n# TYPE apiserver_request_total counter\n\
                    apiserver_request_total{verb=\"GET\"} 2\n\
                    # HELP workqueue_depth Keys that wait.\n# TYPE workqueue_depth gauge\nworkqueue_depth 3\n\
                    # HELP took_seconds Time taken.\n# TYPE took_seconds histogram\ntook_seconds_sum 0.25\n\
                    took_seconds_count 1\ntook_seconds_bucket{le=\"0.5\"} 1\ntook_seconds_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(metrics.text().unwrap(), want);
    }

    #[test]
    fn a_process_knows_its_own_size_and_age() {
        let text = Metrics::real().text().unwrap();
        let figure = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{name} is not in {text}")).parse::<f64>().unwrap()
        };
        assert!(figure("process_resident_memory_bytes") > 65_536.0);
        assert!(figure("process_virtual_memory_bytes") >= figure("process_resident_memory_bytes"));
        assert!(figure("process_open_fds") >= 3.0 && figure("process_open_fds") <= figure("process_max_fds"));
        assert!(figure("process_cpu_seconds_total") >= 0.0);
        let now = crate::Seam::real().now().as_second() as f64;
        let started = figure("process_start_time_seconds");
        assert!(started <= now + 1.0 && started > now - 86_400.0, "{started} {now}");
    }
}
