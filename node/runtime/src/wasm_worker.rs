//! The process of one Wasm container, from its fork in the shim to the call into crate `wasm`.
//!
//! Before it runs a byte of a guest it stands in its container's cgroup, in the pod's namespaces, in a mount namespace where
//! only its volumes and the resolver's files exist, under the pod's own unprivileged uid, without capabilities or a way to
//! gain any, behind a system call filter of its own. `runAsUser` does not change that uid: the uid is what separates tenants
//! here. Groups (`fsGroup`) are kept, so that volumes work.
//!
//! Without root it is confined by the guest's sandbox and the filter alone: it keeps the node's user and namespaces, and dies
//! with its shim.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::cgroup::Group;
use crate::contract::SandboxConfig;
use crate::layout::PodDir;
use crate::privileges::Privileges;
use crate::protocol::{StartPlan, WasmPlan};
use crate::sys::{self, Fork};

mod confine;
pub(crate) mod filter;

/// Most bytes of a worker's report: its message is at most 4 KiB.
const REPORT_LIMIT: usize = 64 * 1024;

/// A worker's own standard streams.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// A worker to fork.
#[derive(Debug)]
pub(crate) struct Worker<'a> {
    pub(crate) privileges: Privileges,
    pub(crate) plan: &'a StartPlan,
    pub(crate) wasm: &'a WasmPlan,
    pub(crate) pod: &'a PodDir,
    pub(crate) sandbox: &'a SandboxConfig,
    pub(crate) group: &'a Group,
}

/// One line of a report.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    /// The instance is linked, and listening when it serves.
    Ready,
    /// The worker ends.
    End(End),
}

/// How a worker ended, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) reason: String,
}

/// What a worker tells its shim: a pipe of JSON lines.
#[derive(Debug)]
pub(crate) struct Report {
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
    ready: bool,
    end: Option<End>,
}

impl Report {
    fn new(pipe: OwnedFd) -> Report {
        Report { pipe: Some(pipe), bytes: Vec::new(), ready: false, end: None }
    }

    /// The descriptor to wait on; none when the worker has no more to say.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Takes what is there without waiting.
    pub(crate) fn read(&mut self) {
        let mut buffer = [0; 4096];
        while let Some(pipe) = &self.pipe {
            match nix::unistd::read(pipe, &mut buffer) {
                Ok(length) if length > 0 && self.bytes.len() + length <= REPORT_LIMIT => {
                    self.bytes.extend_from_slice(&buffer[..length]);
                }
                Err(nix::errno::Errno::EAGAIN) => break,
                Err(nix::errno::Errno::EINTR) => {}
                Ok(_) | Err(_) => self.pipe = None,
            }
        }
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            // A worker that writes nonsense is a compromised one; it gains nothing by it.
            match serde_json::from_slice(&line) {
                Ok(Line::Ready) => self.ready = true,
                Ok(Line::End(end)) => self.end = Some(end),
                Err(_) => {}
            }
        }
    }

    /// Whether the guest runs.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }

    /// The worker's last words; none when it was killed.
    pub(crate) fn into_end(self) -> Option<End> {
        self.end
    }
}

/// Forks a worker from the shim. `code` is a file that the agent's cache vouches for.
pub(crate) fn fork(
    engine: &wasm::Preloaded,
    worker: &Worker<'_>,
    code: File,
    streams: Streams,
) -> io::Result<(Pid, Report)> {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    let flags = nix::fcntl::OFlag::O_NONBLOCK;
    nix::fcntl::fcntl(&read, nix::fcntl::FcntlArg::F_SETFL(flags))?;
    let shim = nix::unistd::getpid();
    let group = worker.group.cradle().map_err(io::Error::other)?;
    match sys::fork_into(group.as_ref().map(AsFd::as_fd))? {
        Fork::Parent(pid) => Ok((pid, Report::new(read))),
        Fork::Child => sys::exit_now(child(engine, worker, shim, code, streams, &File::from(write))),
    }
}

/// The worker process; returns its exit code.
fn child(engine: &wasm::Preloaded, worker: &Worker<'_>, shim: Pid, code: File, streams: Streams, report: &File) -> i32 {
    let spec = spec(worker);
    let end = match confine::confine(worker, shim, streams, &[code.as_raw_fd(), report.as_raw_fd()]) {
        Err(error) => End {
            code: 128,
            message: format!("cannot confine the Wasm worker: {}", crate::shim::note::chain(&error)),
            reason: "StartError".to_owned(),
        },
        Ok(()) => {
            let exit = wasm::worker::run(engine, spec, code, || say(report, &Line::Ready));
            End { code: exit.code, message: exit.message, reason: exit.reason.as_str().to_owned() }
        }
    };
    let code = end.code;
    say(report, &Line::End(end));
    code
}

/// A shim that does not read is a shim that is gone, and its cgroup is about to be killed.
fn say(mut report: &File, line: &Line) {
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    report.write_all(&text).unwrap_or_default();
}

fn spec(worker: &Worker<'_>) -> wasm::WorkerSpec {
    let Worker { plan, wasm, sandbox, .. } = worker;
    let preopen = |(number, mount): (usize, &crate::contract::Mount)| wasm::Preopen {
        host: match worker.privileges {
            Privileges::Root => confine::volume(number),
            Privileges::None => mount.host.clone(),
        },
        guest: mount.container.to_string_lossy().into_owned(),
        read_only: mount.read_only,
    };
    wasm::WorkerSpec {
        form: wasm.form,
        entry: wasm.entry,
        args: plan.argv.clone(),
        env: plan.env.clone(),
        preopens: wasm.mounts.iter().enumerate().map(preopen).collect(),
        memory_limit: wasm.limits.memory,
        port: wasm.config.port,
        addresses: sandbox.addresses.clone(),
        outgoing_hosts: wasm.config.outgoing_hosts.clone(),
        sockets: wasm.config.sockets,
        peers: wasm.config.peers.clone(),
        listen_ports: wasm.config.listen_ports.clone(),
        request_timeout: wasm.config.request_timeout_ms.map(Duration::from_millis),
    }
}
