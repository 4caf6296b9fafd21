//! The janitor: waits until the parent is gone, then sees to it that nothing of the cluster is left on the machine.

use std::io::BufRead;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::orders::{JanitorOrders, Report};
use super::place::Place;
use super::{line, node};

/// Longest wait for the other children, which end when the parent does.
const CHILD_TIMEOUT: Duration = Duration::from_secs(20);
/// Tries to remove a directory into which something may still be writing.
const REMOVE_TRIES: u32 = 50;
/// Wait between them.
const REMOVE_WAIT: Duration = Duration::from_millis(100);

/// Plays the role: reads process ids to wait for until standard input ends, then cleans.
pub(crate) fn run() -> anyhow::Result<()> {
    // What ends the parent must not end the janitor too.
    agent::janitor::shield().context("cannot leave the parent's session")?;
    let orders: JanitorOrders = line::read().context("cannot read the orders")?;
    line::write(&Report::Ready(()))?;
    let mut children: Vec<OwnedFd> = Vec::new();
    for pid in std::io::stdin().lock().lines() {
        children.extend(pid?.parse().ok().and_then(agent::janitor::pidfd));
    }
    for child in &children {
        wait(child)?;
    }
    clean(&orders.place)?;
    for dir in &orders.remove {
        remove(dir)?;
    }
    Ok(())
}

fn wait(child: &OwnedFd) -> anyhow::Result<()> {
    let timeout = PollTimeout::try_from(CHILD_TIMEOUT).unwrap_or(PollTimeout::MAX);
    poll(&mut [PollFd::new(child.as_fd(), PollFlags::POLLIN)], timeout).context("cannot wait for a child")?;
    Ok(())
}

/// Ends every process of the cluster's pods and removes what they hold: cgroups, mounts, interfaces, rules, run files.
pub(crate) fn clean(place: &Place) -> anyhow::Result<()> {
    runtime::cleanup(&node::runtime_config(place, None)?).context("cannot clean up after containers")?;
    Network::cleanup_blocking(&node::network_config(place)).context("cannot clean the network up")?;
    remove(&place.run_dir())?;
    place.release().context("cannot give the address slot back")
}

use network::Network;

fn remove(dir: &Path) -> anyhow::Result<()> {
    for _ in 0..REMOVE_TRIES {
        match std::fs::remove_dir_all(dir) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(_) => std::thread::sleep(REMOVE_WAIT),
        }
    }
    std::fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))
}
