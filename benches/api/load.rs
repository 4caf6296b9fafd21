//! Closed loops: so many connections, each with one request under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use http_body_util::BodyExt;

use super::target::{Request, Serial, Target};

/// What a load gave.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// From sending a request to having read its whole answer.
    pub(crate) times: Vec<Duration>,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// Bytes of all answers.
    pub(crate) bytes: usize,
}

/// Sends so many requests, made from their number, over so many connections that are open already.
pub(crate) async fn drive(
    target: &Target,
    connections: usize,
    requests: usize,
    make: impl Fn(usize) -> anyhow::Result<Request> + Send + Sync + 'static,
) -> anyhow::Result<Outcome> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(target.serial().await?);
    }
    let (next, make) = (Arc::new(AtomicUsize::new(0)), Arc::new(make));
    let begun = Instant::now();
    let loops: Vec<_> = open
        .into_iter()
        .map(|mut connection| {
            let (next, make) = (Arc::clone(&next), Arc::clone(&make));
            tokio::spawn(async move {
                let mut outcome = Outcome::default();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= requests {
                        return anyhow::Ok(outcome);
                    }
                    let (time, bytes) = one(&mut connection, make(at)?).await?;
                    outcome.times.push(time);
                    outcome.bytes += bytes.len();
                }
            })
        })
        .collect();
    let mut all = Outcome::default();
    for one in loops {
        let outcome = one.await.context("a loop of requests panicked")??;
        all.times.extend(outcome.times);
        all.bytes += outcome.bytes;
    }
    all.took = begun.elapsed();
    Ok(all)
}

/// One request; the time that it took, and its answer.
pub(crate) async fn one(connection: &mut Serial, request: Request) -> anyhow::Result<(Duration, bytes::Bytes)> {
    let what = format!("{} {}", request.method(), request.uri().path());
    let begun = Instant::now();
    connection.ready().await.with_context(|| what.clone())?;
    let answer = connection.send_request(request).await.with_context(|| what.clone())?;
    let status = answer.status();
    let body = answer.into_body().collect().await.with_context(|| what.clone())?.to_bytes();
    let time = begun.elapsed();
    anyhow::ensure!(status.is_success(), "{what}: {status} {}", String::from_utf8_lossy(&body));
    Ok((time, body))
}
