//! Many watchers of one namespace, and what they are told how late.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::objects::{self, MARK};
use super::target::{Target, request};

/// Watches on one connection: a Go program holds one connection for all of them.
const ON_ONE_CONNECTION: usize = 100;
/// Longest wait until all have been told everything. Whoever needs longer hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at how much has come.
const LOOK: Duration = Duration::from_millis(2);

/// Open watches; they end when this goes.
pub(crate) struct Watchers {
    seen: Arc<Seen>,
    count: usize,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Debug)]
struct Seen {
    /// Marks in objects count from here.
    begun: Instant,
    events: AtomicUsize,
    ended: AtomicUsize,
    lags: Mutex<Vec<Duration>>,
}

impl Watchers {
    /// Opens so many watches of the ConfigMaps of the bench, from now on.
    pub(crate) async fn open(target: &Target, count: usize, begun: Instant) -> anyhow::Result<Self> {
        let seen = Seen { begun, events: AtomicUsize::new(0), ended: AtomicUsize::new(0), lags: Mutex::default() };
        let mut watchers = Self { seen: Arc::new(seen), count, tasks: Vec::with_capacity(count) };
        let path = format!(
            "{}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=3600",
            objects::CONFIG_MAPS
        );
        for from in (0..count).step_by(ON_ONE_CONNECTION) {
            let mut connection = target.shared().await?;
            for _ in from..count.min(from + ON_ONE_CONNECTION) {
                connection.ready().await?;
                let request = request(Method::GET, &path, "application/json", String::new())?;
                let answer = connection.send_request(request).await.context("cannot open a watch")?;
                anyhow::ensure!(answer.status().is_success(), "a watch was answered with {}", answer.status());
                watchers.tasks.push(tokio::spawn(follow(answer.into_body(), Arc::clone(&watchers.seen))));
            }
        }
        Ok(watchers)
    }

    /// Waits until every watcher was told of that many events since it began.
    pub(crate) async fn told(&self, events: usize) -> anyhow::Result<()> {
        let wanted = events * self.count;
        let begun = Instant::now();
        while self.seen.events.load(Ordering::Relaxed) < wanted {
            let ended = self.seen.ended.load(Ordering::Relaxed);
            anyhow::ensure!(ended == 0, "{ended} of {} watches ended", self.count);
            let come = self.seen.events.load(Ordering::Relaxed);
            anyhow::ensure!(begun.elapsed() < LIMIT, "{come} of {wanted} events came within {LIMIT:?}");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// From sending a write to reading its event, of everything since the last call.
    pub(crate) fn lags(&self) -> Vec<Duration> {
        std::mem::take(&mut self.seen.lags.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

async fn follow(mut body: Incoming, seen: Arc<Seen>) {
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        let now = seen.begun.elapsed();
        let marks = marks(&data);
        seen.events.fetch_add(data.iter().filter(|byte| **byte == b'\n').count(), Ordering::Relaxed);
        let mut lags = seen.lags.lock().unwrap_or_else(PoisonError::into_inner);
        lags.extend(marks.map(|sent| now.saturating_sub(sent)));
    }
    seen.ended.fetch_add(1, Ordering::Relaxed);
}

/// When the objects in a piece of a stream were sent.
fn marks(text: &[u8]) -> impl Iterator<Item = Duration> + '_ {
    let starts = text.windows(MARK.len()).enumerate().filter(|(_, part)| *part == MARK.as_bytes());
    starts.filter_map(|(at, _)| {
        let digits = text.get(at + MARK.len()..)?;
        let length = digits.iter().position(|byte| !byte.is_ascii_digit())?;
        let micros = std::str::from_utf8(digits.get(..length)?).ok()?.parse().ok()?;
        Some(Duration::from_micros(micros))
    })
}
