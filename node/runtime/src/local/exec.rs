//! Commands in containers, for probes and hooks.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::OFlag;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::client::{ClientError, Connection};
use super::sandboxes::shim_error;
use super::{Inner, system};
use crate::contract::{ContainerId, ContainerState, ExecOutcome, Result, RuntimeError, SandboxKind};
use crate::protocol::{ExecPlan, Reply, Request};

/// Most output that is kept, as the CRI asks of an exec probe.
const OUTPUT_LIMIT: usize = 16 * 1024;
/// Longest command without a limit of its own: hooks end with their pod's grace, which callers pass.
const LONGEST: Duration = Duration::from_secs(3600);

/// Runs a command and waits for it. When the time is over, or the caller goes, it is killed: the shim sees its connection
/// close.
pub(super) async fn exec_sync(
    inner: &Arc<Inner>,
    id: &ContainerId,
    command: &[String],
    timeout_ms: u64,
) -> Result<ExecOutcome> {
    let (sandbox, name) = {
        let state = inner.state();
        let entry = state.container(id).ok_or_else(|| RuntimeError::NotFound(format!("container {}", id.0)))?;
        if entry.record.kind == SandboxKind::Wasm {
            return Err(RuntimeError::Unsupported(format!(
                "run a command in Wasm container {:?}: it holds one guest and no programs; use an HTTP or TCP probe",
                entry.record.config.name
            )));
        }
        if !matches!(entry.state, ContainerState::Running { .. }) {
            return Err(RuntimeError::Invalid(format!("container {:?} does not run", entry.record.config.name)));
        }
        (entry.record.config.sandbox.clone(), entry.record.config.name.clone())
    };
    let attempt = format!("run {:?} in container {name:?}", command.join(" "));
    let (output, descriptors) = streams().map_err(|cause| system(attempt.clone(), cause))?;
    let plan = ExecPlan { container: id.clone(), argv: command.to_vec(), tty: false };
    let limit = if timeout_ms == 0 { LONGEST } else { Duration::from_millis(timeout_ms) };
    let run = async {
        let connection =
            Connection::open(&inner.layout.pod(&sandbox), &Request::Exec(plan), &descriptors).await?;
        drop(descriptors);
        collect(connection, output).await
    };
    match tokio::time::timeout(limit, run).await {
        Ok(Ok((Reply::ExecEnded { code }, output))) => Ok(ExecOutcome { code, output }),
        Ok(Ok((Reply::Failed { reason, message }, _))) => Err(RuntimeError::Start { reason: reason.as_str(), message }),
        Ok(Ok((other, _))) => Err(system(attempt, io::Error::other(format!("the pod's shim answered {other:?}")))),
        Ok(Err(error)) => Err(shim_error(&attempt, &error)),
        Err(_) => Err(system(attempt, io::Error::new(io::ErrorKind::TimedOut, format!("no end within {limit:?}")))),
    }
}

/// Empty standard input, and one pipe for both outputs.
fn streams() -> io::Result<(pipe::Receiver, Vec<OwnedFd>)> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let null = std::fs::File::open("/dev/null")?;
    let both = write.try_clone()?;
    Ok((pipe::Receiver::from_owned_fd(read)?, vec![null.into(), write, both]))
}

/// Reads output until the command has ended. A child that it left behind may hold the pipe: that is not waited for.
async fn collect(
    mut connection: Connection,
    mut output: pipe::Receiver,
) -> std::result::Result<(Reply, Vec<u8>), ClientError> {
    let mut kept = Vec::new();
    let mut buffer = vec![0; OUTPUT_LIMIT];
    let mut open = true;
    let reply = {
        let ended = connection.expect();
        tokio::pin!(ended);
        loop {
            tokio::select! {
                reply = &mut ended => break reply?,
                read = output.read(&mut buffer), if open => {
                    let length = read?;
                    open = length > 0;
                    keep(&mut kept, &buffer[..length]);
                }
            }
        }
    };
    while let Ok(length @ 1..) = output.try_read(&mut buffer) {
        keep(&mut kept, &buffer[..length]);
    }
    Ok((reply, kept))
}

/// What goes beyond the limit is read, so that the command does not block, and dropped.
fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = OUTPUT_LIMIT - kept.len();
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}
