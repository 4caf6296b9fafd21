//! Randomness.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A source of random numbers. Clones share it.
#[derive(Clone, Debug)]
pub struct Random(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The thread's cryptographic generator, seeded by the kernel.
    Real,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// Unpredictable numbers.
    #[must_use]
    pub fn real() -> Self {
        Self(Source::Real)
    }

    /// The numbers that follow from the seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// Fills the bytes.
    #[allow(clippy::disallowed_methods, reason = "this is the one place where the system is asked for randomness")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::Real => rand::rng().fill_bytes(bytes),
            Source::Seeded(generator) => generator.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes),
        }
    }

    /// Any number.
    #[must_use]
    pub fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Any number.
    #[must_use]
    pub fn u128(&self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    /// A number below `bound`; 0 when the bound is 0. The bias of the remainder is below 2^-32 for bounds that fit 32 bits.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        self.u64().checked_rem(bound).unwrap_or(0)
    }

    /// A version 4 UUID.
    #[must_use]
    pub fn uuid(&self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(self.u128().to_be_bytes()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_seed_others() {
        let numbers = |seed| {
            let random = Random::seeded(seed);
            (random.u64(), random.u128(), random.uuid())
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
        assert_eq!(Random::real().uuid().get_version_num(), 4);
        assert_ne!(Random::real().u128(), Random::real().u128());
    }
}
