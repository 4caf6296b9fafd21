//! Why the network refused.

use std::io;
use std::path::PathBuf;

/// Failure of a network operation.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The configuration or an argument is wrong; the message names it.
    #[error("{0}")]
    Invalid(String),
    /// No address is left.
    #[error("no free pod address in {0}: too many pods on this node")]
    Exhausted(String),
    /// The allocation file was written by a newer release.
    #[error("{} has version {found}, this release reads up to {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest readable version.
        known: u32,
    },
    /// The allocation file is damaged.
    #[error("{} is damaged: {source}; remove it when no pod runs", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },
    /// A file, thread or namespace operation failed.
    #[error("cannot {attempt}: {source}")]
    Io {
        /// What was attempted, on what.
        attempt: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The kernel refused a link, address or route.
    #[error("cannot {attempt}: {source}")]
    Netlink {
        /// What was attempted, on what.
        attempt: String,
        /// Cause.
        #[source]
        source: rtnetlink::Error,
    },
    /// `nft` refused the rules.
    #[error("nft refused the rules of table {table}: {message}")]
    Nft {
        /// Table.
        table: String,
        /// What it printed.
        message: String,
    },
}

impl NetworkError {
    /// For `map_err`.
    pub(crate) fn io<E: Into<io::Error>>(attempt: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |source| Self::Io { attempt: attempt.into(), source: source.into() }
    }

    /// For `map_err`.
    pub(crate) fn netlink(attempt: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> Self {
        move |source| Self::Netlink { attempt: attempt.into(), source }
    }
}
