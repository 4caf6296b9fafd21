//! From readings to the node's conditions and to the threshold that is acted upon: a pure decision.

use std::collections::{BTreeMap, BTreeSet};

use seam::Timestamp;

use super::Condition;
use super::reading::{Reading, Readings};
use crate::backoff::later;
use crate::protection::{Protection, Threshold};

/// What earlier looks have left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Since when which threshold is met, by its place among the settings.
    since: BTreeMap<usize, Timestamp>,
    /// When which condition was last found.
    found: BTreeMap<Condition, Timestamp>,
    /// Thresholds that were acted upon and are not yet as far from being met as they should.
    unresolved: BTreeSet<usize>,
}

/// What follows from a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// Conditions that hold.
    pub conditions: BTreeSet<Condition>,
    /// What is acted upon now, and what was read of it.
    pub acute: Option<(Threshold, Reading)>,
}

/// Looks. A condition follows a threshold at once and leaves it late; action waits for the threshold's grace.
pub(crate) fn look(protection: &Protection, readings: &Readings, memory: &mut Memory, now: Timestamp) -> Outlook {
    let thresholds = protection.thresholds.iter().enumerate();
    let counts = |threshold: &Threshold| !threshold.own_disk_only || readings.images_apart;
    let read = thresholds.filter(|(_, threshold)| counts(threshold));
    let read = read.filter_map(|(at, threshold)| Some((at, *threshold, readings.get(threshold.signal)?)));
    let met: Vec<(usize, Threshold, Reading)> =
        read.filter(|(at, threshold, reading)| is_met(threshold, reading, memory.unresolved.contains(at))).collect();
    memory.since.retain(|at, _| met.iter().any(|(other, ..)| other == at));
    for (at, threshold, _) in &met {
        memory.since.entry(*at).or_insert(now);
        memory.found.insert(Condition::of(threshold.signal), now);
    }
    memory.found.retain(|_, found| *found == now || later(*found, protection.transition) > now);
    let due = |at: &usize, threshold: &Threshold| {
        memory.since.get(at).is_some_and(|since| later(*since, threshold.grace) <= now)
    };
    let acute: Vec<_> = met.into_iter().filter(|(at, threshold, _)| due(at, threshold)).collect();
    memory.unresolved = acute.iter().map(|(at, ..)| *at).collect();
    // A hard threshold is more urgent than a soft one of the same signal.
    let first = acute.into_iter().min_by_key(|(_, threshold, _)| (threshold.signal, !threshold.is_hard()));
    Outlook {
        conditions: memory.found.keys().copied().collect(),
        acute: first.map(|(_, threshold, reading)| (threshold, reading)),
    }
}

/// Whether there is too little. One that was acted upon is met until the minimum to reclaim is there, too.
pub(super) fn is_met(threshold: &Threshold, reading: &Reading, unresolved: bool) -> bool {
    let wanted = threshold.amount.of(reading.capacity);
    let more = threshold.minimum_reclaim.filter(|_| unresolved).map_or(0, |amount| amount.of(reading.capacity));
    reading.available < wanted.saturating_add(more)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protection::{Amount, Signal};

    const MEMORY: Threshold = Threshold {
        signal: Signal::MemoryAvailable,
        amount: Amount::Units(100),
        grace: Duration::ZERO,
        minimum_reclaim: None,
        own_disk_only: false,
    };

    /// Plays looks at seconds, with so much memory left, and tells for each: conditions, and whether it is acted upon.
    fn check(threshold: Threshold, story: &[(i64, u64, &str)]) {
        let protection =
            Protection { thresholds: vec![threshold], transition: Duration::from_secs(60), ..Protection::default() };
        let mut memory = Memory::default();
        for &(second, available, expected) in story {
            let reading = Reading { signal: Signal::MemoryAvailable, available, capacity: 1000 };
            let readings = Readings { of: vec![reading], images_apart: false };
            let now = Timestamp::from_second(second).unwrap();
            let found = look(&protection, &readings, &mut memory, now);
            let pressure = if found.conditions.contains(&Condition::Memory) { "pressure" } else { "calm" };
            let told = if found.acute.is_some() { format!("{pressure} evict") } else { pressure.to_owned() };
            assert_eq!(told, expected, "at {second} s with {available}");
        }
    }

    #[test]
    fn a_hard_threshold_is_acted_upon_at_once_and_its_condition_stays_a_while() {
        check(MEMORY, &[(0, 100, "calm"), (10, 99, "pressure evict"), (20, 500, "pressure"), (70, 500, "calm")]);
    }

    #[test]
    fn a_soft_threshold_has_to_be_met_all_the_time_of_its_grace() {
        let soft = Threshold { grace: Duration::from_secs(20), ..MEMORY };
        let story = [
            (0, 50, "pressure"),
            (10, 500, "pressure"),
            (20, 50, "pressure"),
            (30, 50, "pressure"),
            (40, 50, "pressure evict"),
        ];
        check(soft, &story);
    }

    #[test]
    fn what_was_acted_upon_ends_only_with_the_minimum_reclaim() {
        let more = Threshold { minimum_reclaim: Some(Amount::Share(10_000)), ..MEMORY };
        check(
            more,
            &[(0, 150, "calm"), (10, 99, "pressure evict"), (20, 150, "pressure evict"), (30, 200, "pressure")],
        );
    }

    #[test]
    fn memory_comes_first_and_images_count_only_apart() {
        let threshold = |signal, own_disk_only| Threshold { signal, own_disk_only, ..MEMORY };
        let thresholds = vec![
            threshold(Signal::ImagefsAvailable, true),
            threshold(Signal::PidAvailable, false),
            threshold(Signal::MemoryAvailable, false),
        ];
        let protection = Protection { thresholds, ..Protection::default() };
        let none = |signal| Reading { signal, available: 0, capacity: 1000 };
        for (images_apart, conditions) in [
            (false, vec![Condition::Memory, Condition::Pid]),
            (true, vec![Condition::Memory, Condition::Disk, Condition::Pid]),
        ] {
            let readings = Readings { of: Signal::ALL.map(none).to_vec(), images_apart };
            let found = look(&protection, &readings, &mut Memory::default(), Timestamp::UNIX_EPOCH);
            assert_eq!(found.conditions.into_iter().collect::<Vec<_>>(), conditions);
            assert_eq!(found.acute.map(|(threshold, _)| threshold.signal), Some(Signal::MemoryAvailable));
        }
    }
}
