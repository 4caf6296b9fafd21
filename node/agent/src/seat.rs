//! A pod's place on the node: where news about it is left for its worker, and what others may know of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use runtime::contract::{Container, ContainerId};
use tokio::sync::Notify;

use crate::ending::Ending;
use crate::policy;

/// Something heard about a pod. All news may be repeated and come late.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// The runtime says that a container ended.
    Ended(Container),
    /// The sandbox's shim died.
    Lost,
    /// The node ends the pod.
    Ends(Ending),
    /// The API's mirror of this static pod changed.
    Mirrored,
    /// A probe changed its mind about a container.
    Probe(ContainerId, ProbeNews),
}

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeNews {
    /// The startup probe succeeded.
    Started,
    /// The readiness probe succeeds or fails.
    Ready(bool),
    /// The named probe failed as often as it may.
    Failed(&'static str),
}

/// Where a container's logs are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogFiles {
    /// Of the latest container.
    pub current: Option<PathBuf>,
    /// Whether that one still runs.
    pub running: bool,
    /// Of the one before.
    pub previous: Option<PathBuf>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Seat {
    pod: Mutex<Arc<Pod>>,
    gone: AtomicBool,
    news: Mutex<Vec<News>>,
    logs: Mutex<BTreeMap<String, LogFiles>>,
    wake: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seat {
    /// The place of a pod.
    pub(crate) fn new(pod: Arc<Pod>) -> Self {
        Self {
            pod: Mutex::new(pod),
            gone: AtomicBool::new(false),
            news: Mutex::default(),
            logs: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// The pod as last heard.
    pub(crate) fn pod(&self) -> Arc<Pod> {
        Arc::clone(&lock(&self.pod))
    }

    /// The pod changed.
    pub(crate) fn set_pod(&self, pod: Arc<Pod>) {
        *lock(&self.pod) = pod;
        self.wake.notify_one();
    }

    /// The API no longer has the pod.
    pub(crate) fn set_gone(&self) {
        self.gone.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether the API no longer has the pod.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Whether nothing of the pod will run any more, as far as the API knows.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_gone() || policy::has_ended(&self.pod())
    }

    /// Leaves news.
    pub(crate) fn tell(&self, news: News) {
        lock(&self.news).push(news);
        self.wake.notify_one();
    }

    /// Takes the news.
    pub(crate) fn take_news(&self) -> Vec<News> {
        std::mem::take(&mut *lock(&self.news))
    }

    /// Waits until something happened since the last wait.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Says where the logs are.
    pub(crate) fn set_logs(&self, logs: BTreeMap<String, LogFiles>) {
        *lock(&self.logs) = logs;
    }

    /// Where a container's logs are.
    pub(crate) fn logs(&self, container: &str) -> Option<LogFiles> {
        lock(&self.logs).get(container).cloned()
    }
}
