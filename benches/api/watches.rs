//! Watches: how many are told how fast, and how late.

use std::time::{Duration, Instant};

use http::Method;

use super::effort::Effort;
use super::load::{drive, one};
use super::objects::{self, CONFIG_MAPS};
use super::table::Table;
use super::target::{Request, Target, request};
use super::watchers::Watchers;
use super::{memory, say};

/// Between two writes whose way to all watchers is timed: long enough for all of them to have it before the next.
const PACE: Duration = Duration::from_millis(500);
/// Writers when it goes as fast as it can.
const WRITERS: usize = 16;
/// Time for the server to come to rest before its memory is read.
const REST: Duration = Duration::from_secs(3);

/// Takes all figures of watches.
pub(crate) async fn all(effort: Effort, target: &Target, up: u32, table: &mut Table) -> anyhow::Result<()> {
    let mut connection = target.serial().await?;
    for nth in 0..WRITERS {
        let made = objects::config_map(&format!("watched-{nth:02}"));
        one(&mut connection, request(Method::POST, CONFIG_MAPS, "application/json", made)?).await?;
    }
    for count in effort.watchers {
        let begun = Instant::now();
        tokio::time::sleep(REST).await;
        let before = memory::server(up)?;
        say(&format!("opening {count} watches"));
        let watchers = Watchers::open(target, count, begun).await?;
        tokio::time::sleep(REST).await;
        let each = memory::server(up)?.saturating_sub(before) / count as u64;
        table.size(&format!("server's PSS for each of {count} idle watchers"), each, "");
        say(&format!("{count} watchers, one write after another"));
        // The server closes connections that are idle for long, so each round has its own.
        let mut connection = target.serial().await?;
        for _ in 0..effort.paced {
            one(&mut connection, touch(0, begun)?).await?;
            tokio::time::sleep(PACE).await;
        }
        watchers.told(effort.paced).await?;
        let what = format!("{count} watchers: from sending a write to each one's event");
        table.times(&what, &watchers.lags(), "");
        say(&format!("{count} watchers, {WRITERS} writers"));
        let writes = effort.deliveries / count;
        let from = Instant::now();
        drive(target, WRITERS, writes, move |at| touch(at % WRITERS, begun)).await?;
        watchers.told(effort.paced + writes).await?;
        let goal = if count >= 10_000 { "100000" } else { "" };
        table.rate(&format!("{count} watchers: events told, {WRITERS} writers"), writes * count, from.elapsed(), goal);
    }
    Ok(())
}

/// A write that says when it was sent.
fn touch(nth: usize, begun: Instant) -> anyhow::Result<Request> {
    let path = format!("{CONFIG_MAPS}/watched-{nth:02}");
    request(Method::PATCH, &path, "application/merge-patch+json", objects::sent(begun.elapsed()))
}
