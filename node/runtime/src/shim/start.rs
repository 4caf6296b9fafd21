//! Starting a container: streams, log, and the process in its sandbox.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::fcntl::OFlag;
use nix::unistd::Pid;

use super::container::{Container, Identity, Streams, now_nanos, record};
use super::exec::Inherited;
use super::note::{chain, note};
use super::server::Shim;
use super::{ShimError, attempt};
use crate::cgroup::Group;
use crate::contract::{ContainerId, Exit, Limits, LinuxUser};
use crate::linux;
use crate::logs::{FILE_LIMIT, Log};
use crate::protocol::{LinuxPlan, PlannedSandbox, StartPlan, WasmPlan};
use crate::wasm_worker::{self, Report};

/// Exit code of a container that did not get as far as its command, as containerd has it.
const START_FAILED: i32 = 128;

/// A container that could not be started: its end as it is recorded, and the words for the agent.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) exit: Exit,
    pub(super) message: String,
}

/// Why.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Shim(#[from] ShimError),
    #[error(transparent)]
    Cgroup(#[from] crate::cgroup::CgroupError),
    #[error(transparent)]
    Linux(#[from] linux::LaunchError),
    #[error("the request for a Wasm container came without its compiled code")]
    NoCode,
    #[error("container {} does not run as a Linux container, so its processes cannot be shown to another", .0.0)]
    NoTarget(ContainerId),
}

/// A process just started, and what later exec sessions inherit.
struct Started {
    pid: Pid,
    streams: Streams,
    user: Option<LinuxUser>,
    report: Option<Report>,
    inherited: Option<Inherited>,
}

/// Starts a container. A Wasm container's `started_at` stays 0 until its worker says that it runs.
pub(super) fn start(
    shim: &mut Shim<'_>,
    plan: StartPlan,
    descriptors: Vec<OwnedFd>,
) -> Result<(Container, Option<Inherited>), Failed> {
    let id = plan.container.clone();
    let exit_file = shim.pod.exit_file(&id);
    try_start(shim, plan, descriptors).map_err(|error| {
        let message = words(&error);
        let exit = Exit {
            started_at: 0,
            finished_at: now_nanos(),
            code: START_FAILED,
            signal: None,
            oom_killed: false,
            message: message.clone(),
            reason: "StartError".to_owned(),
        };
        record(&exit_file, &id, &exit);
        Failed { exit, message }
    })
}

/// What users are told: a launch names its cause in its own words.
fn words(error: &StartError) -> String {
    match error {
        StartError::Linux(error) | StartError::Shim(ShimError::Linux(error)) => error.to_string(),
        other => chain(other),
    }
}

fn try_start(
    shim: &mut Shim<'_>,
    plan: StartPlan,
    descriptors: Vec<OwnedFd>,
) -> Result<(Container, Option<Inherited>), StartError> {
    let identity = Identity {
        id: plan.container.clone(),
        stop_signal: plan.stop_signal,
        exit_file: shim.pod.exit_file(&plan.container),
        termination_file: shim.pod.termination_file(&plan.container),
    };
    let log = attempt(format!("open log {}", plan.log.display()), Log::open(&plan.log, FILE_LIMIT))?;
    let group = shim.hierarchy.group(&plan.cgroup)?;
    let started = match plan.sandbox.clone() {
        PlannedSandbox::Linux(linux) => start_linux(shim, plan, linux, &group)?,
        PlannedSandbox::Wasm(wasm) => start_wasm(shim, &plan, &wasm, descriptors, &group)?,
    };
    let container = Container {
        identity,
        pid: started.pid,
        started_at: if started.report.is_some() { 0 } else { now_nanos() },
        user: started.user,
        group,
        log,
        streams: started.streams,
        report: started.report,
        kill_at: None,
    };
    Ok((container, started.inherited))
}

fn start_linux(shim: &mut Shim<'_>, plan: StartPlan, linux: LinuxPlan, group: &Group) -> Result<Started, StartError> {
    let pid_namespace = match &linux.processes_of {
        Some(target) => processes_of(shim, target)?,
        None => pid_namespace(shim, &plan.cgroup)?,
    };
    let inherited = Inherited::new(&plan.env, &linux);
    let (stdio, mut streams) = if plan.tty {
        (linux::Stdio::Terminal, None)
    } else {
        pipes(plan.stdin).map(|(stdio, held)| (stdio, Some(held)))?
    };
    let rootfs = linux::Rootfs {
        lowers: linux.layers.into_iter().rev().collect(),
        upper: linux.writable.join("upper"),
        work: linux.writable.join("work"),
        merged: linux.writable.join("merged"),
    };
    let spec = linux::LaunchSpec {
        process: linux::Process {
            command: plan.argv,
            env: plan.env,
            cwd: linux.working_dir,
            image_user: linux.image_user,
            security: linux.security,
            stdio,
            oom_score_adj: Some(linux.oom_score_adj),
        },
        rootfs,
        mounts: linux.mounts,
        pid_namespace,
        users: shim.users.clone(),
        group: group.clone(),
    };
    let launched = linux::launch(&spec)?;
    launched.warnings.iter().for_each(|warning| note(warning));
    let console = launched.console.map(|master| Streams { stdin: None, outputs: [Some(master), None] });
    let streams = streams.take().or(console).unwrap_or(Streams { stdin: None, outputs: [None, None] });
    let (pid, user) = (Pid::from_raw(launched.pid), launched.user);
    Ok(Started { pid, streams, user, report: None, inherited: Some(inherited) })
}

/// The process namespace of a container that runs here.
fn processes_of(shim: &Shim<'_>, target: &ContainerId) -> Result<linux::PidNamespace, StartError> {
    let pid = shim.linux_process(target).ok_or_else(|| StartError::NoTarget(target.clone()))?;
    Ok(linux::PidNamespace::Join(PathBuf::from(format!("/proc/{pid}/ns/pid"))))
}

/// Where a container's processes live. A pod that shares its processes gets a first process of ours that reaps orphans.
fn pid_namespace(shim: &mut Shim<'_>, container_cgroup: &str) -> Result<linux::PidNamespace, StartError> {
    if shim.record.config.host_pid {
        return Ok(linux::PidNamespace::Host);
    }
    if !shim.record.config.share_processes {
        return Ok(linux::PidNamespace::Own);
    }
    let pause = match shim.pause {
        Some(pid) => pid,
        None => {
            // Beside the containers, so that it dies with the pod.
            let pod_cgroup = container_cgroup.rsplit_once('/').map_or("", |(pod, _)| pod);
            let group = shim.hierarchy.group(&format!("{pod_cgroup}/pause"))?;
            group.create(&Limits::default())?;
            let pid = Pid::from_raw(linux::pause(&group)?.pid);
            shim.pause = Some(pid);
            pid
        }
    };
    Ok(linux::PidNamespace::Join(PathBuf::from(format!("/proc/{pause}/ns/pid"))))
}

fn start_wasm(
    shim: &Shim<'_>,
    plan: &StartPlan,
    wasm: &WasmPlan,
    descriptors: Vec<OwnedFd>,
    group: &Group,
) -> Result<Started, StartError> {
    let code = File::from(descriptors.into_iter().next().ok_or(StartError::NoCode)?);
    let (streams, held) = worker_pipes(plan.stdin)?;
    let (privileges, pod, sandbox) = (shim.privileges, &shim.pod, &shim.record.config);
    let worker = wasm_worker::Worker { privileges, plan, wasm, pod, sandbox, group };
    let (pid, report) = attempt("fork a Wasm worker", wasm_worker::fork(shim.engine, &worker, code, streams))?;
    Ok(Started { pid, streams: held, user: None, report: Some(report), inherited: None })
}

fn pipe() -> Result<(OwnedFd, OwnedFd), ShimError> {
    attempt("make a pipe", nix::unistd::pipe2(OFlag::O_CLOEXEC))
}

/// Three streams for a process, and the node's ends of them.
fn worker_pipes(stdin: bool) -> Result<(wasm_worker::Streams, Streams), ShimError> {
    let (stdin_read, stdin_write) = if stdin {
        let (read, write) = pipe()?;
        (read, Some(write))
    } else {
        (attempt("open /dev/null", File::open("/dev/null"))?.into(), None)
    };
    let (stdout_read, stdout_write) = pipe()?;
    let (stderr_read, stderr_write) = pipe()?;
    let streams = wasm_worker::Streams { stdin: stdin_read, stdout: stdout_write, stderr: stderr_write };
    Ok((streams, Streams { stdin: stdin_write, outputs: [Some(stdout_read), Some(stderr_read)] }))
}

fn pipes(stdin: bool) -> Result<(linux::Stdio, Streams), ShimError> {
    let (streams, held) = worker_pipes(stdin)?;
    let wasm_worker::Streams { stdin, stdout, stderr } = streams;
    Ok((linux::Stdio::Pipes { stdin: Some(stdin), stdout, stderr }, held))
}

impl From<io::Error> for StartError {
    fn from(source: io::Error) -> StartError {
        StartError::Shim(ShimError::Io { attempt: "start the container".to_owned(), source })
    }
}
