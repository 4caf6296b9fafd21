//! A running container as its shim knows it: process, streams, log, and how its end is told.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::note::{chain, note};
use crate::cgroup::Group;
use crate::contract::{ContainerId, Exit, LinuxUser};
use crate::logs::{Log, Stream};
use crate::protocol::Reply;
use crate::wasm_worker::Report;
use crate::{runfile, sys};

/// How much is read from a stream at a time: a quarter of a pipe. A shim keeps every page that it has ever touched.
const READ_SIZE: usize = 16 * 1024;
/// Longest termination message that is kept, as the kubelet cuts it.
const MESSAGE_LIMIT: u64 = 4096;

/// Nanoseconds since 1970.
pub(super) fn now_nanos() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// What stays the same over a container's life.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) id: ContainerId,
    pub(super) stop_signal: i32,
    pub(super) exit_file: PathBuf,
    pub(super) termination_file: PathBuf,
}

/// The node's ends of a container's streams.
#[derive(Debug)]
pub(super) struct Streams {
    /// Kept open so that the container's standard input does not end.
    #[allow(dead_code, reason = "held for what its closing would do")]
    pub(super) stdin: Option<OwnedFd>,
    /// Standard output (or the terminal) and error.
    pub(super) outputs: [Option<OwnedFd>; 2],
}

/// A running container.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) identity: Identity,
    pub(super) pid: Pid,
    /// 0 until it runs: a Wasm worker takes a moment to link its instance.
    pub(super) started_at: i64,
    /// Who its first process was at its start, when it is a Linux container's.
    pub(super) user: Option<LinuxUser>,
    pub(super) group: Group,
    pub(super) log: Log,
    pub(super) streams: Streams,
    /// What a Wasm worker says about itself.
    pub(super) report: Option<Report>,
    /// When the grace after the stop signal is over.
    pub(super) kill_at: Option<Instant>,
}

impl Container {
    pub(super) fn output(&self, stream: Stream) -> Option<BorrowedFd<'_>> {
        self.streams.outputs[stream.index()].as_ref().map(AsFd::as_fd)
    }

    /// Moves what a stream has to the log; closes the stream at its end.
    pub(super) fn copy(&mut self, stream: Stream) {
        let slot = &mut self.streams.outputs[stream.index()];
        let Some(fd) = slot else { return };
        let mut buffer = vec![0; READ_SIZE];
        match nix::unistd::read(&*fd, &mut buffer) {
            Ok(length) if length > 0 => {
                if let Err(error) = self.log.write(stream, &buffer[..length], Timestamp::now()) {
                    note(&format!("container {}: a log entry is lost: {error}", self.identity.id.0));
                }
            }
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => {}
            // A terminal whose last user is gone answers EIO instead of an end.
            Ok(_) | Err(_) => *slot = None,
        }
    }

    /// What is answered to who started it.
    pub(super) fn started(&self) -> Reply {
        let pid = self.pid.as_raw().cast_unsigned();
        Reply::Started { pid, started_at: self.started_at, user: self.user.clone() }
    }

    /// Reads what a Wasm worker says; the reply to give when it says that it runs.
    pub(super) fn read_report(&mut self) -> Option<Reply> {
        let report = self.report.as_mut()?;
        report.read();
        if !report.is_ready() || self.started_at != 0 {
            return None;
        }
        self.started_at = now_nanos();
        Some(self.started())
    }

    fn drain(&mut self) {
        for stream in Stream::ALL {
            while self.output(stream).is_some_and(|fd| super::server::readable(fd)) {
                self.copy(stream);
            }
        }
        if let Err(error) = self.log.finish(Timestamp::now()) {
            note(&format!("container {}: the end of the log is lost: {error}", self.identity.id.0));
        }
    }

    /// Asks the container to end.
    pub(super) fn stop(&mut self, kill_at: Instant) {
        let due = self.kill_at.map_or(kill_at, |earlier| earlier.min(kill_at));
        self.kill_at = Some(due);
        self.log_failure("send the stop signal", sys::send_signal(self.pid, self.identity.stop_signal));
    }

    /// Ends every process of the container.
    pub(super) fn kill(&mut self) {
        self.kill_at = None;
        let killed = self.group.kill_all().map_err(io::Error::other);
        self.log_failure("kill the cgroup", killed);
        // Also when the cgroup cannot be read: the first process takes its namespace with it.
        self.log_failure("kill the first process", kill(self.pid, Signal::SIGKILL).map_err(io::Error::from));
    }

    fn log_failure(&self, what: &str, result: io::Result<()>) {
        if let Err(error) = result {
            note(&format!("container {}: cannot {what}: {error}", self.identity.id.0));
        }
    }

    /// The container's first process has ended: collects what is left, and writes the run file of its end.
    pub(super) fn finish(mut self, status: WaitStatus) -> (ContainerId, Exit) {
        // What joined the container from outside its process namespace, and what shares the pod's, ends with it.
        if self.group.procs().is_ok_and(|pids| !pids.is_empty()) {
            let killed = self.group.kill_all().map_err(io::Error::other);
            self.log_failure("kill what is left in the cgroup", killed);
        }
        self.drain();
        let oom_killed = match self.group.oom_kills() {
            Ok(kills) => kills > 0,
            Err(error) => {
                note(&format!("container {}: {}", self.identity.id.0, chain(&error)));
                false
            }
        };
        let said = self.report.take().and_then(Report::into_end);
        let (code, signal) = code_of(status);
        let mut exit = Exit {
            started_at: self.started_at,
            finished_at: now_nanos(),
            code,
            signal,
            oom_killed: oom_killed && code != 0,
            message: termination_message(&self.identity.termination_file),
            reason: if code == 0 { "Completed" } else { "Error" }.to_owned(),
        };
        if let Some(end) = said {
            exit.code = end.code;
            exit.reason = end.reason;
            if exit.message.is_empty() {
                exit.message = end.message;
            }
        }
        if exit.oom_killed {
            exit.reason = "OOMKilled".to_owned();
        }
        record(&self.identity.exit_file, &self.identity.id, &exit);
        (self.identity.id, exit)
    }
}

/// Writes the run file of a container's end.
pub(super) fn record(file: &Path, id: &ContainerId, exit: &Exit) {
    if let Err(error) = runfile::write(file, exit) {
        note(&format!("container {}: its end is only in memory: {}", id.0, chain(&error)));
    }
}

/// Exit code and signal as Kubernetes shows them: 128 + n for a process that signal n ended.
pub(super) fn code_of(status: WaitStatus) -> (i32, Option<i32>) {
    match status {
        WaitStatus::Exited(_, code) => (code, None),
        WaitStatus::Signaled(_, signal, _) => (128 + signal as i32, Some(signal as i32)),
        // `waitpid` was not asked for these.
        WaitStatus::Stopped(..)
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive => (255, None),
    }
}

fn termination_message(file: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut text = Vec::new();
        let opened = std::fs::File::open(file)?;
        let _length = io::Read::read_to_end(&mut io::Read::take(opened, MESSAGE_LIMIT), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    match read() {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            note(&format!("cannot read termination message {}: {error}", file.display()));
            String::new()
        }
    }
}
