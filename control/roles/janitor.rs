//! The janitor: waits until the parent is gone, then sees to it that nothing of the cluster is left on the machine.

use std::io::BufRead;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use runtime::privileges::Privileges;

use super::orders::{JanitorOrders, Report};
use super::place::Place;
use super::{line, node};

/// Longest wait for the other children, which end when the parent does; then they are killed.
const CHILD_TIMEOUT: Duration = Duration::from_secs(20);
/// Tries to remove a directory into which something may still be writing.
const REMOVE_TRIES: u32 = 50;
/// Wait between looks and tries.
const WAIT: Duration = Duration::from_millis(20);

/// Plays the role: reads process ids to wait for until standard input ends, then cleans.
pub(crate) fn run() -> anyhow::Result<()> {
    shield()?;
    let orders: JanitorOrders = line::read().context("cannot read the orders")?;
    let place = orders.place.at(orders.data);
    line::write(&Report::Ready(()))?;
    let mut children = Vec::new();
    for pid in std::io::stdin().lock().lines() {
        children.extend(pid?.parse().ok().and_then(Child::of));
    }
    children.iter().try_for_each(Child::wait)?;
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

/// A process that was told to end. Its start time guards against another one that got its number.
#[derive(Debug, PartialEq, Eq)]
struct Child {
    pid: i32,
    started: String,
}

impl Child {
    fn of(pid: i32) -> Option<Self> {
        /// Field of `/proc/PID/stat` behind the name's parenthesis that holds the start time (proc(5), field 22).
        const START: usize = 19;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let ended = fields.clone().next() == Some("Z");
        let started = fields.nth(START)?.to_owned();
        (!ended).then_some(Self { pid, started })
    }

    fn wait(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut killed = false;
        while Self::of(self.pid).as_ref() == Some(self) {
            if begun.elapsed() > CHILD_TIMEOUT && !killed {
                kill(Pid::from_raw(self.pid), Signal::SIGKILL).context("cannot kill a child that does not end")?;
                killed = true;
            }
            anyhow::ensure!(begun.elapsed() < CHILD_TIMEOUT * 2, "process {} does not end", self.pid);
            std::thread::sleep(WAIT);
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_another_of_its_number() {
        let me = Child::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert_eq!(Child::of(me.pid), Some(Child { pid: me.pid, started: me.started.clone() }));
        assert_ne!(Child::of(me.pid), Some(Child { pid: me.pid, started: "0".into() }));
    }
}
