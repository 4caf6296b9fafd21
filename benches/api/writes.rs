//! Writes: what is acknowledged is on the disk.

use std::time::Duration;

use http::Method;

use super::effort::{CLIENTS, Effort};
use super::load::{drive, one};
use super::objects::{self, CONFIG_MAPS, PODS};
use super::table::Table;
use super::target::{Target, request};
use super::{memory, say};

const JSON: &str = "application/json";
/// Time for the server to come to rest before its memory is read.
const REST: Duration = Duration::from_secs(3);

/// Fills the cluster with pods, by ever more clients, then looks at what as many again cost in memory and patches some.
pub(crate) async fn pods(effort: Effort, target: &Target, up: u32, table: &mut Table) -> anyhow::Result<()> {
    let mut made = 0;
    for (nth, clients) in CLIENTS.into_iter().enumerate() {
        say(&format!("creating pods, {clients} clients"));
        let left = effort.pods - made;
        let count = if nth + 1 == CLIENTS.len() { left } else { effort.writes.min(left / 3) };
        let from = made;
        let make = move |at| request(Method::POST, PODS, JSON, objects::pod(&format!("pod-{:06}", from + at)));
        let outcome = drive(target, clients, count, make).await?;
        table.rates(&format!("create Pod, {clients} clients"), &outcome.times, outcome.took, "");
        made += count;
    }
    memory_of_pods(effort, target, up, table).await?;
    let patch = r#"{"metadata":{"annotations":{"bench":"NTH"}}}"#;
    changes(effort, target, "strategic merge patch of a Pod", "application/strategic-merge-patch+json", table, {
        move |at, value| (format!("{PODS}/pod-{:06}", at % made), patch.replace("NTH", &value.to_string()))
    })
    .await
}

/// What a stored pod costs: the server with as many pods again, elsewhere, compared with what it was before. By then the caches
/// and the log, which are bounded whatever is stored, are as large as they get.
async fn memory_of_pods(effort: Effort, target: &Target, up: u32, table: &mut Table) -> anyhow::Result<()> {
    tokio::time::sleep(REST).await;
    let before = memory::server(up)?;
    say("as many pods again");
    let mut connection = target.serial().await?;
    one(&mut connection, request(Method::POST, objects::NAMESPACES, JSON, objects::namespace())?).await?;
    let make = |at| request(Method::POST, objects::MORE_PODS, JSON, objects::pod(&format!("pod-{at:06}")));
    drive(target, 16, effort.pods, make).await?;
    tokio::time::sleep(REST).await;
    let each = memory::server(up)?.saturating_sub(before) / effort.pods as u64;
    let (_, text) =
        one(&mut connection, request(Method::GET, &format!("{PODS}/pod-000000"), JSON, String::new())?).await?;
    table.size("server's PSS for each stored pod, its history of one event included", each, "2 x its JSON");
    table.size("… of which its JSON", text.len() as u64, "");
    Ok(())
}

/// Creates and changes ConfigMaps. Rows begin with whose server it is; ours has no name there.
pub(crate) async fn config_maps(effort: Effort, target: &Target, whose: &str, table: &mut Table) -> anyhow::Result<()> {
    for clients in CLIENTS {
        say(&format!("{whose}creating ConfigMaps, {clients} clients"));
        let make =
            move |at| request(Method::POST, CONFIG_MAPS, JSON, objects::config_map(&format!("map-{clients}-{at:06}")));
        let outcome = drive(target, clients, effort.writes, make).await?;
        let goal = if clients == 64 && whose.is_empty() { "3 x kube-apiserver + etcd" } else { "" };
        table.rates(&format!("{whose}create ConfigMap of 1 kB, {clients} clients"), &outcome.times, outcome.took, goal);
    }
    let writes = effort.writes;
    let one = move |at: usize| format!("{CONFIG_MAPS}/map-64-{:06}", at % writes);
    changes(effort, target, &format!("{whose}merge patch of a ConfigMap"), "application/merge-patch+json", table, {
        move |at, value| (one(at), objects::sent(Duration::from_micros(value as u64)))
    })
    .await?;
    changes(
        effort,
        target,
        &format!("{whose}server-side apply of a ConfigMap"),
        "application/apply-patch+yaml",
        table,
        {
            move |at, value| {
                let name = format!("applied-{:06}", at % writes);
                (format!("{CONFIG_MAPS}/{name}?fieldManager=bench"), objects::applied(&name, value))
            }
        },
    )
    .await
}

/// Changes objects by patches of one media type; each is a path and a body, from the place among the requests and a number
/// that no other patch has: one that changes nothing writes nothing, and would be measured as a read.
async fn changes(
    effort: Effort,
    target: &Target,
    what: &str,
    media: &'static str,
    table: &mut Table,
    patch: impl Fn(usize, usize) -> (String, String) + Clone + Send + Sync + 'static,
) -> anyhow::Result<()> {
    for (round, clients) in CLIENTS.into_iter().enumerate() {
        say(&format!("{what}, {clients} clients"));
        let patch = patch.clone();
        let make = move |at| {
            let (path, body) = patch(at, round * effort.writes + at);
            request(Method::PATCH, &path, media, body)
        };
        let outcome = drive(target, clients, effort.writes, make).await?;
        table.rates(&format!("{what}, {clients} clients"), &outcome.times, outcome.took, "");
    }
    Ok(())
}
