//! Who is ended when, when a node shuts down.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SettingError;
use crate::policy::CRITICAL;

/// One line of `shutdownGracePeriodByPodPriority`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PriorityWish {
    priority: i32,
    shutdown_grace_period_seconds: u32,
}

/// Pods from this priority up to that of the next group, and how long they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// Its least priority.
    pub priority: i32,
    /// How long its pods have.
    pub grace: Duration,
}

/// What holds when nothing is given: unlike a kubelet, a node shuts down only when it is told to, and then it should end well.
pub(super) fn defaults() -> Vec<Group> {
    const OTHERS: Duration = Duration::from_secs(20);
    const CRITICALS: Duration = Duration::from_secs(10);
    vec![Group { priority: 0, grace: OTHERS }, Group { priority: CRITICAL, grace: CRITICALS }]
}

/// Groups, the lowest priority first.
pub(super) fn parse(
    whole: Option<Duration>,
    critical: Option<Duration>,
    listed: &[PriorityWish],
) -> Result<Vec<Group>, SettingError> {
    let (whole, critical) = (whole.unwrap_or_default(), critical.unwrap_or_default());
    if !listed.is_empty() {
        if !whole.is_zero() || !critical.is_zero() {
            let why = "it cannot stand beside shutdownGracePeriod and shutdownGracePeriodCriticalPods: leave one out";
            return Err(SettingError::new("shutdownGracePeriodByPodPriority", why));
        }
        let group = |wish: &PriorityWish| Group {
            priority: wish.priority,
            grace: Duration::from_secs(u64::from(wish.shutdown_grace_period_seconds)),
        };
        let mut groups: Vec<Group> = listed.iter().map(group).collect();
        groups.sort_by_key(|group| group.priority);
        return Ok(groups);
    }
    let Some(others) = whole.checked_sub(critical) else {
        let why = format!("it is a part of shutdownGracePeriod: give at most {whole:?}");
        return Err(SettingError::new("shutdownGracePeriodCriticalPods", why));
    };
    if whole.is_zero() {
        return Ok(defaults());
    }
    Ok(vec![Group { priority: 0, grace: others }, Group { priority: CRITICAL, grace: critical }])
}
