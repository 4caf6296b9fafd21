//! The janitor: waits until the parent is gone, then sees to it that nothing of the cluster is left on the machine.

use std::io::BufRead;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{SigSet, Signal};
use runtime::privileges::Privileges;

use super::orders::{JanitorOrders, Report};
use super::place::Place;
use super::process::Process;
use super::{line, node};

/// Tries to remove a directory into which something may still be writing.
const REMOVE_TRIES: u32 = 50;
/// Wait between tries.
const WAIT: Duration = Duration::from_millis(20);

/// Plays the role: reads process ids to wait for until standard input ends, then cleans.
pub(crate) fn run() -> anyhow::Result<()> {
    shield()?;
    let orders: JanitorOrders = line::read().context("cannot read the orders")?;
    let place = orders.place.at(orders.data);
    line::write(&Report::Ready(()))?;
    let mut children = Vec::new();
    for pid in std::io::stdin().lock().lines() {
        children.extend(pid?.parse().ok().and_then(Process::of));
    }
    children.iter().try_for_each(Process::wait)?;
    clean(&place)?;
    remove(&place.data)
}

/// What ends the parent must not end the janitor too: it leaves the session and blocks the signals of a terminal.
fn shield() -> anyhow::Result<()> {
    match nix::unistd::setsid() {
        // The leader of a process group already stands apart from its parent's.
        Ok(_) | Err(nix::errno::Errno::EPERM) => {}
        Err(error) => return Err(error).context("cannot leave the parent's session"),
    }
    let mut outlived = SigSet::empty();
    outlived.extend([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    outlived.thread_block().context("cannot block signals")
}

/// Ends every process of the cluster's pods and removes what they hold: cgroups, mounts, interfaces, rules, run files.
pub(crate) fn clean(place: &Place) -> anyhow::Result<()> {
    runtime::cleanup::cleanup(&node::runtime_config(place, None)?).context("cannot clean up after containers")?;
    if place.privileges == Privileges::Root {
        network::cleanup_blocking(&node::network_config(place)).context("cannot clean the network up")?;
    }
    remove(&place.run_dir())?;
    place.release().context("cannot give the address slot back")
}

fn remove(dir: &Path) -> anyhow::Result<()> {
    for _ in 0..REMOVE_TRIES {
        match std::fs::remove_dir_all(dir) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(_) => std::thread::sleep(WAIT),
        }
    }
    std::fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))
}
