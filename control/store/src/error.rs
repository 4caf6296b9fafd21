//! Why the store cannot be opened, written, or closed.

use std::path::PathBuf;
use std::time::Duration;

use crate::command::Refused;

/// When to try again while there is no leader: about the length of an election.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the directory open.
    #[error("cannot open the store in {dir}: {by} has it open; stop that process or choose another directory", dir = dir.display(), by = pid.map_or("another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The process, when its lock file names one.
        pid: Option<u32>,
    },
    /// The directory was written by a release with another format.
    #[error("cannot open the store in {dir}: its format is version {found}, this release reads {oldest} to {newest}; {remedy}", dir = dir.display(), remedy = if found > newest { "use the newer release that wrote it" } else { "open it once with a release in between" })]
    OtherFormat {
        /// The directory.
        dir: PathBuf,
        /// The version found.
        found: u32,
        /// The oldest version that can be read.
        oldest: u32,
        /// The newest version that can be read.
        newest: u32,
    },
    /// What is on disk contradicts itself.
    #[error("cannot open the store in {dir}: {file} is damaged: {what}; restore the directory from a backup, or join the cluster again as a new member", dir = dir.display())]
    Damaged {
        /// The directory.
        dir: PathBuf,
        /// File in the directory.
        file: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The system refused a file or a thread.
    #[error("cannot open the store in {dir}: {doing}", dir = dir.display())]
    System {
        /// The directory.
        dir: PathBuf,
        /// What was attempted.
        doing: &'static str,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The member did not come to lead or follow.
    #[error("cannot open the store in {dir}: the replicated log did not start: {what}", dir = dir.display())]
    NotStarted {
        /// The directory.
        dir: PathBuf,
        /// What happened instead.
        what: String,
    },
}

/// Why a command has no effect, or none that is known.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    /// It was looked at and refused; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no leader to ask right now. The command may or may not have been taken; retry with the same request id.
    #[error("no leader at the moment; retry in {retry_after:?}")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The command is longer than the log takes.
    #[error("cannot write {bytes} bytes in one transaction: the limit is {max}")]
    TooLarge {
        /// Encoded length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// This member has stopped: it was closed, or its disk failed.
    #[error("the store has stopped: {why}")]
    Stopped {
        /// Why.
        why: String,
    },
}

/// The store ended, but not cleanly. Nothing acknowledged is lost: the log has it.
#[derive(Debug, thiserror::Error)]
#[error("cannot close the store cleanly: {doing}")]
pub struct CloseError {
    /// What was attempted.
    pub doing: &'static str,
    /// Why it failed.
    #[source]
    pub source: std::io::Error,
}
