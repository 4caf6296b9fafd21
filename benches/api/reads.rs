//! Reads: single pods, and all of them, whole and in pages.

use std::time::{Duration, Instant};

use anyhow::Context;
use http::Method;
use http::header::ACCEPT_ENCODING;
use serde_json::Value;

use super::effort::{CLIENTS, Effort};
use super::load::{drive, one};
use super::objects::PODS;
use super::table::Table;
use super::target::{Request, Target, request};
use super::{memory, say};

/// Objects of a page, as client-go asks for them.
const PAGE: usize = 500;

/// Takes all figures of reads.
pub(crate) async fn all(effort: Effort, target: &Target, up: u32, table: &mut Table) -> anyhow::Result<()> {
    for clients in CLIENTS {
        say(&format!("reading pods, {clients} clients"));
        let pods = effort.pods;
        let make = move |at| get(&format!("{PODS}/pod-{:06}", at % pods));
        let outcome = drive(target, clients, effort.reads, make).await?;
        table.rates(&format!("get Pod, {clients} clients"), &outcome.times, outcome.took, "");
    }
    let pods = effort.pods;
    let before = memory::server(up)?;
    for clients in [1, 16] {
        say(&format!("listing {pods} pods, {clients} clients"));
        let outcome = drive(target, clients, effort.lists, |_| get(&format!("{PODS}?resourceVersion=0"))).await?;
        let what =
            format!("list of {pods} Pods whole, {} MB, {clients} clients", outcome.bytes / effort.lists / 1_000_000);
        table.rates(&what, &outcome.times, outcome.took, "");
    }
    let grown = memory::server(up)?.saturating_sub(before);
    table.size("server's PSS after these lists, more than before", grown, "");
    let zipped = |_| {
        let mut request = get(&format!("{PODS}?resourceVersion=0"))?;
        request.headers_mut().insert(ACCEPT_ENCODING, http::HeaderValue::from_static("gzip"));
        Ok(request)
    };
    let outcome = drive(target, 1, effort.lists, zipped).await?;
    let what = format!("list of {pods} Pods compressed, {} kB", outcome.bytes / effort.lists / 1_000);
    table.rates(&what, &outcome.times, outcome.took, "");
    let mut times = Vec::new();
    for _ in 0..effort.lists {
        times.push(in_pages(target, pods).await?);
    }
    table.times(&format!("list of {pods} Pods in pages of {PAGE}, one client"), &times, "");
    Ok(())
}

/// Reads all pods in pages; returns the time from the first request to the last answer.
async fn in_pages(target: &Target, pods: usize) -> anyhow::Result<Duration> {
    let mut connection = target.serial().await?;
    let begun = Instant::now();
    let (mut seen, mut path) = (0, format!("{PODS}?limit={PAGE}"));
    loop {
        let (_, page) = one(&mut connection, get(&path)?).await?;
        let page: Value = serde_json::from_slice(&page)?;
        seen += page["items"].as_array().context("a list without items")?.len();
        let Some(next) = page["metadata"]["continue"].as_str() else { break };
        path = format!("{PODS}?limit={PAGE}&continue={next}");
    }
    anyhow::ensure!(seen == pods, "the pages hold {seen} of {pods} pods");
    Ok(begun.elapsed())
}

fn get(path: &str) -> anyhow::Result<Request> {
    request(Method::GET, path, "application/json", String::new())
}
