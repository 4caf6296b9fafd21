//! When a node evicts: a signal, and how little of it is too little.

use std::collections::BTreeMap;
use std::time::Duration;

use api::quantity::Quantity;
use serde::{Deserialize, Serialize};

use super::SettingError;

/// What is watched ("Node-pressure Eviction" in the Kubernetes documentation). In the order in which it is acted upon: memory
/// first, because a kernel without it kills whom it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Signal {
    /// Memory, in bytes.
    MemoryAvailable,
    /// The file system of the pods' volumes and logs, in bytes.
    NodefsAvailable,
    /// The same, in files.
    NodefsInodesFree,
    /// The file system of images and writable layers, in bytes.
    ImagefsAvailable,
    /// The same, in files.
    ImagefsInodesFree,
    /// Process ids.
    PidAvailable,
}

impl Signal {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::MemoryAvailable,
        Self::NodefsAvailable,
        Self::NodefsInodesFree,
        Self::ImagefsAvailable,
        Self::ImagefsInodesFree,
        Self::PidAvailable,
    ];

    /// Its name in settings.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MemoryAvailable => "memory.available",
            Self::NodefsAvailable => "nodefs.available",
            Self::NodefsInodesFree => "nodefs.inodesFree",
            Self::ImagefsAvailable => "imagefs.available",
            Self::ImagefsInodesFree => "imagefs.inodesFree",
            Self::PidAvailable => "pid.available",
        }
    }
}

/// An amount of what a signal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Amount {
    /// So many.
    Units(u64),
    /// So many thousandths of a percent of what there is.
    Share(u32),
    /// The smaller of such a share and so many.
    ShareUpTo(u32, u64),
}

impl Amount {
    /// In units, of a capacity.
    pub(crate) fn of(self, capacity: u64) -> u64 {
        /// One whole in thousandths of a percent.
        const WHOLE: u128 = 100_000;
        let share = |share: u32| {
            u64::try_from(u128::from(capacity).saturating_mul(u128::from(share)) / WHOLE).unwrap_or(u64::MAX)
        };
        match self {
            Self::Units(units) => units,
            Self::Share(part) => share(part),
            Self::ShareUpTo(part, most) => share(part).min(most),
        }
    }
}

/// When to evict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Threshold {
    /// What is watched.
    pub signal: Signal,
    /// Less than this is too little.
    pub amount: Amount,
    /// For how long it must have been too little; no time at all for a hard threshold.
    pub grace: Duration,
    /// How much more than the threshold must be had again.
    pub minimum_reclaim: Option<Amount>,
    /// It counts only where images have a file system of their own.
    pub own_disk_only: bool,
}

impl Threshold {
    const fn hard(signal: Signal, amount: Amount) -> Self {
        Self { signal, amount, grace: Duration::ZERO, minimum_reclaim: None, own_disk_only: false }
    }

    /// Whether pods are evicted at once and with no time to end.
    pub(crate) fn is_hard(&self) -> bool {
        self.grace.is_zero()
    }
}

/// What holds when no hard threshold is given.
pub(super) fn defaults() -> Vec<Threshold> {
    let images = |signal, share| Threshold { own_disk_only: true, ..Threshold::hard(signal, Amount::Share(share)) };
    vec![
        Threshold::hard(Signal::MemoryAvailable, Amount::Units(100 << 20)),
        Threshold::hard(Signal::NodefsAvailable, Amount::ShareUpTo(10_000, 10 << 30)),
        Threshold::hard(Signal::NodefsInodesFree, Amount::Share(5_000)),
        images(Signal::ImagefsAvailable, 15_000),
        images(Signal::ImagefsInodesFree, 5_000),
    ]
}

/// Reads amounts by signal. A threshold of 0 % or 100 % is none, as with the kubelet.
pub(super) fn parse(setting: &str, wishes: &BTreeMap<String, String>) -> Result<Vec<Threshold>, SettingError> {
    let mut thresholds = Vec::new();
    for (name, text) in wishes {
        let path = format!("{setting}[{name}]");
        let names = || Signal::ALL.map(Signal::name).join(", ");
        let signal = Signal::ALL.into_iter().find(|signal| signal.name() == name);
        let signal = signal
            .ok_or_else(|| SettingError::new(&path, format!("there is no such signal: give one of {}", names())))?;
        let why = || format!("{text:?} is no amount: give a quantity such as 100Mi, or a share such as 10%");
        let amount = amount(text).ok_or_else(|| SettingError::new(&path, why()))?;
        if !matches!(amount, Amount::Share(0 | 100_000)) {
            thresholds.push(Threshold::hard(signal, amount));
        }
    }
    Ok(thresholds)
}

fn amount(text: &str) -> Option<Amount> {
    let number = |text: &str| text.parse::<Quantity>().ok().filter(|quantity| !quantity.is_negative());
    match text.strip_suffix('%') {
        Some(share) => {
            let share = u32::try_from(number(share)?.milli()).ok()?;
            (share <= 100_000).then_some(Amount::Share(share))
        }
        None => number(text).and_then(|quantity| u64::try_from(quantity.bytes()).ok()).map(Amount::Units),
    }
}
