//! The zygote: a small single-threaded process with the Wasm engine preloaded, which forks a shim per pod.
//!
//! It exists because the agent is large and threaded: it must not fork, and a process that is executed anew pays for its
//! relocations and its engine each time. It holds no secret, no component and no descriptor but the agent's socket (its
//! standard input) and, in ephemeral mode, the parent's pipe. It ends when either closes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::cgroup::Hierarchy;
use crate::layout::PodDir;
use crate::privileges::Privileges;
use crate::protocol::{VERSION, ZygoteReply, ZygoteRequest};
use crate::sys::{self, Fork};
use crate::{shim, wire};

mod heap;

/// Largest request: a cgroup or a path, and its JSON.
const REQUEST_LIMIT: usize = 16 * 1024;

/// Why the zygote ended other than by its agent's wish.
#[derive(Debug, thiserror::Error)]
enum ZygoteError {
    #[error("{attempt}")]
    Io {
        attempt: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("read the agent's request")]
    Frame(#[from] wire::FrameError),
    #[error("join the shims' cgroup")]
    Cgroup(#[from] crate::cgroup::CgroupError),
    #[error("prepare the Wasm engine")]
    Engine(#[from] wasm::engine::EngineError),
    #[error("prepare the workers' system call filter")]
    Filter(#[from] crate::linux::LaunchError),
    #[error("make a network for a pod with ids of its own")]
    Network(#[source] crate::linux::LaunchError),
    #[error("the agent asked a second time to prepare")]
    PreparedAgain,
    #[error("the agent's first request was not `prepare`")]
    Unprepared,
}

fn attempt<T, E: Into<io::Error>>(attempt: &'static str, result: Result<T, E>) -> Result<T, ZygoteError> {
    result.map_err(|source| ZygoteError::Io { attempt, source: source.into() })
}

/// Body of the role [`crate::roles::ZYGOTE`]; returns its exit code.
pub(crate) fn main() -> i32 {
    match run() {
        Ok(()) => 0,
        Err(error) => {
            shim::note::note(&format!("zygote: {}", shim::note::chain(&error)));
            1
        }
    }
}

fn run() -> Result<(), ZygoteError> {
    attempt("become a session of its own", nix::unistd::setsid())?;
    attempt("become non-dumpable", nix::sys::prctl::set_dumpable(false))?;
    attempt("set the process name", nix::sys::prctl::set_name(c"bireme-zygote"))?;
    let mut waiting = SigSet::empty();
    waiting.add(Signal::SIGCHLD);
    attempt("block SIGCHLD", nix::sys::signal::pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&waiting), None))?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let children = attempt("make a signal descriptor", SignalFd::with_flags(&waiting, flags))?;

    let stdin = io::stdin();
    let control = stdin.as_fd();
    let Some((ZygoteRequest::Prepare { cgroup, privileges }, mut descriptors)) = receive(control)? else {
        return Err(ZygoteError::Unprepared);
    };
    let parent = descriptors.pop();
    // Found once: the table of mounts, which it is read from, grows with every pod, and shims inherit what is in memory.
    let hierarchy = Hierarchy::of(privileges)?;
    hierarchy.group(&cgroup)?.add_self()?;
    let engine = wasm::engine::Preloaded::new()?;
    crate::wasm_worker::filter::compiled()?;
    crate::linux::seccomp::Filter::preload()?;
    heap::settle();
    reply(control, &ZygoteReply::Prepared, None)?;

    loop {
        let mut polled =
            vec![PollFd::new(control, PollFlags::POLLIN), PollFd::new(children.as_fd(), PollFlags::POLLIN)];
        polled.extend(parent.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        match poll(&mut polled, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            result => attempt("wait for requests", result)?,
        };
        let ready: Vec<bool> = polled.iter().map(|fd| fd.any().unwrap_or(true)).collect();
        if ready[1] {
            attempt("read a signal", children.read_signal())?;
            reap();
        }
        // Nothing is ever written to the parent's pipe: it becomes readable when the parent is gone.
        if ready.get(2) == Some(&true) {
            return Ok(());
        }
        if ready[0] {
            let Some((request, _none)) = receive(control)? else { return Ok(()) };
            let answer = match request {
                ZygoteRequest::Prepare { .. } => return Err(ZygoteError::PreparedAgain),
                ZygoteRequest::Network { ids } => {
                    crate::linux::UserNamespace::network(ids).map(Answer::Network).map_err(ZygoteError::Network)
                }
                ZygoteRequest::Fork { pod } => {
                    fork_shim(&PodDir(pod), privileges, &hierarchy, &engine, parent.as_ref()).map(Answer::Forked)
                }
            };
            answer_with(control, answer)?;
        }
    }
}

/// What was made as the agent asked.
enum Answer {
    Network(OwnedFd),
    Forked(Pid),
}

fn answer_with(control: BorrowedFd<'_>, made: Result<Answer, ZygoteError>) -> Result<(), ZygoteError> {
    match made {
        Ok(Answer::Network(namespace)) => reply(control, &ZygoteReply::Network, Some(&namespace)),
        Ok(Answer::Forked(pid)) => reply(control, &ZygoteReply::Forked { pid: pid.as_raw().cast_unsigned() }, None),
        Err(error) => reply(control, &ZygoteReply::Failed { message: shim::note::chain(&error) }, None),
    }
}

/// Forks a shim that listens already, so that the agent can connect as soon as it has the answer.
fn fork_shim(
    pod: &PodDir,
    privileges: Privileges,
    hierarchy: &Hierarchy,
    engine: &wasm::engine::Preloaded,
    parent: Option<&OwnedFd>,
) -> Result<Pid, ZygoteError> {
    let listener = attempt("make the shim's socket", listen(pod.path()))?;
    match attempt("fork a shim", sys::fork())? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => sys::exit_now(shim::main(pod, privileges, hierarchy, listener, parent, engine)),
    }
}

/// Binds by way of the directory's descriptor: the address of a Unix socket holds only 108 bytes.
fn listen(dir: &Path) -> io::Result<UnixListener> {
    let held = std::fs::File::open(dir)?;
    let short = format!("/proc/self/fd/{}/{}", std::os::fd::AsRawFd::as_raw_fd(&held), PodDir::SOCKET);
    UnixListener::bind(short)
}

fn reap() {
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            break;
        }
    }
}

fn receive(control: BorrowedFd<'_>) -> Result<Option<(ZygoteRequest, Vec<OwnedFd>)>, ZygoteError> {
    let mut buffer = vec![0; REQUEST_LIMIT];
    let (length, descriptors) = attempt("receive a request", sys::receive(control, &mut buffer))?;
    if length == 0 {
        return Ok(None);
    }
    let message = wire::decode(&buffer[..length], VERSION..=VERSION)?;
    message.map(|(request, _)| Some((request, descriptors))).ok_or(ZygoteError::Unprepared)
}

fn reply(control: BorrowedFd<'_>, answer: &ZygoteReply, made: Option<&OwnedFd>) -> Result<(), ZygoteError> {
    let frame = wire::encode(answer)?;
    let descriptors: Vec<BorrowedFd<'_>> = made.iter().map(|fd| fd.as_fd()).collect();
    attempt("answer the agent", sys::send(control, &frame, &descriptors))?;
    Ok(())
}
