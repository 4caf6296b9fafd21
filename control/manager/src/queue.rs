//! Keys that are due, each once, the earliest time first, with a back-off for those that fail.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use api::meta::Timestamp;

/// Wait after the first failure; doubles with each (client-go's workqueue begins at 5 ms).
const FIRST_BACKOFF: Duration = Duration::from_millis(5);
/// Longest wait between tries. Shorter than client-go's 1000 s: a wait of a minute is what a user will bear.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// What a key waits for.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    /// When it is due, if it is.
    due: Option<Timestamp>,
    /// Failures in a row.
    failures: u32,
}

/// A deduplicating queue. A key that is being worked on is not handed out again until it is [`Queue::finished`].
#[derive(Debug)]
pub(crate) struct Queue<K> {
    standing: HashMap<K, Standing>,
    order: BTreeSet<(Timestamp, K)>,
    working: HashSet<K>,
}

impl<K: Clone + Ord + Hash> Queue<K> {
    pub(crate) fn new() -> Self {
        Self { standing: HashMap::new(), order: BTreeSet::new(), working: HashSet::new() }
    }

    /// Makes a key due at that time, or earlier if it was due earlier. Answers whether it was not due at all before.
    pub(crate) fn push(&mut self, key: K, at: Timestamp) -> bool {
        let standing = self.standing.entry(key.clone()).or_default();
        let known = standing.due;
        if known.is_none_or(|known| at < known) {
            if let Some(known) = known {
                self.order.remove(&(known, key.clone()));
            }
            standing.due = Some(at);
            self.order.insert((at, key));
        }
        known.is_none()
    }

    /// Takes a key that is due and not being worked on, and since when it was due.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(K, Timestamp)> {
        let due = self.order.iter().take_while(|(at, _)| *at <= now);
        let (at, key) = due.into_iter().find(|(_, key)| !self.working.contains(key))?.clone();
        self.order.remove(&(at, key.clone()));
        if let Some(standing) = self.standing.get_mut(&key) {
            standing.due = None;
        }
        self.working.insert(key.clone());
        Some((key, at))
    }

    /// When the next key that nobody works on is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.order.iter().find(|(_, key)| !self.working.contains(key)).map(|(at, _)| *at)
    }

    /// The work on a key has ended well; its failures are forgotten.
    pub(crate) fn finished(&mut self, key: &K) {
        self.working.remove(key);
        if self.standing.get(key).is_some_and(|standing| standing.due.is_none()) {
            self.standing.remove(key);
        } else if let Some(standing) = self.standing.get_mut(key) {
            standing.failures = 0;
        }
    }

    /// The work on a key has failed: it is due again after `at_least`, and later the more often it failed. Answers as
    /// [`Queue::push`].
    pub(crate) fn failed(&mut self, key: &K, now: Timestamp, at_least: Duration) -> bool {
        self.working.remove(key);
        let standing = self.standing.entry(key.clone()).or_default();
        let backoff = FIRST_BACKOFF.saturating_mul(1 << standing.failures.min(16)).min(LONGEST_BACKOFF);
        standing.failures += 1;
        let wait = backoff.max(at_least);
        self.push(key.clone(), now.checked_add(wait).unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn a_key_stands_once_and_the_earlier_time_wins() {
        let mut queue = Queue::new();
        assert!(queue.push("a", at(50)));
        assert!(!queue.push("a", at(10)));
        queue.push("a", at(90));
        assert_eq!(queue.next(), Some(at(10)));
        assert_eq!(queue.pop(at(9)), None);
        assert_eq!(queue.pop(at(10)), Some(("a", at(10))));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn a_key_in_work_waits_until_it_is_finished() {
        let mut queue = Queue::new();
        queue.push("a", at(0));
        assert_eq!(queue.pop(at(0)), Some(("a", at(0))));
        queue.push("a", at(0));
        queue.push("b", at(1));
        assert_eq!(queue.pop(at(5)), Some(("b", at(1))));
        assert_eq!(queue.pop(at(5)), None);
        queue.finished(&"a");
        assert_eq!(queue.pop(at(5)), Some(("a", at(0))));
    }

    #[test]
    fn failures_wait_longer_each_time_up_to_a_limit() {
        let mut queue = Queue::new();
        queue.push("a", at(0));
        let mut waits = Vec::new();
        for _ in 0..20 {
            let now = queue.next().unwrap();
            assert_eq!(queue.pop(now), Some(("a", now)));
            queue.failed(&"a", now, Duration::ZERO);
            waits.push(queue.next().unwrap().as_millisecond() - now.as_millisecond());
        }
        assert_eq!(&waits[..4], [5, 10, 20, 40]);
        assert_eq!(waits.last(), Some(&60_000));
    }
}
