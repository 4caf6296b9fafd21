//! Time and tasks: one thing, since whoever runs tasks decides when a sleep is over.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use tokio::sync::watch;

use crate::sim::Executor;
use crate::task::Task;

/// A moment of wall-clock time, in UTC.
pub type Timestamp = jiff::Timestamp;

/// A moment of monotonic time: how long after the beginning of its world. Moments of two worlds do not compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The moment that long after the world began.
    #[must_use]
    pub const fn new(after_beginning: Duration) -> Self {
        Self(after_beginning)
    }

    /// Time from `earlier` to this moment; zero when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// The time given to a future was over before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not done within {0:?}")]
pub struct Elapsed(pub Duration);

/// Pushes the time of a real world ahead: for tests of what happens after a minute, over real sockets. See
/// [`crate::Seam::with_leaps`].
#[derive(Clone, Debug)]
pub struct Leaps(watch::Sender<Duration>);

impl Leaps {
    pub(crate) fn new() -> (Self, watch::Receiver<Duration>) {
        let (ahead, seen) = watch::channel(Duration::ZERO);
        (Self(ahead), seen)
    }

    /// Lets so much time pass at once; whoever slept until then wakes.
    pub fn leap(&self, time: Duration) {
        self.0.send_modify(|ahead| *ahead = ahead.saturating_add(time));
    }
}

/// Who tells the time and runs tasks.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    Real {
        began: Instant,
    },
    /// The real one, so much ahead.
    Leaping {
        began: Instant,
        ahead: watch::Receiver<Duration>,
    },
    Simulated(Executor),
}

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place where the system is asked for the time")]
    pub(crate) fn real() -> Self {
        Self::Real { began: Instant::now() }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place where the system is asked for the time")]
    pub(crate) fn leaping(ahead: watch::Receiver<Duration>) -> Self {
        Self::Leaping { began: Instant::now(), ahead }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place where the system is asked for the time")]
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Real { .. } => Timestamp::now(),
            Self::Leaping { ahead, .. } => Timestamp::now().saturating_add(*ahead.borrow()).unwrap_or(Timestamp::MAX),
            Self::Simulated(executor) => executor.now(),
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        match self {
            Self::Real { began } => Moment(began.elapsed()),
            Self::Leaping { began, ahead } => Moment(began.elapsed()) + *ahead.borrow(),
            Self::Simulated(executor) => executor.moment(),
        }
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        match self {
            Self::Real { .. } => tokio::time::sleep(time).await,
            // Boxed, because what only tests need is not to lie in every future that waits.
            Self::Leaping { ahead, .. } => Box::pin(self.sleep_through(self.moment() + time, ahead.clone())).await,
            Self::Simulated(executor) => executor.sleep(time).await,
        }
    }

    /// Sleeps until that moment, which a leap brings nearer.
    async fn sleep_through(&self, until: Moment, mut ahead: watch::Receiver<Duration>) {
        loop {
            ahead.mark_unchanged();
            let left = until.since(self.moment());
            if left.is_zero() {
                return;
            }
            let mut leap = pin!(ahead.changed());
            match select(leap.as_mut(), pin!(tokio::time::sleep(left))).await {
                Either::Left((Ok(()), _)) => {}
                // Nobody can leap any more: the rest takes its time.
                Either::Left((Err(_), rest)) => return rest.await,
                Either::Right(_) => return,
            }
        }
    }

    pub(crate) async fn timeout<F: Future>(&self, time: Duration, future: F) -> Result<F::Output, Elapsed> {
        match select(pin!(future), pin!(self.sleep(time))).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(((), _)) => Err(Elapsed(time)),
        }
    }

    pub(crate) fn spawn<F>(&self, name: &'static str, future: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (task, future) = Task::new(name, future);
        match self {
            Self::Real { .. } | Self::Leaping { .. } => drop(tokio::spawn(future)),
            Self::Simulated(executor) => executor.spawn(future),
        }
        task
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seam;

    /// More than any test waits.
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_leap_wakes_whoever_slept_until_then_and_nobody_else() {
        let (seam, leaps) = Seam::real().with_leaps();
        let (moment, now) = (seam.moment(), seam.now());
        let until = |time| seam.sleep_until(moment + time);
        let (first, second) = (pin!(until(LONG)), pin!(until(LONG * 2)));
        leaps.leap(LONG / 2);
        let Either::Right((_, first)) = select(first, pin!(tokio::task::yield_now())).await else {
            panic!("half of the time is not all of it")
        };
        leaps.leap(LONG / 2);
        let Either::Left(((), second)) = select(first, second).await else { panic!("the later one woke first") };
        assert!(seam.moment().since(moment) >= LONG && seam.now().duration_since(now).as_secs() >= 3600);
        leaps.leap(LONG);
        second.await;
        assert!(seam.timeout(LONG, std::future::ready(())).await.is_ok());
    }
}
