//! One line of JSON over a pipe.

use std::io::{self, BufRead, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest line: certificates and keys take a few KiB.
pub(crate) const LENGTH_MAX: u64 = 256 << 10;

/// Reads one line from this process's standard input, which stays open.
pub(crate) fn read<T: DeserializeOwned>() -> io::Result<T> {
    let mut line = Vec::new();
    // Byte-wise behind the standard library's own buffer: what follows the line must stay readable for the watch on its end.
    let mut input = io::Read::take(io::stdin().lock(), LENGTH_MAX);
    input.read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// Writes one line to this process's standard output.
pub(crate) fn write<T: Serialize>(value: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// Blocks until standard input ends: the parent is gone, or wants us gone.
pub(crate) fn wait_for_end() -> io::Result<()> {
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop)
}
