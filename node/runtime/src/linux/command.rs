//! Which file a command means, and how to execute it.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, execve};

use super::error::errno_of;
use super::identity::Identity;
use super::{LaunchError, Process, Stdio};

/// Where programs are searched when neither pod nor image set `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Device and inode of a file: its identity whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    /// Of the running program.
    pub(super) fn of_own_program() -> Result<Self, LaunchError> {
        let own = fs::metadata("/proc/self/exe")
            .map_err(|e| LaunchError::system("look at the node's own program")(errno_of(&e)))?;
        Ok(Self(own.dev(), own.ino()))
    }
}

/// A command whose strings are ready for `execve`.
#[derive(Debug)]
pub(super) struct Command {
    program: String,
    arguments: Vec<CString>,
    environment: Vec<(String, String)>,
    own_program: FileId,
}

impl Command {
    pub(super) fn new(process: &Process) -> Result<Self, LaunchError> {
        let program = process.command.first().filter(|name| !name.is_empty()).ok_or(LaunchError::NoCommand)?.clone();
        let arguments =
            process.command.iter().map(|arg| c_string("an argument", arg.as_str())).collect::<Result<_, _>>()?;
        let mut environment: Vec<(String, String)> = Vec::with_capacity(process.env.len() + 3);
        for (name, value) in &process.env {
            match environment.iter_mut().find(|(known, _)| known == name) {
                Some(entry) => entry.1.clone_from(value),
                None => environment.push((name.clone(), value.clone())),
            }
        }
        let mut command = Self { program, arguments, environment, own_program: FileId::of_own_program()? };
        command.set_default("PATH", DEFAULT_PATH);
        if matches!(process.stdio, Stdio::Terminal) {
            command.set_default("TERM", "xterm");
        }
        Ok(command)
    }

    /// Completes the environment by what only the container's user database tells.
    pub(super) fn set_home(&mut self, identity: &Identity) {
        self.set_default("HOME", &identity.home);
    }

    fn set_default(&mut self, name: &str, value: &str) {
        if !self.environment.iter().any(|(known, _)| known == name) {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Finds the file as the current user sees it. Must run inside the container.
    pub(super) fn find(&self) -> Result<Executable, LaunchError> {
        let path = if self.program.contains('/') {
            let path = PathBuf::from(&self.program);
            runnable(&path).map_err(|source| self.failed(source))?;
            path
        } else {
            self.search()?
        };
        let found = fs::metadata(&path).map_err(|error| self.failed(errno_of(&error)))?;
        if FileId(found.dev(), found.ino()) == self.own_program {
            return Err(LaunchError::OwnBinary(self.program.clone()));
        }
        let entries =
            self.environment.iter().map(|(name, value)| c_string("an environment variable", format!("{name}={value}")));
        Ok(Executable {
            program: self.program.clone(),
            path: c_string("the command", path.to_string_lossy().as_ref())?,
            arguments: self.arguments.clone(),
            environment: entries.collect::<Result<_, _>>()?,
        })
    }

    /// The first runnable file in `$PATH`; one that may not be run is the answer only when no other is found.
    fn search(&self) -> Result<PathBuf, LaunchError> {
        let path = self.environment.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value);
        let mut refused = None;
        for dir in path.split(':').map(|dir| if dir.is_empty() { "." } else { dir }) {
            let candidate = Path::new(dir).join(&self.program);
            match runnable(&candidate) {
                Ok(()) => return Ok(candidate),
                Err(Errno::EACCES) => refused = Some(Errno::EACCES),
                Err(_) => {}
            }
        }
        Err(refused.map_or_else(|| LaunchError::NotInPath(self.program.clone()), |source| self.failed(source)))
    }

    fn failed(&self, source: Errno) -> LaunchError {
        LaunchError::Exec { command: self.program.clone(), source }
    }
}

/// A file and strings for one `execve`.
#[derive(Debug)]
pub(super) struct Executable {
    program: String,
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Executable {
    /// Becomes the program; returns only the reason why not.
    pub(super) fn execute(&self) -> Result<Infallible, LaunchError> {
        execve(&self.path, &self.arguments, &self.environment)
            .map_err(|source| LaunchError::Exec { command: self.program.clone(), source })
    }
}

fn runnable(path: &Path) -> Result<(), Errno> {
    let found = fs::metadata(path).map_err(|error| errno_of(&error))?;
    if found.is_dir() {
        return Err(Errno::EISDIR);
    }
    access(path, AccessFlags::X_OK)
}

fn c_string(what: &str, text: impl Into<Vec<u8>>) -> Result<CString, LaunchError> {
    CString::new(text).map_err(|_| LaunchError::Nul(what.to_owned()))
}
