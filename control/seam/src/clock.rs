//! Time and tasks: one thing, since whoever runs tasks decides when a sleep is over.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::{Either, select};

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

/// Who tells the time and runs tasks.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    Real { began: Instant },
    Simulated(Executor),
}

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place where the system is asked for the time")]
    pub(crate) fn real() -> Self {
        Self::Real { began: Instant::now() }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place where the system is asked for the time")]
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Real { .. } => Timestamp::now(),
            Self::Simulated(executor) => executor.now(),
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        match self {
            Self::Real { began } => Moment(began.elapsed()),
            Self::Simulated(executor) => executor.moment(),
        }
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        match self {
            Self::Real { .. } => tokio::time::sleep(time).await,
            Self::Simulated(executor) => executor.sleep(time).await,
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
            Self::Real { .. } => drop(tokio::spawn(future)),
            Self::Simulated(executor) => executor.spawn(future),
        }
        task
    }
}
