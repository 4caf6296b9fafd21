//! Lines for people who look after a node: the zygote's go where the agent's go, a shim's to its own `shim.log`.

use std::io::Write;

use jiff::Timestamp;

/// Writes a line with the time to standard error.
///
/// Processes that fork have no tracing subscriber: its buffers and locks are not made to be forked.
pub(crate) fn note(text: &str) {
    let line = format!("{:.3} {text}\n", Timestamp::now());
    // There is nowhere left to report that reporting failed.
    std::io::stderr().write_all(line.as_bytes()).unwrap_or_default();
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
