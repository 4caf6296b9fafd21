//! What the agent, the zygote and the shims say to each other.
//!
//! | channel | who writes | who reads | versions |
//! | --- | --- | --- | --- |
//! | zygote socket | agent | its own zygote, of the same release | [`VERSION`] only |
//! | `shim.sock` requests | agent of any later release | shim | shim: exactly its own; the agent lowers itself |
//! | `shim.sock` replies | shim of this or the two previous releases | agent | [`OLDEST`] to [`VERSION`] |
//!
//! A frame is a length (four bytes, big endian, of what follows the version), a version byte and a JSON body; descriptors
//! travel with the first byte of their frame. A connection carries one request and its answer: who hangs up before the
//! answer withdraws the request where that means something (an exec session is killed). Only [`Request::Watch`] has many
//! answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::contract::{ContainerId, Exit, Limits, LinuxUser, Mount, Security, WasmConfig};
use crate::linux::IdRange;
use crate::privileges::Privileges;

/// The version that this release speaks.
pub const VERSION: u8 = 1;
/// The oldest version of a shim's replies that this release reads.
pub const OLDEST: u8 = 1;
/// Largest body of a frame: a container's environment and arguments are its largest part (`ARG_MAX` is 2 MiB).
pub const BODY_LIMIT: usize = 4 << 20;
/// Most descriptors in one frame: the three standard streams and one more.
pub const DESCRIPTOR_LIMIT: usize = 4;

/// What the agent asks of its zygote.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ZygoteRequest {
    /// First frame. The descriptor that comes with it, if any, is the parent's pipe of ephemeral mode.
    Prepare {
        /// Cgroup for zygote and shims.
        cgroup: String,
        /// What zygote, shims and workers may do.
        privileges: Privileges,
    },
    /// Make a network namespace that belongs to a pod with ids of its own: [`ZygoteReply::Network`].
    Network {
        /// The pod's ids.
        ids: IdRange,
    },
    /// Fork a shim for the pod whose run directory this is.
    Fork {
        /// Run directory.
        pod: PathBuf,
    },
}

/// What a zygote answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ZygoteReply {
    /// The engine is preloaded.
    Prepared,
    /// The descriptor that comes with it is the namespace.
    Network,
    /// The shim runs and listens.
    Forked {
        /// Its process id.
        pid: u32,
    },
    /// It could not.
    Failed {
        /// What was attempted, and why it failed.
        message: String,
    },
}

/// What the agent asks of a shim.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// Whether the sandbox stands: [`Reply::Ready`] or [`Reply::Failed`].
    Hello,
    /// Start a container. With a Wasm container comes the descriptor of its compiled code.
    Start(Box<StartPlan>),
    /// Send the stop signal and, after the grace, kill: [`Reply::Ended`] when it has ended.
    Stop {
        /// Which.
        container: ContainerId,
        /// Milliseconds between the signals.
        grace_ms: u64,
    },
    /// Run a command in a container. The descriptors are its standard input, output and error.
    Exec(ExecPlan),
    /// Every container: first those that run ([`Reply::Running`]) and have ended ([`Reply::Ended`]) and [`Reply::Done`],
    /// then each end as it happens.
    Watch,
    /// Forget an ended container.
    Forget {
        /// Which.
        container: ContainerId,
    },
    /// Kill all containers and exit: [`Reply::Done`].
    Shutdown,
}

/// What a shim answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// The sandbox stands.
    Ready {
        /// The shim's process id.
        pid: u32,
    },
    /// The container runs.
    Started {
        /// Process id of its first process, in the node's process namespace.
        pid: u32,
        /// Nanoseconds since 1970.
        started_at: i64,
        /// Who that process was at its start; not told by shims of earlier releases, nor of Wasm workers.
        #[serde(default)]
        user: Option<LinuxUser>,
    },
    /// A container that was started before and runs.
    Running {
        /// Which.
        container: ContainerId,
        /// Process id of its first process, in the node's process namespace.
        pid: u32,
        /// Nanoseconds since 1970.
        started_at: i64,
        /// As when it started.
        #[serde(default)]
        user: Option<LinuxUser>,
    },
    /// A container has ended.
    Ended {
        /// Which.
        container: ContainerId,
        /// How.
        exit: Exit,
    },
    /// A command that was run in a container has ended.
    ExecEnded {
        /// Exit code; 128 + signal when a signal ended it.
        code: i32,
    },
    /// It is done.
    Done,
    /// It could not be done.
    Failed {
        /// A reason as in `waiting.reason`.
        reason: FailureReason,
        /// What was attempted, and why it failed.
        message: String,
    },
}

/// The reasons that a shim gives for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureReason {
    /// The request cannot be understood or does not fit the state.
    Invalid,
    /// No such container here.
    NotFound,
    /// The process could not be started.
    StartError,
    /// The namespaces of the sandbox could not be made.
    SandboxError,
}

impl FailureReason {
    /// As users see it.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureReason::Invalid => "Invalid",
            FailureReason::NotFound => "NotFound",
            FailureReason::StartError => "StartError",
            FailureReason::SandboxError => "SandboxError",
        }
    }
}

/// A container, resolved to what a shim needs to start it: no image, no layering of configurations is left to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartPlan {
    /// Identity.
    pub container: ContainerId,
    /// Its cgroup, which exists.
    pub cgroup: String,
    /// Log file.
    pub log: PathBuf,
    /// Signal that asks it to end.
    pub stop_signal: i32,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Environment, complete.
    pub env: Vec<(String, String)>,
    /// Keep standard input open.
    pub stdin: bool,
    /// Give it a terminal.
    pub tty: bool,
    /// What runs it.
    pub sandbox: PlannedSandbox,
}

/// The part of a plan that differs by sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlannedSandbox {
    /// Linux namespaces.
    Linux(LinuxPlan),
    /// The Wasm worker.
    Wasm(WasmPlan),
}

/// A Linux container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinuxPlan {
    /// Unpacked layers, the lowest first.
    pub layers: Vec<PathBuf>,
    /// Directory of the writable layer.
    pub writable: PathBuf,
    /// Mounts in order, the pod's files included.
    pub mounts: Vec<Mount>,
    /// Working directory.
    pub working_dir: PathBuf,
    /// User of the image (`uid[:gid]` or names), used where the security context says nothing.
    pub image_user: Option<String>,
    /// Security context.
    pub security: Security,
    /// `oom_score_adj`.
    pub oom_score_adj: i32,
    /// Live in the process namespace of this running container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes_of: Option<ContainerId>,
}

/// A Wasm container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmPlan {
    /// Binary format of the artifact.
    pub form: wasm::Form,
    /// How it is run.
    pub entry: wasm::Entry,
    /// The pod's unprivileged uid and gid.
    pub uid: u32,
    /// Supplemental groups.
    pub groups: Vec<u32>,
    /// Preopened directories.
    pub mounts: Vec<Mount>,
    /// Grants.
    pub config: WasmConfig,
    /// Limits, as the worker's own memory ceiling needs them.
    pub limits: Limits,
}

/// A command to run in a running Linux container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecPlan {
    /// Which container.
    pub container: ContainerId,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Give it a terminal: the first descriptor is then the terminal's side for the process, and the only one.
    pub tty: bool,
}
