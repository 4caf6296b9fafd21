//! The world from outside: clocks, randomness, tasks, files, sockets, and who counts what goes on; real and simulated.
//!
//! Store, manager, server timers and agent take all of these from a [`Seam`] that they are given, never from the system, so
//! that a test can run them on one thread, in virtual time, on a disk that loses power, and repeat it from a seed.
//!
//! - [`Seam::real`] is the system: tokio's clock and tasks, the kernel's randomness, files and sockets. A test may push its
//!   clock ahead, see [`Seam::with_leaps`].
//! - [`sim::Simulation`] is a seeded single-threaded world. Time passes only when nobody can run.
//!
//! What still runs beside the seam: openraft, on its tokio runtime. `openraft::AsyncRuntime` asks for exactly what
//! [`sim::Simulation`] has (spawn, sleep, an instant, channels of `tokio::sync`, which work on any executor); implementing it on
//! [`Seam`] belongs in the store's `raft` module, beside its type configuration, and replaces the one line that names
//! `TokioRuntime` there.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests assert"))]

pub mod clock;
pub mod disk;
pub mod metrics;
pub mod random;
pub mod sim;
pub mod socket;
pub mod task;
pub mod worker;

use std::time::Duration;

pub use clock::{Elapsed, Leaps, Moment, Timestamp};
pub use disk::{Disk, File};
pub use metrics::Metrics;
pub use random::Random;
pub use socket::Sockets;
pub use task::Task;
pub use worker::Worker;

use clock::Clock;

/// A handle to the world. Cheap to clone; all clones are the same world.
#[derive(Clone, Debug)]
pub struct Seam {
    clock: Clock,
    random: Random,
    disk: Disk,
    sockets: Sockets,
    metrics: Metrics,
}

impl Seam {
    /// The system. Tasks and sleeps need a tokio runtime around the caller.
    #[must_use]
    pub fn real() -> Self {
        Self {
            clock: Clock::real(),
            random: Random::real(),
            disk: Disk::real(),
            sockets: Sockets::real(),
            metrics: Metrics::real(),
        }
    }

    /// This world with another disk: real tasks and time over a disk that can be cut.
    #[must_use]
    pub fn with_disk(self, disk: Disk) -> Self {
        Self { disk, ..self }
    }

    /// This world with a clock that can be pushed ahead: real tasks and sockets, and minutes that pass at once.
    #[must_use]
    pub fn with_leaps(self) -> (Self, Leaps) {
        let (leaps, ahead) = Leaps::new();
        (Self { clock: Clock::leaping(ahead), ..self }, leaps)
    }

    /// Wall-clock time. It may jump; measure durations with [`Seam::moment`].
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Monotonic time since this world began.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.clock.moment()
    }

    /// Waits.
    pub async fn sleep(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Waits until a moment; not at all when it has passed.
    pub async fn sleep_until(&self, moment: Moment) {
        self.clock.sleep(moment.since(self.moment())).await;
    }

    /// Waits for the future, but not longer than `time`.
    ///
    /// # Errors
    /// When the time was over first; the future is dropped.
    pub async fn timeout<F: Future>(&self, time: Duration, future: F) -> Result<F::Output, Elapsed> {
        self.clock.timeout(time, future).await
    }

    /// Runs a future in the background. It goes on when the handle is dropped; its name appears in logs.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.clock.spawn(name, future)
    }

    /// Starts a worker that may block: a thread of its own in the real world, a task in the simulated one. See [`worker`].
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn worker<T, F>(&self, name: &'static str, queue_max: usize, handle: F) -> std::io::Result<Worker<T>>
    where
        T: Send + 'static,
        F: FnMut(Vec<T>) + Send + 'static,
    {
        worker::start(&self.clock, name, queue_max, handle)
    }

    /// Randomness: unpredictable in the real world, from the seed in the simulated one.
    #[must_use]
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// A version 4 UUID.
    #[must_use]
    pub fn uuid(&self) -> uuid::Uuid {
        self.random.uuid()
    }

    /// Files.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Where figures are shown.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Stream sockets.
    #[must_use]
    pub fn sockets(&self) -> &Sockets {
        &self.sockets
    }
}
