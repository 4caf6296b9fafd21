//! What the disk takes to make a small write durable: the floor below every acknowledged write.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

/// Size of a write.
const BLOCK: usize = 4096;

/// Appends that many blocks to a file in the folder, each followed by fdatasync; the file is removed.
pub(crate) fn syncs(folder: &Path, count: usize) -> anyhow::Result<Vec<Duration>> {
    let path = folder.join("bench-syncs");
    let mut file = File::create_new(&path).with_context(|| format!("cannot make {}", path.display()))?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        file.write_all(&[0x5a; BLOCK])?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(times)
}
