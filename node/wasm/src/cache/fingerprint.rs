//! What compiled code depends on besides the artifact: wasmtime's version and settings, and the processor.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

use crate::engine::{Class, EngineError, config};

/// Hexadecimal digits of the fingerprint that a file name carries.
const DIGITS: usize = 32;

/// A hasher whose result is the same in every build, unlike the standard library's.
#[derive(Default)]
struct Stable(Sha256);

impl Hasher for Stable {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}

/// The fingerprint of this build on this processor. Settings inferred from the processor (its vector extensions, for
/// example) are part of what wasmtime hashes.
pub(super) fn current() -> Result<String, EngineError> {
    let engine = Engine::new(&config(Class::Compile)).map_err(EngineError)?;
    let mut hasher = Stable::default();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut digits = hex::encode(hasher.0.finalize());
    digits.truncate(DIGITS);
    Ok(digits)
}
