//! When a failed attempt is repeated.

use std::time::Duration;

use seam::Timestamp;

/// How attempts of one sort are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    first: Duration,
    longest: Duration,
}

impl Pace {
    /// Restarts and pulls: 10 s doubling to 300 s, as the kubelet spaces them ("Container restart policy" in the
    /// Kubernetes documentation).
    pub(crate) const CRASH: Self = Self { first: Duration::from_secs(10), longest: Duration::from_mins(5) };
    /// What only waits for somebody to create an object, such as a missing `ConfigMap`: soon, and never rarer than the
    /// kubelet's own synchronisation.
    pub(crate) const SOON: Self = Self { first: Duration::from_millis(500), longest: Duration::from_secs(10) };

    /// After this long without a failure the spacing begins anew.
    const FORGET: Duration = Duration::from_mins(10);
}

/// How long the next failure has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    delay: Duration,
    since: Timestamp,
}

impl Backoff {
    /// The state after one more attempt, made at `now` because the one before ended at `ended`.
    pub(crate) fn next(before: Option<Self>, pace: Pace, ended: Timestamp, now: Timestamp) -> Self {
        let delay = match before {
            Some(before) if !before.forgotten(ended) => (before.delay * 2).min(pace.longest),
            _ => pace.first,
        };
        Self { delay, since: now }
    }

    /// When to make the next attempt after one that ended at `ended`: at once when nothing failed lately.
    pub(crate) fn due(before: Option<Self>, ended: Timestamp) -> Timestamp {
        match before {
            Some(before) if !before.forgotten(ended) => later(ended, before.delay),
            _ => ended,
        }
    }

    /// The wait itself, as messages name it.
    pub(crate) fn delay(self) -> Duration {
        self.delay
    }

    fn forgotten(self, ended: Timestamp) -> bool {
        ended > later(self.since, Pace::FORGET)
    }
}

/// A moment that long after another; the end of time when there is none.
pub(crate) fn later(moment: Timestamp, time: Duration) -> Timestamp {
    moment.checked_add(time).unwrap_or(Timestamp::MAX)
}

/// How a wait is written in messages, as Go writes durations: `10s`, `2m40s`, `5m0s`.
pub(crate) fn written(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn doubles_to_five_minutes_and_forgets_after_ten() {
        let mut backoff = None;
        let mut now = at(1_000);
        let mut waits = Vec::new();
        for _ in 0..7 {
            let due = Backoff::due(backoff, now);
            waits.push(due.duration_since(now).as_secs());
            backoff = Some(Backoff::next(backoff, Pace::CRASH, now, due));
            now = due;
        }
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300]);
        let much_later = later(now, Duration::from_secs(601));
        assert_eq!(Backoff::due(backoff, much_later), much_later, "ten quiet minutes reset the wait");
        assert_eq!(Backoff::next(backoff, Pace::CRASH, much_later, much_later).delay(), Duration::from_secs(10));
    }

    #[test]
    fn is_written_as_go_writes_it() {
        for (seconds, text) in [(10, "10s"), (160, "2m40s"), (300, "5m0s")] {
            assert_eq!(written(Duration::from_secs(seconds)), text);
        }
    }
}
