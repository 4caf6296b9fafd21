//! Work that may block, such as a disk's sync, taken off the async threads.
//!
//! A worker has one queue. Whatever has piled up while it was busy comes as one batch: the natural place for a group commit.

use std::io;

use tokio::sync::{mpsc, watch};

use crate::clock::Clock;

/// The worker has ended and takes nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker has ended")]
pub struct Ended;

/// Handle to a worker. The worker ends, after it has handled what is queued, when all handles are dropped.
#[derive(Debug)]
pub struct Worker<T> {
    queue: mpsc::Sender<T>,
    ended: watch::Receiver<()>,
}

impl<T> Clone for Worker<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), ended: self.ended.clone() }
    }
}

impl<T> Worker<T> {
    /// Queues one piece of work; waits while the queue is full.
    ///
    /// # Errors
    /// When the worker has ended.
    pub async fn send(&self, work: T) -> Result<(), Ended> {
        self.queue.send(work).await.map_err(|_| Ended)
    }

    /// Waits for the worker's end without keeping it alive. What the worker held is dropped by then.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<T> {
        let mut ended = self.ended.clone();
        async move { while ended.changed().await.is_ok() {} }
    }

    /// Gives this handle back and waits until the worker has ended, which it does when no other handle is left.
    pub async fn finish(self) {
        let ended = self.ended();
        drop(self);
        ended.await;
    }
}

pub(crate) fn start<T, F>(clock: &Clock, name: &'static str, queue_max: usize, mut handle: F) -> io::Result<Worker<T>>
where
    T: Send + 'static,
    F: FnMut(Vec<T>) + Send + 'static,
{
    let (queue, mut waiting) = mpsc::channel(queue_max);
    let (guard, ended) = watch::channel(());
    match clock {
        Clock::Real { .. } | Clock::Leaping { .. } => {
            let run = move || {
                while let Some(first) = waiting.blocking_recv() {
                    handle(batch(first, &mut waiting));
                }
                drop(handle);
                drop(guard);
            };
            drop(std::thread::Builder::new().name(name.to_owned()).spawn(run)?);
        }
        Clock::Simulated(executor) => executor.spawn(async move {
            while let Some(first) = waiting.recv().await {
                handle(batch(first, &mut waiting));
            }
            drop(handle);
            drop(guard);
        }),
    }
    Ok(Worker { queue, ended })
}

/// The first piece of work and all that waits behind it; the queue's length bounds it.
fn batch<T>(first: T, waiting: &mut mpsc::Receiver<T>) -> Vec<T> {
    let mut batch = vec![first];
    let max = waiting.max_capacity();
    while let Some(next) = (batch.len() < max).then(|| waiting.try_recv().ok()).flatten() {
        batch.push(next);
    }
    batch
}
