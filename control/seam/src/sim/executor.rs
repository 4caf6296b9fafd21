//! One thread, many tasks, and a clock that moves only when nobody can run.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::clock::{Moment, Timestamp};
use crate::random::Random;

type Future = Pin<Box<dyn std::future::Future<Output = ()> + Send>>;

/// Where simulated wall-clock time begins: 2026-01-01T00:00:00Z.
const BEGINNING_SECONDS: i64 = 1_767_225_600;

/// Handle to the executor of a simulation. Clones are the same executor.
#[derive(Clone)]
pub struct Executor {
    shared: Arc<Mutex<Shared>>,
    choice: Random,
}

#[derive(Default)]
struct Shared {
    now: Duration,
    next: u64,
    tasks: BTreeMap<u64, Option<Future>>,
    ready: BTreeSet<u64>,
    /// By deadline, then by order of asking.
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

/// Nothing can run, no sleep is pending, and the main future is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("every task waits for another one, {tasks} in all, at {at:?} of simulated time")]
pub struct Deadlock {
    /// Tasks that wait.
    pub tasks: usize,
    /// When it was noticed.
    pub at: Duration,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shared = self.lock();
        f.debug_struct("Executor").field("now", &shared.now).field("tasks", &shared.tasks.len()).finish()
    }
}

impl Executor {
    /// An executor that picks the next task by these random numbers.
    pub(crate) fn new(choice: Random) -> Self {
        Self { shared: Arc::default(), choice }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        let beginning = Timestamp::from_second(BEGINNING_SECONDS).unwrap_or(Timestamp::UNIX_EPOCH);
        beginning.saturating_add(self.lock().now).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment::new(self.lock().now)
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        let key = {
            let mut shared = self.lock();
            (shared.now.saturating_add(time), shared.number())
        };
        let sleeper = Sleeper { executor: self, key };
        poll_fn(|context| {
            let mut shared = sleeper.executor.lock();
            if shared.now >= key.0 {
                return Poll::Ready(());
            }
            shared.sleepers.insert(key, context.waker().clone());
            Poll::Pending
        })
        .await;
        drop(sleeper);
    }

    pub(crate) fn spawn(&self, future: impl std::future::Future<Output = ()> + Send + 'static) {
        let mut shared = self.lock();
        let id = shared.number();
        shared.tasks.insert(id, Some(Box::pin(future)));
        shared.ready.insert(id);
    }

    /// Runs tasks until `main` is done.
    ///
    /// # Errors
    /// When nothing can happen any more.
    pub(crate) fn run<T>(&self, main: impl std::future::Future<Output = T>) -> Result<T, Deadlock> {
        let mut main = Box::pin(main);
        let id = self.lock().number();
        self.lock().ready.insert(id);
        loop {
            let Some(next) = self.choose() else {
                self.advance()?;
                continue;
            };
            let waker = Waker::from(Arc::new(Ready { executor: self.clone(), task: next }));
            let mut context = Context::from_waker(&waker);
            if next == id {
                if let Poll::Ready(output) = main.as_mut().poll(&mut context) {
                    return Ok(output);
                }
                continue;
            }
            // The lock is not held while the task runs: tasks spawn, wake and sleep.
            let Some(mut future) = self.lock().tasks.get_mut(&next).and_then(Option::take) else { continue };
            let ended = future.as_mut().poll(&mut context).is_ready();
            let mut shared = self.lock();
            if ended {
                shared.tasks.remove(&next);
                drop(shared);
                drop(future);
            } else if let Some(place) = shared.tasks.get_mut(&next) {
                *place = Some(future);
            }
        }
    }

    /// Takes one of the tasks that can run, by chance: the seed decides the interleaving.
    fn choose(&self) -> Option<u64> {
        let mut shared = self.lock();
        let nth = self.choice.below(shared.ready.len() as u64);
        let id = shared.ready.iter().nth(usize::try_from(nth).unwrap_or(0)).copied()?;
        shared.ready.remove(&id);
        Some(id)
    }

    /// Moves time to the next sleep that ends.
    fn advance(&self) -> Result<(), Deadlock> {
        let waker = {
            let mut shared = self.lock();
            let Some(((deadline, _), waker)) = shared.sleepers.pop_first() else {
                return Err(Deadlock { tasks: shared.tasks.len() + 1, at: shared.now });
            };
            shared.now = shared.now.max(deadline);
            waker
        };
        waker.wake();
        Ok(())
    }

    /// Drops every task, as a killed process does. Their destructors run.
    pub(crate) fn kill_all(&self) {
        let tasks = {
            let mut shared = self.lock();
            shared.ready.clear();
            std::mem::take(&mut shared.tasks)
        };
        drop(tasks);
    }
}

impl Shared {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// Forgets a sleep that is dropped before its end.
struct Sleeper<'a> {
    executor: &'a Executor,
    key: (Duration, u64),
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let waker = self.executor.lock().sleepers.remove(&self.key);
        drop(waker);
    }
}

struct Ready {
    executor: Executor,
    task: u64,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.executor.lock().ready.insert(self.task);
    }
}
