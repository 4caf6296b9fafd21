//! The way into the child and back: clone, a channel for its report, and the wait for it.

use std::convert::Infallible;
use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::process::io_failed;
use super::sys;
use super::{LaunchError, Launched};
use crate::cgroup::Group;
use crate::contract::LinuxUser;
use crate::sys::{Side, clone};

/// A child only mounts, which takes milliseconds; a dead network volume must not hold the shim for ever.
const REPORT_WAIT: Duration = Duration::from_secs(30);
/// Longest report: an error with a path in it.
const REPORT_MAX: usize = 16 << 10;
/// Exit code of a child that could not become its program, as shells give it. Nobody sees it: the caller reaps it.
const NOT_STARTED: i32 = 127;

/// What a child has to say before it becomes its program.
#[derive(Debug, Serialize, Deserialize)]
enum Report {
    /// The master of its terminal comes along.
    Console,
    /// Something could not be done and does not matter.
    Warning(String),
    /// Who it will be.
    User(LinuxUser),
    /// It will not become its program.
    Failed(LaunchError),
}

/// The child's end of the channel. It closes at `execve`: silence is success.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

impl Channel {
    pub(super) fn warn(&self, message: String) {
        // A warning that cannot be delivered is not worth failing for.
        self.send(&Report::Warning(message), None).ok();
    }

    pub(super) fn tell_user(&self, user: LinuxUser) -> Result<(), LaunchError> {
        self.send(&Report::User(user), None).map_err(LaunchError::system("tell who the process will be"))
    }

    pub(super) fn send_console(&self, master: &OwnedFd) -> Result<(), LaunchError> {
        self.send(&Report::Console, Some(master)).map_err(LaunchError::system("hand over the terminal"))
    }

    fn send(&self, report: &Report, fd: Option<&OwnedFd>) -> Result<(), Errno> {
        let bytes = serde_json::to_vec(report).map_err(|_| Errno::EBADMSG)?;
        let fds: Vec<_> = fd.iter().map(|fd| fd.as_raw_fd()).collect();
        let rights = [ControlMessage::ScmRights(&fds)];
        let rights = if fds.is_empty() { &[][..] } else { &rights[..] };
        sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(&bytes)], rights, MsgFlags::MSG_NOSIGNAL, None).map(drop)
    }
}

/// Runs `child` in a new process with new namespaces, in the control group, and in the process namespace of `join` if given.
/// Returns when the child has become its program.
pub(super) fn spawn(
    namespaces: CloneFlags,
    group: &Group,
    join: Option<&OwnedFd>,
    child: impl FnOnce(&Channel) -> Result<Infallible, LaunchError>,
) -> Result<Launched, LaunchError> {
    refuse_threads()?;
    // Inherited by the child, so that no moment remains in which a process of the container could trace it or open its
    // program (CVE-2019-5736). execve of the container's program makes that one dumpable again.
    prctl::set_dumpable(false).map_err(LaunchError::system("make the process non-dumpable"))?;
    let (parent_end, child_end) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
        .map_err(LaunchError::system("make a channel to the child"))?;
    match clone_into(namespaces, group, join)? {
        Side::Child => {
            drop(parent_end);
            let channel = Channel(child_end);
            let child = || group.enter().map_err(LaunchError::from).and_then(|()| child(&channel));
            // A panic must not unwind into what is the caller's program, in a copy that nobody expects.
            let outcome = catch_unwind(AssertUnwindSafe(child));
            if let Ok(Err(error)) = outcome {
                // When even that fails the caller sees the channel close before execve and the exit of the child.
                channel.send(&Report::Failed(error), None).ok();
            }
            sys::exit_now(NOT_STARTED)
        }
        Side::Parent { pid, pidfd } => {
            drop(child_end);
            let result = collect(&parent_end, Launched { pid, pidfd, console: None, user: None, warnings: Vec::new() });
            if result.is_err() {
                bury(pid);
            }
            result
        }
    }
}

fn refuse_threads() -> Result<(), LaunchError> {
    // A directory has two links and one more for each directory in it: one for each thread.
    let links = fs::metadata("/proc/self/task").map_err(io_failed("count threads"))?.nlink();
    match links.saturating_sub(2) {
        1 => Ok(()),
        threads => Err(LaunchError::Threads(threads)),
    }
}

/// Joining a process namespace acts on later children only, and is undone for the caller's other children.
fn clone_into(namespaces: CloneFlags, group: &Group, join: Option<&OwnedFd>) -> Result<Side, LaunchError> {
    let group = group.cradle()?;
    let group = group.as_ref().map(AsFd::as_fd);
    let Some(target) = join else {
        return clone(namespaces.bits(), group).map_err(LaunchError::system("clone a process"));
    };
    let own = fs::File::open("/proc/self/ns/pid").map_err(io_failed("open the own process namespace"))?;
    setns(target, CloneFlags::CLONE_NEWPID).map_err(LaunchError::system("join the container's process namespace"))?;
    let side = clone(namespaces.bits(), group);
    if matches!(side, Ok(Side::Child)) {
        return side.map_err(LaunchError::system("clone a process"));
    }
    setns(&own, CloneFlags::CLONE_NEWPID).map_err(LaunchError::system("return to the own process namespace"))?;
    side.map_err(LaunchError::system("clone a process"))
}

/// Collects reports until the channel closes.
fn collect(channel: &OwnedFd, mut launched: Launched) -> Result<Launched, LaunchError> {
    let deadline = Instant::now() + REPORT_WAIT;
    while let Some((report, fd)) = receive(channel, deadline)? {
        match report {
            Report::Console => launched.console = fd,
            Report::Warning(message) => launched.warnings.push(message),
            Report::User(user) => launched.user = Some(user),
            Report::Failed(error) => return Err(error),
        }
    }
    // The channel closes at execve, and also when the child was killed before: that one can be waited for, but only an
    // error leads to it being reaped here.
    let mut ends = [PollFd::new(launched.pidfd.as_fd(), PollFlags::POLLIN)];
    let ended = poll(&mut ends, PollTimeout::ZERO).map_err(LaunchError::system("look at the child"))?;
    if ended > 0 && !became_program(launched.pid) { Err(LaunchError::Lost) } else { Ok(launched) }
}

/// Whether an ended child got as far as its program: the flag of a process that forked and has not called execve since.
fn became_program(pid: i32) -> bool {
    const PF_FORKNOEXEC: u64 = 0x40;
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    // proc_pid_stat(5): the flags are field 9; the name, field 2, may hold spaces and ends at the last parenthesis.
    let flags = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(6)?.parse::<u64>().ok());
    flags.is_none_or(|flags| flags & PF_FORKNOEXEC == 0)
}

fn receive(channel: &OwnedFd, deadline: Instant) -> Result<Option<(Report, Option<OwnedFd>)>, LaunchError> {
    wait_readable(channel, deadline)?;
    let mut bytes = vec![0; REPORT_MAX];
    let mut space = nix::cmsg_space!([i32; 1]);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg::<()>(channel.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)
        .map_err(LaunchError::system("hear from the child"))?;
    let length = message.bytes;
    let mut fd = None;
    for item in message.cmsgs().map_err(LaunchError::system("hear from the child"))? {
        if let ControlMessageOwned::ScmRights(fds) = item {
            fd = fds.first().copied().map(sys::adopt);
        }
    }
    if length == 0 {
        return Ok(None);
    }
    let report = serde_json::from_slice(&bytes[..length])
        .map_err(|_| LaunchError::system("understand the child")(Errno::EBADMSG))?;
    Ok(Some((report, fd)))
}

fn wait_readable(channel: &OwnedFd, deadline: Instant) -> Result<(), LaunchError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut ends = [PollFd::new(channel.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ends, timeout) {
            Ok(0) => return Err(LaunchError::Timeout(REPORT_WAIT.as_secs())),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(LaunchError::system("wait for the child")(errno)),
        }
    }
}

/// Ends and reaps a child that did not start, so that the caller never hears of it.
fn bury(pid: i32) {
    let pid = Pid::from_raw(pid);
    kill(pid, Signal::SIGKILL).ok();
    while waitpid(pid, Some(WaitPidFlag::empty())) == Err(Errno::EINTR) {}
}
