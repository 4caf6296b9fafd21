//! A process of an earlier or parallel run, which was told to end.

use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// Longest wait for a process that was told to end; then it is killed.
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// Wait between looks.
const WAIT: Duration = Duration::from_millis(20);

/// A process that was told to end. Its start time guards against another one that got its number.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pid: i32,
    started: String,
}

impl Process {
    /// The living process of that number.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        /// Field of `/proc/PID/stat` behind the name's parenthesis that holds the start time (proc(5), field 22).
        const START: usize = 19;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let ended = fields.clone().next() == Some("Z");
        let started = fields.nth(START)?.to_owned();
        (!ended).then_some(Self { pid, started })
    }

    /// Waits until it has ended, and kills it when it does not.
    pub(crate) fn wait(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut killed = false;
        while Self::of(self.pid).as_ref() == Some(self) {
            if begun.elapsed() > END_TIMEOUT && !killed {
                kill(Pid::from_raw(self.pid), Signal::SIGKILL).context("cannot kill a process that does not end")?;
                killed = true;
            }
            anyhow::ensure!(begun.elapsed() < END_TIMEOUT * 2, "process {} does not end", self.pid);
            std::thread::sleep(WAIT);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_another_of_its_number() {
        let me = Process::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert_eq!(Process::of(me.pid), Some(Process { pid: me.pid, started: me.started.clone() }));
        assert_ne!(Process::of(me.pid), Some(Process { pid: me.pid, started: "0".into() }));
    }
}
