//! The agent's side of the zygote: started on opening, started again when it dies.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt::ReceiveTimeout};
use nix::sys::time::{TimeVal, TimeValLike};
use tokio::sync::Mutex;

use crate::layout::PodDir;
use crate::linux;
use crate::privileges::Privileges;
use crate::protocol::{VERSION, ZygoteReply, ZygoteRequest};
use crate::{roles, sys, wire};

/// Longest time for preloading the engine or forking: seconds even on a machine that swaps.
const ANSWER_LIMIT_SECONDS: i64 = 20;
/// Wait before a zygote that died is started again, so that one that dies at once does not use up a core.
const RESTART_WAIT: Duration = Duration::from_millis(100);
/// Largest answer.
const REPLY_LIMIT: usize = 16 * 1024;

/// Why there is no zygote, or why it did not fork.
#[derive(Debug, thiserror::Error)]
pub(super) enum ZygoteError {
    /// A system call failed.
    #[error("{attempt}")]
    Io {
        /// What was attempted.
        attempt: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The binary cannot be opened read-only.
    #[error("open the zygote's binary read-only")]
    Binary(#[from] linux::LaunchError),
    /// The frame is broken.
    #[error("talk to the zygote")]
    Frame(#[from] wire::FrameError),
    /// It ended: its words are on our standard error.
    #[error("the zygote ended")]
    Ended,
    /// It refused.
    #[error("the zygote could not do it: {0}")]
    Refused(String),
}

fn io_error(attempt: impl Into<String>) -> impl FnOnce(io::Error) -> ZygoteError {
    move |source| ZygoteError::Io { attempt: attempt.into(), source }
}

/// How to start a zygote.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) exe: PathBuf,
    pub(super) privileges: Privileges,
    pub(super) cgroup: String,
    pub(super) ephemeral: Option<Arc<OwnedFd>>,
}

/// The zygote of this agent. Dropping it closes its socket, at which it ends.
#[derive(Debug)]
pub(super) struct Zygote {
    recipe: Recipe,
    live: Mutex<Option<Arc<OwnedFd>>>,
}

impl Zygote {
    /// Starts the zygote, and a task that starts it again whenever it dies.
    pub(super) async fn start(recipe: Recipe) -> Result<(Arc<Zygote>, tokio::task::JoinHandle<()>), ZygoteError> {
        let zygote = Arc::new(Zygote { recipe, live: Mutex::new(None) });
        let child = zygote.spawn().await?;
        let keeper = tokio::spawn(keep(Arc::downgrade(&zygote), child));
        Ok((zygote, keeper))
    }

    /// Forks a shim that listens in the pod's directory. Returns its process id.
    pub(super) async fn fork(&self, pod: &PodDir) -> Result<u32, ZygoteError> {
        match self.ask(ZygoteRequest::Fork { pod: pod.path().to_owned() }).await? {
            (ZygoteReply::Forked { pid }, _) => Ok(pid),
            (other, _) => Err(refused(other)),
        }
    }

    /// Makes a network namespace that belongs to a pod with these ids.
    pub(super) async fn network(&self, ids: linux::IdRange) -> Result<OwnedFd, ZygoteError> {
        match self.ask(ZygoteRequest::Network { ids }).await? {
            (ZygoteReply::Network, Some(namespace)) => Ok(namespace),
            (other, _) => Err(refused(other)),
        }
    }

    async fn ask(&self, request: ZygoteRequest) -> Result<(ZygoteReply, Option<OwnedFd>), ZygoteError> {
        let live = self.live.lock().await;
        let socket = live.clone().ok_or(ZygoteError::Ended)?;
        exchange(socket, request, None).await
    }

    async fn spawn(&self) -> Result<tokio::process::Child, ZygoteError> {
        let mut live = self.live.lock().await;
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)
            .map_err(|errno| io_error("make the zygote's socket")(errno.into()))?;
        let limit = TimeVal::seconds(ANSWER_LIMIT_SECONDS);
        setsockopt(&ours, ReceiveTimeout, &limit)
            .map_err(|errno| io_error("limit the wait for the zygote")(errno.into()))?;
        let binary = match self.recipe.privileges {
            Privileges::Root => linux::open_read_only(&self.recipe.exe)?,
            // No container of such a node runs native code that could write to it.
            Privileges::None => std::fs::File::open(&self.recipe.exe)
                .map_err(io_error(format!("open the zygote, {}", self.recipe.exe.display())))?
                .into(),
        };
        let child = tokio::process::Command::new(format!("/proc/self/fd/{}", binary.as_raw_fd()))
            .arg0("bireme")
            .arg(roles::ZYGOTE)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .map_err(io_error(format!("execute the zygote, {}", self.recipe.exe.display())))?;
        drop(binary);
        let ours = Arc::new(ours);
        let Recipe { privileges, cgroup, .. } = &self.recipe;
        let request = ZygoteRequest::Prepare { cgroup: cgroup.clone(), privileges: *privileges };
        match exchange(Arc::clone(&ours), request, self.recipe.ephemeral.clone()).await? {
            (ZygoteReply::Prepared, _) => {}
            (other, _) => return Err(refused(other)),
        }
        *live = Some(ours);
        Ok(child)
    }
}

/// Reaps the zygote and starts it again, as long as somebody holds it.
async fn keep(zygote: std::sync::Weak<Zygote>, mut child: tokio::process::Child) {
    loop {
        match child.wait().await {
            // It ended because the parent of an ephemeral node did, and so shall everything else.
            Ok(status) if status.success() => return,
            Ok(status) => tracing::warn!(%status, "the zygote ended; starting it again"),
            Err(error) => tracing::error!(%error, "cannot wait for the zygote; starting another"),
        }
        child = loop {
            tokio::time::sleep(RESTART_WAIT).await;
            let Some(zygote) = zygote.upgrade() else { return };
            *zygote.live.lock().await = None;
            match zygote.spawn().await {
                Ok(child) => break child,
                Err(error) => tracing::error!(error = %crate::shim::note::chain(&error), "cannot start the zygote"),
            }
        };
    }
}

/// What an answer means that is not the one wanted.
fn refused(answer: ZygoteReply) -> ZygoteError {
    match answer {
        ZygoteReply::Failed { message } => ZygoteError::Refused(message),
        other => ZygoteError::Refused(format!("it answered another question: {other:?}")),
    }
}

/// One question, one answer. The socket blocks, so this happens on a thread for blocking work.
async fn exchange(
    socket: Arc<OwnedFd>,
    request: ZygoteRequest,
    descriptor: Option<Arc<OwnedFd>>,
) -> Result<(ZygoteReply, Option<OwnedFd>), ZygoteError> {
    let work = move || {
        let frame = wire::encode(&request)?;
        let descriptors: Vec<_> = descriptor.iter().map(|fd| fd.as_fd()).collect();
        sys::send(socket.as_fd(), &frame, &descriptors).map_err(io_error("ask the zygote"))?;
        let mut buffer = vec![0; REPLY_LIMIT];
        let (length, mut made) =
            sys::receive(socket.as_fd(), &mut buffer).map_err(io_error("hear the zygote's answer"))?;
        let answer = wire::decode(&buffer[..length], VERSION..=VERSION)?;
        answer.map(|(answer, _)| (answer, made.pop())).ok_or(ZygoteError::Ended)
    };
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| io_error("run a blocking task")(io::Error::other(error)))?
}
