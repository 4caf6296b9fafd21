//! The process that runs one Wasm container.
//!
//! [`run`] is called in a process that was already forked, put into its pod's namespaces and stripped of privileges, while
//! it still has one thread. It starts three: the runtime's (the caller's own), the epoch ticker, and the writer behind
//! standard output and error.

mod budget;
mod command;
mod listen;
mod network;
mod outgoing;
mod output;
mod request;
mod serve;
mod state;
mod ticker;

use std::fs::File;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::SigSet;
use serde::{Deserialize, Serialize};

pub(crate) use state::{CommandState, ModuleState};

use crate::engine::Preloaded;
use crate::inspect::{Entry, Form};
use crate::sys;
use output::Output;
use ticker::Ticker;

/// How much of an error or trap is kept: Kubernetes shows at most 4 KiB of a termination message.
const MAX_MESSAGE: usize = 4096;

/// Turns of tasks between two looks at sockets, timers and signals. A spinning guest takes a whole tick for its turn; with
/// tokio's default of 61 it would delay everything else by more than half a second.
const EVENT_INTERVAL: u32 = 1;

/// Events of sockets, timers and signals taken in one look. With tokio's default their list is the largest thing in the memory of
/// an idle worker; the more there are, the more looks there are.
const EVENTS_MAX: usize = 64;

/// Exit code of a container that could not start, as container runtimes give it.
const CODE_START_ERROR: i32 = 128;

/// Exit code after a trap: what a native process has that aborts (128 + SIGABRT).
const CODE_TRAP: i32 = 134;

/// Exit code after SIGTERM (128 + 15).
const CODE_TERMINATED: i32 = 143;

/// What to run, and everything it is granted. What is not here is denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSpec {
    /// Binary format, as [`crate::inspect`] found it.
    pub form: Form,
    /// How to run it, as [`crate::inspect`] found it.
    pub entry: Entry,
    /// Arguments; the first is the program's name.
    pub args: Vec<String>,
    /// Environment, in order.
    pub env: Vec<(String, String)>,
    /// Directories that the guest sees.
    pub preopens: Vec<Preopen>,
    /// Bytes of linear memory that all instances of this worker may have together; no limit when absent.
    pub memory_limit: Option<u64>,
    /// Port on which an HTTP component is served.
    pub port: Option<u16>,
    /// Addresses of the pod: they decide which families are listened on. Both when empty.
    pub addresses: Vec<IpAddr>,
    /// Hosts that outgoing HTTP may reach: `host` or `*.domain`, each with or without `:port`, or `*`.
    pub outgoing_hosts: Vec<String>,
    /// Whether `wasi:sockets` and name lookup are allowed without bounds.
    pub sockets: bool,
    /// Otherwise, which addresses sockets may send to (`address`, `range/prefix` or `*`, each with or without `:port`), and
    /// whether names may be looked up (`name-lookup`).
    #[serde(default)]
    pub peers: Vec<String>,
    /// Ports that sockets may listen on.
    #[serde(default)]
    pub listen_ports: Vec<u16>,
    /// Longest time for one HTTP request; [`WorkerSpec::DEFAULT_REQUEST_TIMEOUT`] when absent.
    pub request_timeout: Option<Duration>,
}

impl WorkerSpec {
    /// What proxies in front of servers commonly wait for an answer.
    pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
}

/// A directory of the worker's mount namespace, shown to the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preopen {
    /// Where the worker finds it.
    pub host: PathBuf,
    /// Its name in the guest.
    pub guest: String,
    /// Whether writing is refused.
    pub read_only: bool,
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerExit {
    /// Exit code for the process and the container's status.
    pub code: i32,
    /// Why.
    pub reason: ExitReason,
    /// The error, or the trap with its backtrace; at most 4 KiB, empty when there is nothing to say.
    pub message: String,
}

/// Why a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitReason {
    /// Exit code 0.
    Completed,
    /// The guest chose another exit code.
    Error,
    /// The guest trapped.
    WasmTrap,
    /// It never began.
    StartError,
    /// It was stopped by SIGTERM.
    Terminated,
}

impl ExitReason {
    /// The word for `terminated.reason`. Kubernetes calls an end by signal `Error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "Completed",
            Self::Error | Self::Terminated => "Error",
            Self::WasmTrap => "WasmTrap",
            Self::StartError => "StartError",
        }
    }
}

impl WorkerExit {
    /// The guest ended by itself with `code`.
    fn exited(code: i32) -> Self {
        let reason = if code == 0 { ExitReason::Completed } else { ExitReason::Error };
        Self { code, reason, message: String::new() }
    }

    /// The guest trapped. What happened comes before where, so that a short place shows it.
    fn trapped(error: &wasmtime::Error) -> Self {
        let message = match error.downcast_ref::<wasmtime::WasmBacktrace>() {
            Some(backtrace) => format!("{}\n{backtrace}", error.root_cause()),
            None => format!("{error:?}"),
        };
        Self { code: CODE_TRAP, reason: ExitReason::WasmTrap, message: shortened(message) }
    }

    /// Nothing was run; `what` was attempted.
    fn not_started(what: &str, error: impl std::fmt::Display) -> Self {
        let message = shortened(format!("cannot {what}: {error:#}"));
        Self { code: CODE_START_ERROR, reason: ExitReason::StartError, message }
    }

    /// SIGTERM came before the guest's end.
    fn terminated() -> Self {
        let message = "stopped by SIGTERM".to_owned();
        Self { code: CODE_TERMINATED, reason: ExitReason::Terminated, message }
    }
}

/// Runs the container to its end. `on_ready` is called once, when the guest is linked and, if it serves HTTP, listening.
///
/// `code` comes from [`crate::Cache`]. Standard output and error are the process's own descriptors 1 and 2; all that the
/// guest wrote has been handed to them when this returns. The caller exits with [`WorkerExit::code`].
pub fn run(preloaded: &Preloaded, spec: WorkerSpec, code: File, on_ready: impl FnOnce()) -> WorkerExit {
    // The parent may have blocked signals to read them from a descriptor; here they must arrive.
    if let Err(errno) = SigSet::all().thread_unblock() {
        return WorkerExit::not_started("unblock signals", errno);
    }
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.event_interval(EVENT_INTERVAL).max_io_events_per_tick(EVENTS_MAX).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return WorkerExit::not_started("start the worker's runtime", error),
    };
    let output = match Output::start() {
        Ok(output) => output,
        Err(error) => return WorkerExit::not_started("start the output thread", error),
    };
    let engine = if spec.entry == Entry::Http { &preloaded.per_request } else { &preloaded.single };
    let ticker = match Ticker::start(engine) {
        Ok(ticker) => ticker,
        Err(error) => return WorkerExit::not_started("start the epoch ticker", error),
    };
    let on_ready = || {
        on_ready();
        sys::give_back();
    };
    let beat = ticker.beat();
    let exit = match (spec.entry, spec.form) {
        (Entry::Command, Form::Component) => {
            runtime.block_on(beat.during(command::component(preloaded, &spec, code, &output, on_ready)))
        }
        (Entry::Command, Form::Module) => {
            runtime.block_on(beat.during(command::module(preloaded, &spec, code, &output, on_ready)))
        }
        (Entry::Http, _) => runtime.block_on(serve::serve(preloaded, spec, code, &output, beat, on_ready)),
        (Entry::Reactor, _) => WorkerExit::not_started(
            "run the artifact",
            "it exports neither wasi:cli/run, wasi:http/incoming-handler nor _start: it is a library, build a command or a server",
        ),
    };
    // Blocking calls of a guest that was stopped (a read of a pipe, a name lookup) are not waited for.
    runtime.shutdown_background();
    drop(ticker);
    output.finish();
    exit
}

/// Cuts a message at [`MAX_MESSAGE`] bytes, at a character's boundary.
fn shortened(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MAX_MESSAGE));
    message
}
