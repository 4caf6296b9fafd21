//! Probes: calls that tell a container's health, and what a row of their answers means.

pub(crate) mod attempt;
mod call;
mod dial;
mod grpc;
mod http;
mod tally;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container as Spec, Probe};
use runtime::contract::Container;

pub(crate) use self::call::Call;
use self::tally::Tally;
use crate::carry::Carrier;
use crate::events::Weight;
use crate::observed::{moment, started_at};
use crate::policy;
use crate::seat::{News, ProbeNews, Seat};

/// How the kubelet of this level of Kubernetes names itself to servers that it probes.
const PROBER: &str = "kube-probe/1.37";
/// Until a container is ready it is looked at at least this often, so that it takes traffic soon after it can.
const UNREADY_PERIOD: Duration = Duration::from_secs(1);

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Whether it has started.
    Startup,
    /// Whether it may receive traffic.
    Readiness,
    /// Whether it should be restarted.
    Liveness,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }
}

/// What one call found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All is well.
    Good,
    /// Well enough, with something to tell.
    Warning(String),
    /// Not well: what was found instead.
    Bad(String),
    /// The call itself could not be made; it says nothing about the container.
    Unknown(String),
}

impl Found {
    /// Whether the container is well; none when nothing was learnt.
    fn verdict(&self) -> Option<bool> {
        match self {
            Self::Good | Self::Warning(_) => Some(true),
            Self::Bad(_) => Some(false),
            Self::Unknown(_) => None,
        }
    }

    /// The event that tells of it, as the kubelet writes it.
    fn event(&self, purpose: Purpose) -> Option<(&'static str, String)> {
        let title = purpose.title();
        match self {
            Self::Good => None,
            Self::Warning(what) => Some(("ProbeWarning", format!("{title} probe warning: {what}"))),
            Self::Bad(what) => Some(("Unhealthy", format!("{title} probe failed: {what}"))),
            Self::Unknown(why) => {
                Some(("Unhealthy", format!("{title} probe errored and resulted in unknown state: {why}")))
            }
        }
    }
}

/// Calls again and again, and tells the pod's worker what the row of answers means. Ends when a probe that is asked only until
/// its first verdict has one.
pub(crate) async fn watch(
    carrier: Carrier,
    seat: Arc<Seat>,
    spec: Spec,
    container: Container,
    purpose: Purpose,
    probe: Probe,
) {
    let seam = carrier.context.seam.clone();
    let whole = |seconds: Option<i32>, default: i64| policy::seconds(seconds.map_or(default, i64::from).max(1));
    let (period, limit) = (whole(probe.period_seconds, 10), whole(probe.timeout_seconds, 1));
    // Counted from the container's start, which may be long ago when this agent took it over.
    let delay = policy::seconds(i64::from(probe.initial_delay_seconds.unwrap_or(0)));
    let runs = Duration::try_from(seam.now().duration_since(moment(started_at(&container.state)))).unwrap_or_default();
    seam.sleep(delay.saturating_sub(runs)).await;
    let mut tally = Tally::default();
    let mut told = None;
    loop {
        let found = match Call::of_probe(&spec, &probe) {
            Ok(call) => attempt::probe(&carrier, &container.id, &call, limit).await,
            Err(why) => Found::Unknown(why),
        };
        if let Some((reason, message)) = found.event(purpose) {
            carrier.note(Some(&spec.name), Weight::Warning, reason, message);
        }
        let tell = |news| seat.tell(News::Probe(container.id.clone(), news));
        let verdict = found.verdict().filter(|&good| tally.count(good, &probe));
        match (purpose, verdict) {
            (Purpose::Startup, Some(true)) => return tell(ProbeNews::Started),
            (Purpose::Startup | Purpose::Liveness, Some(false)) => return tell(ProbeNews::Failed(purpose.name())),
            (Purpose::Readiness, Some(good)) if told != Some(good) => {
                told = Some(good);
                tell(ProbeNews::Ready(good));
            }
            _ => {}
        }
        let soon = purpose == Purpose::Readiness && told != Some(true);
        seam.sleep(if soon { period.min(UNREADY_PERIOD) } else { period }).await;
    }
}
