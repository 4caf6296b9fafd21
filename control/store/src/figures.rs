//! Figures of the store: what is proposed, how long it takes until it holds, how much there is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api::meta::Epoch;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use seam::Disk;
use seam::metrics::{Metrics, SHORT};
use tokio::sync::watch;

use crate::command::Applied;
use crate::error::ProposeError;
use crate::truth::Truth;

type Outcomes = Family<[(&'static str, &'static str); 1], Counter>;

/// Proposals.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    proposals: Outcomes,
    pending: Gauge,
    took: Histogram,
}

impl Figures {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let figures = Self { proposals: Family::default(), pending: Gauge::default(), took: Histogram::new(SHORT) };
        let help = "Commands proposed to the store, by what became of them";
        metrics.register("bireme_store_proposals", help, figures.proposals.clone());
        let help = "Commands proposed and not yet answered";
        metrics.register("bireme_store_proposals_pending", help, figures.pending.clone());
        let help = "Time from a proposal until it is durable and applied, in seconds";
        metrics.register("bireme_store_commit_duration_seconds", help, figures.took.clone());
        figures
    }

    /// A command is proposed.
    pub(crate) fn begin(&self) -> Pending<'_> {
        self.pending.inc();
        Pending(self)
    }
}

/// A command that waits for its answer; counted until this is dropped.
pub(crate) struct Pending<'a>(&'a Figures);

impl Pending<'_> {
    /// The answer has come.
    pub(crate) fn end(self, outcome: &Result<Applied, ProposeError>, took: Duration) {
        let what = match outcome {
            Ok(_) => "applied",
            Err(ProposeError::Refused(_)) => "refused",
            Err(ProposeError::Unavailable { .. }) => "unavailable",
            Err(ProposeError::TooLarge { .. }) => "too_large",
            Err(ProposeError::Stopped { .. }) => "stopped",
        };
        self.0.proposals.get_or_create(&[("outcome", what)]).inc();
        if outcome.is_ok() {
            self.0.took.observe(took.as_secs_f64());
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.pending.dec();
    }
}

/// What there is, counted when somebody asks.
pub(crate) struct State {
    pub(crate) truth: Arc<Truth>,
    pub(crate) leadership: watch::Receiver<Option<Epoch>>,
    pub(crate) disk: Disk,
    pub(crate) files: Vec<(&'static str, PathBuf)>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let view = self.truth.view();
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        let mut run: Option<(&str, &str, i64)> = None;
        // Keys come in the order of resources, so that a name is put together once for all objects of a resource.
        for record in view.iter() {
            let (group, plural) = (record.key.group(), record.key.plural());
            run = match run {
                Some((of, what, count)) if (of, what) == (group, plural) => Some((of, what, count + 1)),
                known => {
                    counts.extend(known.map(named));
                    Some((group, plural, 1))
                }
            };
        }
        counts.extend(run.map(named));
        let objects = counts.into_iter().map(|(resource, count)| (("resource", resource), count));
        gauges(&mut encoder, "apiserver_storage_objects", "Number of stored objects, by resource", objects)?;
        let files = self.files.iter().filter_map(|(name, path)| {
            let length = self.disk.open(path).and_then(|file| file.len()).ok()?;
            Some((("file", (*name).to_owned()), i64::try_from(length).unwrap_or(i64::MAX)))
        });
        gauges(&mut encoder, "bireme_store_file_bytes", "Length of the store's files in bytes", files)?;
        let revision = i64::try_from(view.revision().0).unwrap_or(i64::MAX);
        gauge(&mut encoder, "bireme_store_revision", "Revision of the newest applied state", revision)?;
        let leads = i64::from(self.leadership.borrow().is_some());
        gauge(&mut encoder, "bireme_store_leader", "Whether this member leads, 1 or 0", leads)
    }
}

fn named((group, plural, count): (&str, &str, i64)) -> (String, i64) {
    (if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }, count)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = ((&'static str, String), i64)>,
) -> fmt::Result {
    let family = Family::<[(&'static str, String); 1], Gauge>::default();
    for (label, value) in values {
        family.get_or_create(&[label]).set(value);
    }
    family.encode(encoder.encode_descriptor(name, help, None, family.metric_type())?)
}
