//! A world of one thread that a seed determines.

mod executor;

pub use executor::{Deadlock, Executor};

use crate::Seam;
use crate::clock::Clock;
use crate::random::Random;

/// A simulated world: virtual time, tasks in an order that the seed picks.
#[derive(Clone, Debug)]
pub struct Simulation {
    seam: Seam,
    executor: Executor,
}

impl Simulation {
    /// The world that follows from this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let random = Random::seeded(seed);
        let executor = Executor::new(Random::seeded(random.u64()));
        let seam = Seam { clock: Clock::Simulated(executor.clone()), random: random.clone() };
        Self { seam, executor }
    }

    /// The seam to give to the code under test.
    #[must_use]
    pub fn seam(&self) -> Seam {
        self.seam.clone()
    }

    /// Runs until `main` is done; other tasks stay as they are and go on at the next run.
    ///
    /// # Errors
    /// When every task waits and no sleep is pending.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> Result<T, Deadlock> {
        self.executor.run(main)
    }

    /// Drops every task, as a killed process does.
    pub fn kill(&self) {
        self.executor.kill_all();
    }
}
