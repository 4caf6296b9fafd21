//! Pods through the API: many started at once, and what they cost while nothing happens.

use std::time::{Duration, Instant};

use super::home::{Cluster, Home};
use super::pods::{Kind, Pods, State};
use super::table::Table;
use super::{Effort, memory, say, ticks};

/// Time for a cluster to come to rest.
const REST: Duration = Duration::from_secs(5);

pub(crate) async fn measure(effort: Effort, image: &str, table: &mut Table) -> anyhow::Result<()> {
    let home = Home::new()?;
    let cluster = home.up().await?;
    let mut pods = Pods::of(&cluster.client).await?;
    let kind = Kind::linux(image);
    say("pulling the image");
    pods.create(&kind.pod("first"), State::Running).await?;
    pods.delete("first").await?;
    for (at, size) in effort.crowds.iter().enumerate() {
        let mut times = Vec::new();
        for round in 1..=effort.rounds {
            say(&format!("{size} pods at once, round {round} of {}", effort.rounds));
            let names: Vec<String> = (0..*size).map(|at| format!("pod-{round}-{at}")).collect();
            let crowd: Vec<_> = names.iter().map(|name| kind.pod(name)).collect();
            times.push(pods.create_all(&crowd, State::Running).await?);
            if at + 1 == effort.crowds.len() && round == effort.rounds {
                idle(effort, &cluster, *size, table).await?;
            }
            pods.delete_all(&names).await?;
        }
        let plural = if *size == 1 { "pod" } else { "pods at once" };
        table.times(&format!("create → all Running seen by a watch, {size} Linux {plural}"), &times, "");
    }
    Ok(())
}

/// What the node uses while its pods do nothing.
async fn idle(effort: Effort, cluster: &Cluster, pods: usize, table: &mut Table) -> anyhow::Result<()> {
    say(&format!("watching {pods} idle pods for {:?}", effort.idle));
    tokio::time::sleep(REST).await;
    let agent = memory::child(cluster.id(), "node-role")?;
    let (begun, before) = (Instant::now(), ticks::own(agent)?);
    tokio::time::sleep(effort.idle).await;
    let used = ticks::own(agent)?.saturating_sub(before).div_f64(begun.elapsed().as_secs_f64());
    table.times(&format!("CPU a second of the node agent, {pods} idle pods"), &[used], "");
    let shim = memory::linux_shim(cluster.id())?;
    table.size(&format!("PSS with {pods} pods, Linux pod: its shim"), shim, "0.3 MB");
    Ok(())
}
