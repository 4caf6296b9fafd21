//! runc and crun, run as their users run them: one command for a container from its start to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::{Value, json};

use super::support::images::BUSYBOX;

/// Where a hybrid machine has its v2 tree: crun refuses to run beside one that holds a controller.
const UNIFIED: &str = "/sys/fs/cgroup/unified";

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

/// Another runtime, with a bundle of its own.
#[derive(Debug)]
pub(crate) struct Rival {
    /// The program.
    pub(crate) name: &'static str,
    /// What it says about its version.
    pub(crate) version: String,
    bundle: PathBuf,
}

impl Rival {
    /// Makes the bundle: `/bin/true` on a root of busybox, with the limits and namespaces that `runc spec` gives.
    pub(crate) fn new(name: &'static str, folder: &Path) -> anyhow::Result<Self> {
        let missing = || format!("cannot run {name}, which the figures are compared with: apt-get install {name}");
        let version = Command::new(name).arg("--version").output().with_context(missing)?;
        let version = String::from_utf8_lossy(&version.stdout).lines().next().unwrap_or_default().to_owned();
        let bundle = folder.join(name);
        fs::create_dir_all(bundle.join("rootfs/bin"))?;
        fs::copy(BUSYBOX, bundle.join("rootfs/bin/true")).with_context(|| format!("cannot copy {BUSYBOX}"))?;
        let made = Command::new("runc").arg("spec").current_dir(&bundle).status();
        anyhow::ensure!(made.context("cannot run runc spec")?.success(), "runc spec failed");
        let config = bundle.join("config.json");
        let mut spec: Value = serde_json::from_slice(&fs::read(&config)?)?;
        spec["process"]["terminal"] = json!(false);
        spec["process"]["args"] = json!(["/bin/true"]);
        spec["root"]["readonly"] = json!(false);
        fs::write(config, serde_json::to_vec(&spec)?)?;
        Ok(Self { name, version, bundle })
    }

    /// Runs a container to its end, on a thread whose mounts are its own.
    pub(crate) fn run(&self, number: usize) -> anyhow::Result<Cost> {
        let id = format!("bireme-bench-{}-{number}", std::process::id());
        let run = || {
            hide_unified_tree()?;
            let (begun, before) = (Instant::now(), children()?);
            let mut command = Command::new(self.name);
            command.args(["run", "--bundle"]).arg(&self.bundle).arg(&id).stdin(Stdio::null());
            let status = command.status().with_context(|| format!("cannot run {}", self.name))?;
            anyhow::ensure!(status.success(), "{} run ended with {status}", self.name);
            Ok(Cost { wall: begun.elapsed(), cpu: children()?.saturating_sub(before) })
        };
        thread::scope(|scope| scope.spawn(run).join()).map_err(|_| anyhow::anyhow!("a thread of the bench died"))?
    }
}

/// Covers the v2 tree of a hybrid machine for the calling thread and its children.
fn hide_unified_tree() -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make mounts of a thread's own")?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).context("cannot make mounts private")?;
    if Path::new(UNIFIED).exists() {
        let covered = mount(Some("tmpfs"), UNIFIED, Some("tmpfs"), MsFlags::empty(), None::<&str>);
        covered.with_context(|| format!("cannot cover {UNIFIED}"))?;
    }
    Ok(())
}

/// CPU time of all children that have ended, and of those that they waited for.
fn children() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(duration(usage.user_time()) + duration(usage.system_time()))
}

/// A time as the kernel tells it; never negative.
pub(crate) fn duration(time: TimeVal) -> Duration {
    let micros = u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000 + u64::try_from(time.tv_usec()).unwrap_or(0);
    Duration::from_micros(micros)
}
