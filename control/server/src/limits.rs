//! How much a server takes on at once, and for how long.

use std::time::Duration;

/// See the module. Each limit bounds memory or descriptors that a client could otherwise hold without end.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Reads under way at once.
    pub reads: usize,
    /// Writes under way at once.
    pub writes: usize,
    /// Longest time for a request that is not a stream, its wait for a seat included.
    pub request: Duration,
    /// Longest wait of a request for a seat.
    pub wait: Duration,
    /// Longest wait for the head of the next request on an HTTP/1.1 connection, idle ones included.
    pub head: Duration,
    /// Longest wait for requests under way when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    /// As kube-apiserver: `--max-requests-inflight`, `--max-mutating-requests-inflight`, `--request-timeout`, a quarter of
    /// that in a queue, Go's idle time; draining ends before a supervisor would kill the process.
    fn default() -> Self {
        Self {
            reads: 400,
            writes: 200,
            request: Duration::from_secs(60),
            wait: Duration::from_secs(15),
            head: Duration::from_secs(90),
            drain: Duration::from_secs(10),
        }
    }
}
