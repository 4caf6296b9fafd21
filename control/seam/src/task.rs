//! A task in the background and the handle to it.

use futures::future::{AbortHandle, Abortable};
use tokio::sync::watch;

/// Handle to a task that [`crate::Seam::spawn`] started. Dropping it leaves the task running.
#[derive(Clone, Debug)]
pub struct Task {
    name: &'static str,
    abort: AbortHandle,
    ended: watch::Receiver<()>,
}

impl Task {
    /// Wraps a future so that the handle can stop it and see its end. Works on any executor.
    pub(crate) fn new<F>(name: &'static str, future: F) -> (Self, impl Future<Output = ()> + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (abort, registration) = AbortHandle::new_pair();
        let (guard, ended) = watch::channel(());
        let wrapped = async move {
            if Abortable::new(future, registration).await.is_err() {
                tracing::debug!(task = name, "stopped");
            }
            drop(guard);
        };
        (Self { name, abort, ended }, wrapped)
    }

    /// The name it was started with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Stops the task at its next await.
    pub fn abort(&self) {
        self.abort.abort();
    }

    /// Waits until the task has ended, was aborted, or panicked.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}
