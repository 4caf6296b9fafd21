//! One measurement of everything, and what follows from it and the one before.

use std::collections::BTreeMap;
use std::time::Duration;

use runtime::contract::Usage;
use seam::{Moment, Timestamp};

use super::network::Interface;

/// Age below which a container's rate may be taken over its whole life, because there is no earlier measurement.
pub(super) const YOUNG: Duration = Duration::from_secs(20);

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board {
    /// The node; none before the first measurement, or when the kernel does not say.
    pub node: Option<Node>,
    /// Pods by uid.
    pub pods: BTreeMap<String, Pod>,
    /// Pods that could not be measured.
    pub failures: usize,
}

/// What was measured of one thing, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// For people.
    pub time: Timestamp,
    /// For arithmetic.
    pub moment: Moment,
    /// Counters and amounts.
    pub usage: Usage,
    /// CPU as a rate; none after the first look.
    pub rate: Option<Rate>,
}

/// CPU per time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// In billionths of a core.
    pub nano_cores: u64,
    /// Time over which it was measured.
    pub window: Duration,
}

/// The node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Its name.
    pub name: String,
    /// When it booted.
    pub booted: Option<Timestamp>,
    /// What its processes use, the kernel included.
    pub measured: Measured,
    /// Bytes that may still be had without reclaiming working sets.
    pub available: u64,
    /// The file system of the agent.
    pub disk: Option<Disk>,
}

/// A file system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk {
    /// Size, in bytes.
    pub capacity: u64,
    /// Bytes that may still be written.
    pub available: u64,
    /// Bytes in use.
    pub used: u64,
    /// Files that there can be, and may still be made.
    pub inodes: (u64, u64),
}

/// A pod with a sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// When its sandbox was made.
    pub started: Option<Timestamp>,
    /// All of it.
    pub measured: Measured,
    /// Its running containers, by id.
    pub containers: BTreeMap<String, Container>,
    /// Its own interfaces; none on the node's network.
    pub interfaces: Vec<Interface>,
}

/// A running container.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    /// Name in the pod.
    pub name: String,
    /// Image as the runtime knows it.
    pub image: String,
    /// When it started.
    pub started: Option<Timestamp>,
    /// What it uses.
    pub measured: Measured,
}

impl Measured {
    /// A measurement with its rate: since the one before, or over a short life. A counter that went back (a new group of the
    /// same name) has no rate.
    pub(crate) fn after(self, before: Option<&Self>, age: Option<Duration>) -> Self {
        let since = before.map(|before| (self.moment.since(before.moment), before.usage.cpu_nanos));
        let since = since.or_else(|| age.filter(|age| *age < YOUNG).map(|age| (age, 0)));
        Self { rate: since.and_then(|(window, from)| rate(self.usage.cpu_nanos.checked_sub(from)?, window)), ..self }
    }
}

/// CPU time per time, in billionths of a core.
fn rate(nanos: u64, window: Duration) -> Option<Rate> {
    let per_second = u128::from(nanos).checked_mul(1_000_000_000)?.checked_div(window.as_nanos())?;
    Some(Rate { nano_cores: u64::try_from(per_second).ok()?, window })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn measured(at: u32, cpu_nanos: u64) -> Measured {
        let usage = Usage { cpu_nanos, ..Usage::default() };
        Measured { time: Timestamp::UNIX_EPOCH, moment: Moment::new(SECOND * at), usage, rate: None }
    }

    fn check(before: Option<(u32, u64)>, age: Option<u32>, now: (u32, u64), want: Option<(u64, u32)>) {
        let before = before.map(|(at, cpu)| measured(at, cpu));
        let got = measured(now.0, now.1).after(before.as_ref(), age.map(|age| SECOND * age)).rate;
        assert_eq!(got, want.map(|(nano_cores, window)| Rate { nano_cores, window: SECOND * window }));
    }

    #[test]
    fn a_rate_is_taken_between_two_looks_or_over_a_short_life() {
        check(Some((10, 1_000_000_000)), None, (20, 6_000_000_000), Some((500_000_000, 10)));
        check(None, Some(4), (20, 1_000_000_000), Some((250_000_000, 4)));
        check(None, Some(300), (20, 1_000_000_000), None);
        check(None, None, (20, 1_000_000_000), None);
    }

    #[test]
    fn what_went_back_or_took_no_time_has_no_rate() {
        check(Some((10, 5)), None, (20, 4), None);
        check(Some((20, 5)), None, (20, 6), None);
    }
}
