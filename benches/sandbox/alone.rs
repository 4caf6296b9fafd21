//! One container after another, ours beside runc's and crun's: `/bin/true` of busybox, from its creation to its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::resource::{UsageWho, getrusage};
use runtime::config::LocalConfig;
use runtime::contract::{
    ContainerConfig, ContainerId, Limits, Qos, Runtime, RuntimeEvent, SandboxConfig, SandboxId, Security, WasmConfig,
};
use runtime::local::LocalRuntime;
use tokio::sync::mpsc;

use super::rivals::{Cost, Rival, duration};
use super::say;
use super::table::Table;
use super::ticks;

/// Longest wait for a container's end. One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Takes turns, so that what disturbs the machine disturbs all alike.
pub(crate) async fn measure(runs: usize, image: &str, table: &mut Table) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("bireme-bench-").tempdir().context("cannot make a folder")?;
    let rivals = [Rival::new("runc", folder.path())?, Rival::new("crun", folder.path())?];
    let mut node = Node::start(folder.path(), image).await?;
    say(&format!("{runs} containers each of ours, runc and crun, in turn"));
    let mut costs: [Vec<Cost>; 3] = Default::default();
    // The first of each fills caches, and does not count.
    for number in 0..=runs {
        let taken = [node.run(number).await?, rivals[0].run(number)?, rivals[1].run(number)?];
        if number > 0 {
            costs.iter_mut().zip(taken).for_each(|(costs, cost)| costs.push(cost));
        }
    }
    node.end()?;
    let names = ["ours, in a pod that stands".to_owned(), rivals[0].version.clone(), rivals[1].version.clone()];
    for (name, costs) in names.iter().zip(&costs) {
        let walls: Vec<Duration> = costs.iter().map(|cost| cost.wall).collect();
        table.times(&format!("/bin/true, create → end, {name}: wall"), &walls, "");
        // Ticks of a clock are coarser than a container: their mean is what they tell.
        let mean = costs.iter().map(|cost| cost.cpu).sum::<Duration>() / u32::try_from(costs.len().max(1))?;
        table.times(&format!("/bin/true, create → end, {name}: CPU, mean of {}", costs.len()), &[mean], "");
    }
    Ok(())
}

/// Our runtime with one pod.
struct Node {
    config: LocalConfig,
    runtime: std::sync::Arc<LocalRuntime>,
    events: mpsc::Receiver<RuntimeEvent>,
    image: String,
    shim: u32,
}

impl Node {
    async fn start(folder: &std::path::Path, image: &str) -> anyhow::Result<Self> {
        let config = LocalConfig {
            privileges: runtime::privileges::Privileges::Root,
            state: folder.join("state"),
            run: folder.join("run"),
            cgroup_root: format!("bireme-bench-{}", std::process::id()),
            exe: std::env::current_exe()?,
            ephemeral: None,
            registry: registry_client::ClientConfig::default(),
        };
        let runtime = LocalRuntime::open(config.clone()).await?;
        let image = runtime.pull_image(image, None, None).await?.id;
        runtime.run_pod_sandbox(sandbox(folder)).await?;
        let shim = runtime.list_pod_sandboxes().await?.first().context("the pod has no shim")?.shim;
        let events = runtime.events();
        Ok(Self { config, runtime, events, image, shim })
    }

    async fn run(&mut self, number: usize) -> anyhow::Result<Cost> {
        let (begun, before) = (Instant::now(), self.cpu()?);
        let id = self.runtime.create_container(container(&self.image, u32::try_from(number)?)).await?;
        self.runtime.start_container(&id).await?;
        tokio::time::timeout(LIMIT, self.ended(&id)).await.context("a container did not end")??;
        self.runtime.remove_container(&id).await?;
        Ok(Cost { wall: begun.elapsed(), cpu: self.cpu()?.saturating_sub(before) })
    }

    async fn ended(&mut self, wanted: &ContainerId) -> anyhow::Result<()> {
        loop {
            match self.events.recv().await.context("the runtime tells nothing any more")? {
                RuntimeEvent::Exited(container) if container.id == *wanted => return Ok(()),
                RuntimeEvent::SandboxLost(_) => anyhow::bail!("the pod's shim died"),
                RuntimeEvent::Exited(_) => {}
            }
        }
    }

    /// CPU time of this process, which is the agent here, and of the shim with the containers that it waited for.
    fn cpu(&self) -> anyhow::Result<Duration> {
        let own = getrusage(UsageWho::RUSAGE_SELF)?;
        Ok(duration(own.user_time()) + duration(own.system_time()) + ticks::with_children(self.shim)?)
    }

    fn end(self) -> anyhow::Result<()> {
        drop(self.runtime);
        runtime::cleanup::cleanup(&self.config).context("cannot clean up after the containers")?;
        Ok(())
    }
}

fn sandbox(folder: &std::path::Path) -> SandboxConfig {
    SandboxConfig {
        id: SandboxId("bench".into()),
        namespace: "default".to_owned(),
        name: "bench".to_owned(),
        hostname: "bench".to_owned(),
        netns: None,
        addresses: Vec::new(),
        limits: Limits::default(),
        log_dir: folder.join("logs"),
        resolv_conf: String::new(),
        hosts: String::new(),
        sysctls: BTreeMap::new(),
        share_processes: false,
        host_pid: false,
        host_ipc: false,
        user_namespace: false,
        qos: Qos::Guaranteed,
    }
}

fn container(image: &str, attempt: u32) -> ContainerConfig {
    ContainerConfig {
        sandbox: SandboxId("bench".into()),
        name: "main".to_owned(),
        attempt,
        image: image.to_owned(),
        kind: None,
        command: vec!["/bin/busybox".to_owned(), "true".to_owned()],
        args: Vec::new(),
        working_dir: None,
        env: Vec::new(),
        mounts: Vec::new(),
        limits: Limits::default(),
        security: Security::default(),
        oom_score_adj: 0,
        stdin: false,
        tty: false,
        termination_message_path: "/dev/termination-log".to_owned(),
        stop_signal: None,
        processes_of: None,
        wasm: WasmConfig::default(),
    }
}
