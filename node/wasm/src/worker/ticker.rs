//! The clock that interrupts guests: a thread that raises the engine's epoch while one of them computes.
//!
//! A worker whose guests wait costs nothing: the clock rests when none has had a turn for a while, and the next turn wakes it.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How long a guest computes before other requests and signals get their turn. Ticking costs 0.3 % of a core.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Ticks without a turn after which the clock rests. Waking it costs a system call, which a busy server would pay each time.
const TICKS_TO_REST: u32 = 10;

/// What the clock and the guests know of each other.
#[derive(Debug, Default)]
struct Shared {
    computing: AtomicBool,
    resting: AtomicBool,
    ended: AtomicBool,
}

/// A running clock; dropping it stops the thread.
#[derive(Debug)]
pub(super) struct Ticker {
    beat: Beat,
    thread: Option<JoinHandle<()>>,
}

/// What gives guests their turns.
#[derive(Clone, Debug)]
pub(super) struct Beat {
    shared: Arc<Shared>,
    clock: Thread,
}

/// A turn of a guest, until it is dropped.
struct Turn<'a>(&'a Shared);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.computing.store(false, Ordering::Relaxed);
    }
}

impl Ticker {
    pub(super) fn start(engine: &Engine) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (engine, behind) = (engine.weak(), Arc::clone(&shared));
        let thread = thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            let tick = || engine.upgrade().map(|engine| engine.increment_epoch()).is_some();
            run(&behind, tick);
        })?;
        let beat = Beat { shared, clock: thread.thread().clone() };
        Ok(Self { beat, thread: Some(thread) })
    }

    pub(super) fn beat(&self) -> Beat {
        self.beat.clone()
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.beat.shared.ended.store(true, Ordering::SeqCst);
        self.beat.clock.unpark();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the epoch ticker panicked");
        }
    }
}

impl Beat {
    /// The same work, with a clock that runs whenever it has its turn. All turns of a worker are on one thread, and none is
    /// inside another.
    pub(super) async fn during<F: Future>(self, work: F) -> F::Output {
        tokio::pin!(work);
        poll_fn(move |context| {
            let _turn = self.turn();
            work.as_mut().poll(context)
        })
        .await
    }

    fn turn(&self) -> Turn<'_> {
        // Both sides first say what they do and then look at the other: one of them sees it.
        self.shared.computing.store(true, Ordering::SeqCst);
        if self.shared.resting.swap(false, Ordering::SeqCst) {
            self.clock.unpark();
        }
        Turn(&self.shared)
    }
}

/// The thread: ticks until the end, or until there is nothing to tick for.
fn run(shared: &Shared, tick: impl Fn() -> bool) {
    let mut idle = 0;
    while !shared.ended.load(Ordering::SeqCst) {
        if idle < TICKS_TO_REST {
            thread::park_timeout(TICK);
            if !tick() {
                return;
            }
            idle = if shared.computing.load(Ordering::SeqCst) { 0 } else { idle + 1 };
            continue;
        }
        shared.resting.store(true, Ordering::SeqCst);
        if !shared.computing.load(Ordering::SeqCst) && !shared.ended.load(Ordering::SeqCst) {
            thread::park();
        }
        shared.resting.store(false, Ordering::SeqCst);
        idle = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::time::Instant;

    use super::*;

    /// Waits for a condition that must come true.
    fn wait(what: &str, is: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is() {
            assert!(begin.elapsed() < Duration::from_secs(20), "never: {what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn the_clock_runs_while_a_guest_computes_and_rests_otherwise() {
        let (shared, ticks) = (Arc::new(Shared::default()), Arc::new(AtomicU32::new(0)));
        let (behind, counted) = (Arc::clone(&shared), Arc::clone(&ticks));
        let thread = thread::spawn(move || {
            run(&behind, || {
                counted.fetch_add(1, Ordering::SeqCst);
                true
            });
        });
        let beat = Beat { shared: Arc::clone(&shared), clock: thread.thread().clone() };
        let ticker = Ticker { beat: beat.clone(), thread: Some(thread) };
        for _ in 0..3 {
            wait("it rests", || shared.resting.load(Ordering::SeqCst));
            let turn = beat.turn();
            let before = ticks.load(Ordering::SeqCst);
            wait("it ticks on", || ticks.load(Ordering::SeqCst) > before + TICKS_TO_REST * 2);
            drop(turn);
        }
        drop(ticker);
    }
}
