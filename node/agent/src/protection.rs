//! How a node protects itself, as it was asked to: what it keeps for the machine, when it evicts, how it shuts down.
//!
//! The settings have the names and forms of a kubelet's configuration. [`Wishes`] is the text, [`Protection`] what it means.
//!
//! Defaults are the kubelet's, with two differences. `nodefs.available` is 10 %, and never more than 10 GiB: a tenth of a large
//! disk that a node shares with other work is much room, and nobody wants pods evicted while it is there. `imagefs.available`
//! (15 %) counts only where images have a file system of their own; elsewhere it would overrule `nodefs.available`.

mod reserved;
mod shutdown;
mod threshold;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use reserved::Reserved;
pub(crate) use shutdown::Group;
pub use shutdown::PriorityWish;
#[cfg(test)]
pub(crate) use threshold::Amount;
pub(crate) use threshold::{Signal, Threshold};

/// Pods of a node when nothing else is asked for, as with the kubelet.
const PODS: u32 = 110;
/// How long a condition stays after its cause is gone, as with the kubelet.
const TRANSITION: Duration = Duration::from_mins(5);

/// The part of a configuration that is about protection, named as in a kubelet's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Wishes {
    kube_reserved: BTreeMap<String, serde_json::Value>,
    system_reserved: BTreeMap<String, serde_json::Value>,
    eviction_hard: Option<BTreeMap<String, String>>,
    eviction_soft: BTreeMap<String, String>,
    eviction_soft_grace_period: BTreeMap<String, String>,
    eviction_minimum_reclaim: BTreeMap<String, String>,
    eviction_max_pod_grace_period: u32,
    eviction_pressure_transition_period: Option<String>,
    max_pods: Option<u32>,
    pod_pids_limit: Option<i64>,
    shutdown_grace_period: Option<String>,
    shutdown_grace_period_critical_pods: Option<String>,
    shutdown_grace_period_by_pod_priority: Vec<PriorityWish>,
}

/// How a node protects itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// What is kept for the machine and for us.
    pub(crate) reserved: Reserved,
    /// When to evict.
    pub(crate) thresholds: Vec<Threshold>,
    /// The longest grace of a pod that a soft threshold evicts.
    pub(crate) soft_grace_max: Duration,
    /// How long a condition stays after its cause is gone.
    pub(crate) transition: Duration,
    /// Most pods.
    pub(crate) pods: u32,
    /// Most processes and threads of a pod; no bound when absent.
    pub(crate) pod_pids: Option<u64>,
    /// Who is ended when, and with what time, when the node shuts down: the lowest priority first.
    pub(crate) shutdown: Vec<Group>,
}

impl Default for Protection {
    fn default() -> Self {
        Self {
            reserved: Reserved::default(),
            thresholds: threshold::defaults(),
            soft_grace_max: Duration::ZERO,
            transition: TRANSITION,
            pods: PODS,
            pod_pids: None,
            shutdown: shutdown::defaults(),
        }
    }
}

/// A setting that means nothing: which one, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {why}")]
pub struct SettingError {
    /// Path of the setting.
    pub setting: String,
    /// What is wrong, and the remedy.
    pub why: String,
}

impl SettingError {
    fn new(setting: impl Into<String>, why: impl Into<String>) -> Self {
        Self { setting: setting.into(), why: why.into() }
    }
}

impl Protection {
    /// The longest time that ending all pods of a node that shuts down takes.
    #[must_use]
    pub fn shutdown_longest(&self) -> Duration {
        crate::shutdown::longest(&self.shutdown)
    }
}

impl Wishes {
    /// What the settings mean.
    ///
    /// # Errors
    /// For the first setting that means nothing.
    pub fn parse(&self) -> Result<Protection, SettingError> {
        let transition =
            optional("evictionPressureTransitionPeriod", self.eviction_pressure_transition_period.as_deref())?;
        let pod_pids = match self.pod_pids_limit {
            None | Some(-1) => None,
            Some(limit) => Some(u64::try_from(limit).ok().filter(|&limit| limit > 0).ok_or_else(|| {
                SettingError::new("podPidsLimit", format!("{limit} is no limit: give a number above 0, or -1 for none"))
            })?),
        };
        if self.max_pods == Some(0) {
            return Err(SettingError::new("maxPods", "a node without pods is of no use: give a number above 0"));
        }
        let shutdown = shutdown::parse(
            optional("shutdownGracePeriod", self.shutdown_grace_period.as_deref())?,
            optional("shutdownGracePeriodCriticalPods", self.shutdown_grace_period_critical_pods.as_deref())?,
            &self.shutdown_grace_period_by_pod_priority,
        )?;
        Ok(Protection {
            reserved: Reserved::parse(&self.kube_reserved, &self.system_reserved)?,
            thresholds: self.thresholds()?,
            soft_grace_max: Duration::from_secs(u64::from(self.eviction_max_pod_grace_period)),
            transition: transition.unwrap_or(TRANSITION),
            pods: self.max_pods.unwrap_or(PODS),
            pod_pids,
            shutdown,
        })
    }

    fn thresholds(&self) -> Result<Vec<Threshold>, SettingError> {
        let mut thresholds = match &self.eviction_hard {
            Some(hard) => threshold::parse("evictionHard", hard)?,
            None => threshold::defaults(),
        };
        for soft in threshold::parse("evictionSoft", &self.eviction_soft)? {
            let name = soft.signal.name();
            let path = format!("evictionSoftGracePeriod[{name}]");
            let missing =
                || SettingError::new(&path, "every signal of evictionSoft needs a period: give one, e.g. 90s");
            let grace = duration(&path, self.eviction_soft_grace_period.get(name).ok_or_else(missing)?)?;
            thresholds.push(Threshold { grace, ..soft });
        }
        for reclaim in threshold::parse("evictionMinimumReclaim", &self.eviction_minimum_reclaim)? {
            let of = thresholds.iter_mut().filter(|threshold| threshold.signal == reclaim.signal);
            of.for_each(|threshold| threshold.minimum_reclaim = Some(reclaim.amount));
        }
        Ok(thresholds)
    }
}

fn optional(setting: &str, text: Option<&str>) -> Result<Option<Duration>, SettingError> {
    text.map(|text| duration(setting, text)).transpose()
}

fn duration(setting: &str, text: &str) -> Result<Duration, SettingError> {
    let parsed = api::duration::parse(text).ok().and_then(|span| Duration::try_from(span).ok());
    parsed
        .ok_or_else(|| SettingError::new(setting, format!("{text:?} is no span of time: give one, e.g. 30s or 1m30s")))
}

#[cfg(test)]
mod tests;
