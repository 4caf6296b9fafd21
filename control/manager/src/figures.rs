//! Figures of the queue and of the scheduler, under the names of client-go's workqueue and of kube-scheduler.

use std::time::Duration;

use api::meta::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use seam::metrics::{Metrics, SHORT};

type Label = [(&'static str, &'static str); 1];
type Times = Family<Label, Histogram, fn() -> Histogram>;

fn short() -> Histogram {
    Histogram::new(SHORT)
}

/// See the module. One set for the process, whatever the term of leadership.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    depth: Family<Label, Gauge>,
    adds: Family<Label, Counter>,
    retries: Family<Label, Counter>,
    waited: Times,
    worked: Times,
    attempts: Family<Label, Counter>,
    placing: Histogram,
    pods: Family<Label, Gauge>,
}

impl Figures {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let figures = Self {
            depth: Family::default(),
            adds: Family::default(),
            retries: Family::default(),
            waited: Family::new_with_constructor(short),
            worked: Family::new_with_constructor(short),
            attempts: Family::default(),
            placing: short(),
            pods: Family::default(),
        };
        let of = figures.clone();
        metrics.register("workqueue_depth", "Keys that are due now or later, by controller", of.depth);
        metrics.register("workqueue_adds", "Keys that became due, by controller", of.adds);
        metrics.register("workqueue_retries", "Keys due again after a refusal, by controller", of.retries);
        let help = "Time in seconds that a key was due before work on it began, by controller";
        metrics.register("workqueue_queue_duration_seconds", help, of.waited);
        let help = "Time in seconds that work on a key took, by controller";
        metrics.register("workqueue_work_duration_seconds", help, of.worked);
        metrics.register("scheduler_schedule_attempts", "Attempts to place a pod, by result", of.attempts);
        let help = "Time in seconds that the placing of a batch of pods took";
        metrics.register("scheduler_scheduling_algorithm_duration_seconds", help, of.placing);
        metrics.register("scheduler_pending_pods", "Pods that wait for a node, by queue", of.pods);
        figures
    }

    /// A term begins or ends: nothing is due.
    pub(crate) fn reset(&self) {
        self.depth.clear();
        self.pods.clear();
    }

    /// A key became due.
    pub(crate) fn due(&self, name: &'static str) {
        self.depth.get_or_create(&[("name", name)]).inc();
        self.adds.get_or_create(&[("name", name)]).inc();
    }

    /// A key is tried again; `fresh` when it was not due for another reason.
    pub(crate) fn again(&self, name: &'static str, fresh: bool) {
        self.retries.get_or_create(&[("name", name)]).inc();
        if fresh {
            self.due(name);
        }
    }

    /// Work begins on a key that was due since then.
    pub(crate) fn begun(&self, name: &'static str, since: Timestamp, now: Timestamp) {
        self.depth.get_or_create(&[("name", name)]).dec();
        let waited = now.duration_since(since).as_secs_f64().max(0.0);
        self.waited.get_or_create(&[("name", name)]).observe(waited);
    }

    /// Work on a key has ended.
    pub(crate) fn ended(&self, name: &'static str, took: Duration) {
        self.worked.get_or_create(&[("name", name)]).observe(took.as_secs_f64());
    }

    /// A pod was bound (`scheduled`), fits nowhere (`unschedulable`), or its binding was refused (`error`).
    pub(crate) fn attempt(&self, result: &'static str) {
        self.attempts.get_or_create(&[("result", result)]).inc();
    }

    /// A batch was placed.
    pub(crate) fn placed(&self, took: Duration) {
        self.placing.observe(took.as_secs_f64());
    }

    /// So many pods wait to be tried, and so many fit nowhere for now.
    pub(crate) fn pods(&self, active: usize, unschedulable: usize) {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.pods.get_or_create(&[("queue", "active")]).set(count(active));
        self.pods.get_or_create(&[("queue", "unschedulable")]).set(count(unschedulable));
    }
}

#[cfg(test)]
mod tests {
    use seam::Seam;

    use super::*;

    #[test]
    fn a_key_that_is_worked_on_does_not_wait_any_more() {
        let seam = Seam::real();
        let figures = Figures::new(seam.metrics());
        figures.due("deployment");
        figures.again("deployment", true);
        figures.begun("deployment", Timestamp::from_second(1).unwrap(), Timestamp::from_second(3).unwrap());
        figures.pods(2, 1);
        let text = seam.metrics().text().unwrap();
        for line in [
            "workqueue_depth{name=\"deployment\"} 1",
            "workqueue_adds_total{name=\"deployment\"} 2",
            "workqueue_retries_total{name=\"deployment\"} 1",
            "workqueue_queue_duration_seconds_sum{name=\"deployment\"} 2.0",
            "scheduler_pending_pods{queue=\"active\"} 2",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
        }
        figures.reset();
        assert!(!seam.metrics().text().unwrap().contains("workqueue_depth{"));
    }
}
