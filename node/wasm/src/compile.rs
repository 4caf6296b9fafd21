//! Compiling in a process of its own: the code generator reads hostile bytes, so it runs confined and limited.
//!
//! [`compile`] starts the given executable in the role [`COMPILE_ROLE`] with the artifact as its standard input and the
//! output file as its standard output; [`child_main`] is that role. The child shuts itself in before it reads a byte.

mod child;
mod confine;

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

pub use child::child_main;

/// First argument of our own executable in this role.
pub const COMPILE_ROLE: &str = "wasm-compile";

/// How much of the child's diagnostics is kept: wasmtime's message, not a novel.
const MAX_DIAGNOSTICS: usize = 16 * 1024;

/// What compiling one artifact may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time, all threads together.
    pub cpu: Duration,
    /// Time on the clock.
    pub wall: Duration,
    /// Private writable memory, in bytes.
    pub memory: u64,
    /// Size of the artifact, in bytes.
    pub input: u64,
    /// Size of the compiled file, in bytes.
    pub output: u64,
}

impl Default for CompileLimits {
    /// Room for a language runtime packed as a component (18 MB, 10 s and 370 MB measured) with a margin of four; a hostile
    /// module of 0.6 MB that would take 33 s and 2.4 GB is stopped.
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(60),
            wall: Duration::from_secs(180),
            memory: 1 << 30,
            input: 64 << 20,
            output: 512 << 20,
        }
    }
}

/// Why an artifact was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A file or the child process could not be had.
    #[error("cannot {attempt} {}", path.display())]
    System {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// Refused before compiling.
    #[error("the artifact has {size} bytes, the limit is {limit}: make it smaller, for example with `wasm-opt -Os`")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The compiler refused it.
    #[error("the artifact is not valid: {0}")]
    Invalid(String),
    /// It used up its processor time.
    #[error("compiling took more than {0:?} of processor time and was stopped: simplify the largest functions")]
    Cpu(Duration),
    /// It used up its time.
    #[error(
        "compiling took longer than {0:?} and was stopped: simplify the largest functions, or try again on an idle node"
    )]
    Wall(Duration),
    /// It used up its memory.
    #[error("compiling needed more than {0} bytes of memory and was stopped: simplify the largest functions")]
    Memory(u64),
    /// It made too much code.
    #[error("the compiled code is larger than {0} bytes: make the artifact smaller")]
    Output(u64),
    /// The child ended in some other way.
    #[error("the compiler process failed ({status}): {diagnostics}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        diagnostics: String,
    },
}

/// Compiles the artifact `input` into `output`, which is overwritten and then ready for [`crate::Cache::insert`]. Blocks
/// until the child has ended.
///
/// # Errors
/// [`CompileError`]; on each of them `output` holds nothing usable.
pub fn compile(exe: &Path, input: &Path, output: &Path, limits: CompileLimits) -> Result<(), CompileError> {
    let at = |attempt, path: &Path| {
        let path = path.to_owned();
        move |cause| CompileError::System { attempt, path, cause }
    };
    let source = File::open(input).map_err(at("open", input))?;
    let size = source.metadata().map_err(at("inspect", input))?.len();
    if size > limits.input {
        return Err(CompileError::TooLarge { size, limit: limits.input });
    }
    let target = File::create(output).map_err(at("create", output))?;
    let mut child = Command::new(exe)
        .arg(COMPILE_ROLE)
        .args(confine::Limits::from(limits).to_args())
        .env_clear()
        .stdin(source)
        .stdout(target)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(at("start the compiler", exe))?;
    let outcome = supervise(&mut child, limits.wall);
    // Whatever happened above, the child does not outlive this call.
    let killed = child.kill();
    let status = child.wait().map_err(at("wait for the compiler", exe))?;
    tracing::trace!(?killed, %status, "the compiler ended");
    match outcome.map_err(at("listen to the compiler", exe))? {
        Some(diagnostics) => verdict(status, diagnostics, limits),
        None => Err(CompileError::Wall(limits.wall)),
    }
}

/// Reads what the child says until it ends, or answers `None` at the deadline. The child alone holds the pipe's other end.
fn supervise(child: &mut Child, wall: Duration) -> std::io::Result<Option<String>> {
    let deadline = Instant::now() + wall;
    let mut said = Vec::new();
    let Some(mut stderr) = child.stderr.take() else { return Ok(Some(String::new())) };
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut waiting = [PollFd::new(stderr.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, timeout) {
            Ok(0) if left.is_zero() => return Ok(None),
            Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut chunk = [0; 4096];
        let count = stderr.read(&mut chunk)?;
        if count == 0 {
            // The pipe closes a moment before the process is gone: waiting here keeps `kill` from changing its status.
            return child.wait().map(|_| Some(String::from_utf8_lossy(&said).trim().to_owned()));
        }
        let room = MAX_DIAGNOSTICS.saturating_sub(said.len());
        said.extend(chunk.iter().take(count.min(room)));
    }
}

/// What the end of the child means.
fn verdict(status: ExitStatus, diagnostics: String, limits: CompileLimits) -> Result<(), CompileError> {
    // What the allocator and the kernel say when a limit on memory is reached.
    let starved = ["memory allocation of", "Cannot allocate memory", "out of memory"];
    let starved = starved.iter().any(|sign| diagnostics.contains(sign));
    let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
    match (status.code(), signal) {
        (Some(0), _) => Ok(()),
        (_, Some(Signal::SIGXCPU | Signal::SIGKILL)) => Err(CompileError::Cpu(limits.cpu)),
        (_, Some(Signal::SIGXFSZ)) => Err(CompileError::Output(limits.output)),
        _ if starved => Err(CompileError::Memory(limits.memory)),
        (Some(child::INVALID), _) => Err(CompileError::Invalid(diagnostics)),
        _ => Err(CompileError::Failed { status, diagnostics }),
    }
}
